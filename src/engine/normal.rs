//! Quantiles of the normal distribution.

/// The value below which a normal variate of mean 0 and variance 1 lies with probability `p`.
///
/// Relative error about 1e-16. Infinite at 0 and 1, and outside of them. M. J. Wichura, "Algorithm AS 241: The
/// percentage points of the normal distribution", Applied Statistics 37(3), 1988, routine PPND16.
pub fn quantile(p: f64) -> f64 {
    let from_middle = p - 0.5;
    if from_middle.abs() <= 0.425 {
        return from_middle * ratio(&MIDDLE, 0.425 * 0.425 - from_middle * from_middle);
    }
    let tail = p.min(1.0 - p);
    if tail <= 0.0 {
        return f64::INFINITY.copysign(from_middle);
    }
    let depth = libm::sqrt(-libm::log(tail));
    let size = match depth <= 5.0 {
        true => ratio(&NEAR, depth - 1.6),
        false => ratio(&FAR, depth - 5.0),
    };
    size.copysign(from_middle)
}

/// A rational function: coefficients of the numerator and denominator, highest power first.
type Rational = [[f64; 8]; 2];

fn ratio([above, below]: &Rational, x: f64) -> f64 {
    let polynomial = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    polynomial(above) / polynomial(below)
}

#[rustfmt::skip]
const MIDDLE: Rational = [
    [
        2_509.080_928_730_122_7, 33_430.575_583_588_13, 67_265.770_927_008_7, 45_921.953_931_549_87,
        13_731.693_765_509_46, 1_971.590_950_306_551_3, 133.141_667_891_784_38, 3.387_132_872_796_366_5,
    ],
    [
        5_226.495_278_852_545, 28_729.085_735_721_943, 39_307.895_800_092_71, 21_213.794_301_586_597,
        5_394.196_021_424_751, 687.187_007_492_057_9, 42.313_330_701_600_91, 1.0,
    ],
];

#[rustfmt::skip]
const NEAR: Rational = [
    [
        7.745_450_142_783_414e-4, 0.022_723_844_989_269_184, 0.241_780_725_177_450_6, 1.270_458_252_452_368_4,
        3.647_848_324_763_204_5, 5.769_497_221_460_691, 4.630_337_846_156_546, 1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9, 5.475_938_084_995_345e-4, 0.015_198_666_563_616_457, 0.148_103_976_427_480_08,
        0.689_767_334_985_1, 1.676_384_830_183_803_8, 2.053_191_626_637_759, 1.0,
    ],
];

#[rustfmt::skip]
const FAR: Rational = [
    [
        2.010_334_399_292_288_1e-7, 2.711_555_568_743_487_6e-5, 0.001_242_660_947_388_078_4, 0.026_532_189_526_576_124,
        0.296_560_571_828_504_87, 1.784_826_539_917_291_3, 5.463_784_911_164_114, 6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15, 1.421_511_758_316_446e-7, 1.846_318_317_510_054_8e-5, 7.868_691_311_456_133e-4,
        0.014_875_361_290_850_615, 0.136_929_880_922_735_8, 0.599_832_206_555_888, 1.0,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The probability below `x`, by the complementary error function.
    fn probability(x: f64) -> f64 {
        libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0
    }

    #[test]
    fn quantiles_invert_the_distribution_function() {
        for exponent in 1..300 {
            let p = libm::exp(-f64::from(exponent) * 2.3);
            let error = probability(quantile(p)) / p - 1.0;
            // The distribution function turns a relative error e of x into x * x * e of p.
            assert!(error.abs() < 1e-12, "p = {p:e}: {error:e}");
        }
        for step in 1..1000 {
            let p = f64::from(step) / 1000.0;
            assert!((probability(quantile(p)) - p).abs() < 4e-16, "p = {p}");
            assert!((quantile(p) + quantile(1.0 - p)).abs() < 1e-14, "p = {p}");
        }
    }

    #[test]
    fn known_quantiles_come_out() {
        // AS 241, test cases of the paper.
        assert!((quantile(0.25) - -0.674_489_750_196_081_7).abs() < 1e-15);
        assert!((quantile(0.001) - -3.090_232_306_167_814).abs() < 1e-14);
        assert!((quantile(1e-20) - -9.262_340_089_798_408).abs() < 1e-14);
        assert!((quantile(0.99) - 2.326_347_874_040_840_8).abs() < 1e-14);
        assert_eq!(quantile(0.5), 0.0);
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
