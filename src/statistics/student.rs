//! Student's distribution.

use super::beta::regularised;

/// The value that a variate of Student's distribution exceeds in size with probability `risk`; `freedom` above 0.
pub fn two_sided(risk: f64, freedom: f64) -> f64 {
    let beyond = |t: f64| regularised(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    let (mut low, mut high) = (0.0, 1.0);
    while beyond(high) > risk && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if beyond(middle) > risk { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_tables_come_out() {
        // Abramowitz and Stegun, table 26.10.
        for (freedom, expected) in [(1.0, 12.706), (5.0, 2.571), (15.0, 2.131), (30.0, 2.042), (1e6, 1.960)] {
            assert!((two_sided(0.05, freedom) - expected).abs() < 6e-4, "{freedom}: {}", two_sided(0.05, freedom));
        }
        assert!((two_sided(0.01, 20.0) - 2.845).abs() < 6e-4);
    }
}
