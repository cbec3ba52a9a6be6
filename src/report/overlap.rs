//! What shows of stretches of time that overlap.

/// From, to; seconds.
type Stretch = (f64, f64);

/// The parts of phases that show where they overlap: the one that began last stands on top.
pub(super) fn uncovered<P: Copy>(phases: &[(Stretch, P)]) -> Vec<(Stretch, P)> {
    let mut sorted = phases.to_vec();
    sorted.sort_by(|((a, _), _), ((b, _), _)| a.total_cmp(b));
    let mut shown = Vec::new();
    for (index, &(stretch, phase)) in sorted.iter().enumerate() {
        let mut parts = vec![stretch];
        for &((from, to), _) in &sorted[index + 1..] {
            let left = parts.iter().map(|&(a, b)| (a, b.min(from)));
            let right = parts.iter().map(|&(a, b)| (a.max(to), b));
            parts = left.chain(right).filter(|(a, b)| b > a).collect();
        }
        shown.extend(parts.into_iter().map(|part| (part, phase)));
    }
    shown.sort_by(|((a, _), _), ((b, _), _)| a.total_cmp(b));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_phases_that_overlap_the_one_that_began_last_shows() {
        let phases = [((0.0, 10.0), "gate"), ((3.0, 7.0), "booting")];
        assert_eq!(uncovered(&phases), [((0.0, 3.0), "gate"), ((3.0, 7.0), "booting"), ((7.0, 10.0), "gate")]);
    }
}
