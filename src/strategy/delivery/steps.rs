//! The steps of an Argo canary, as text: `weight 20, pause 10s, analysis, scale 3, pause`.

use crate::base::Span;
use crate::config::quantity;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `setWeight`, percent.
    Weight(u32),
    /// `pause`; without a duration until somebody promotes.
    Pause(Option<Span>),
    /// `analysis`, which holds the next step back.
    Analysis,
    /// `setCanaryScale.replicas`: the canary's count, whatever the weight; with a router only.
    Scale(u32),
}

/// Reads the steps.
///
/// # Errors
/// With what is wrong with the first that is.
pub fn steps(text: &str) -> Result<Vec<Step>, String> {
    text.split(',').map(str::trim).filter(|step| !step.is_empty()).map(step).collect()
}

fn step(text: &str) -> Result<Step, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let unknown =
        || format!("`{text}` is no step: write `weight 20`, `pause 1m`, `pause` (for ever), `analysis` or `scale 3`");
    match words.as_slice() {
        ["weight", percent] => match percent.trim_end_matches('%').parse() {
            Ok(percent @ 0..=100) => Ok(Step::Weight(percent)),
            Ok(_) | Err(_) => Err(format!("`{text}`: a weight is a percentage from 0 to 100")),
        },
        ["pause"] => Ok(Step::Pause(None)),
        ["pause", span] => match quantity::span(span) {
            Ok(span) => Ok(Step::Pause(Some(span))),
            Err(_) => Err(format!("`{text}`: a pause lasts a duration such as `90s`")),
        },
        ["analysis"] => Ok(Step::Analysis),
        ["scale", pods] => pods.parse().map(Step::Scale).map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_in_order_and_mistakes_are_named() {
        let read = steps("weight 20, pause 1m, analysis, scale 3, pause").expect("they are sound");
        let minute = Step::Pause(Some(Span::mins(1)));
        assert_eq!(read, [Step::Weight(20), minute, Step::Analysis, Step::Scale(3), Step::Pause(None)]);
        assert!(steps("weight 120").is_err_and(|why| why.contains("0 to 100")));
        assert!(steps("paus 1m").is_err_and(|why| why.contains("no step")));
    }
}
