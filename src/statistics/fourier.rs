//! The discrete Fourier transform, always summed in the same order.

use std::f64::consts::TAU;
use std::ops::{Add, Mul, Sub};

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ONE: Complex = Complex { re: 1.0, im: 0.0 };

    pub(super) fn conjugate(self) -> Complex {
        Complex { re: self.re, im: -self.im }
    }
}

impl Add for Complex {
    type Output = Complex;
    fn add(self, other: Complex) -> Complex {
        Complex { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Complex;
    fn sub(self, other: Complex) -> Complex {
        Complex { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Complex;
    fn mul(self, other: Complex) -> Complex {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// Replaces `values` by the sums over s of `values[s] exp(-2 pi i f s / length)`. The length is a power of two.
///
/// J. W. Cooley and J. W. Tukey, Mathematics of Computation 19, 1965, in place.
pub(super) fn transform(values: &mut [Complex]) {
    let length = values.len();
    debug_assert!(length.is_power_of_two(), "a length of {length}");
    if length < 2 {
        return;
    }
    let shift = usize::BITS - length.trailing_zeros();
    for index in 0..length {
        let mirrored = index.reverse_bits() >> shift;
        if index < mirrored {
            values.swap(index, mirrored);
        }
    }
    let roots = roots(length);
    let mut half = 1;
    while half < length {
        let stride = length / (2 * half);
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (index, (one, other)) in low.iter_mut().zip(high).enumerate() {
                let turned = *other * roots[index * stride];
                (*one, *other) = (*one + turned, *one - turned);
            }
        }
        half *= 2;
    }
}

/// exp(-2 pi i k / length) for the first half of all k.
fn roots(length: usize) -> Vec<Complex> {
    let root = |k: usize| {
        let angle = -TAU * (k as f64 / length as f64);
        Complex { re: libm::cos(angle), im: libm::sin(angle) }
    };
    (0..length / 2).map(root).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_the_sum_it_stands_for() {
        for length in [1, 2, 8, 32] {
            let values: Vec<Complex> =
                (0..length).map(|s| Complex { re: f64::from(s * s % 7), im: f64::from(s % 3) }).collect();
            let mut ours = values.clone();
            transform(&mut ours);
            for (f, one) in ours.iter().enumerate() {
                let mut sum = Complex::default();
                for (s, value) in values.iter().enumerate() {
                    let angle = -TAU * (f * s) as f64 / f64::from(length);
                    sum = sum + *value * Complex { re: libm::cos(angle), im: libm::sin(angle) };
                }
                assert!((one.re - sum.re).abs() < 1e-10 && (one.im - sum.im).abs() < 1e-10, "{f} of {length}");
            }
        }
    }
}
