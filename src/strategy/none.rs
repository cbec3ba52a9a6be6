//! No plan: the cluster is watched until the horizon. What happens to it, faults and rollouts do.

use super::actor::{Actor, NotYet, Orders, Wait};
use super::catalog::{StrategyEntry, Target};
use super::start::START;
use crate::base::Time;
use crate::config::{Entry, Setting};
use crate::world::command::Answer;
use crate::world::reported::Reported;

/// Watches.
pub static NONE: StrategyEntry =
    StrategyEntry { entry: &ENTRY, build: |_| Box::new(Watcher), target: Target::Ignored, hides_etcd: false };

static ENTRY: Entry = Entry {
    name: "none",
    about: "Nobody does anything: the cluster is watched until the horizon.",
    details: "For runs that are about faults or an app's own rollout. The plan of doing nothing completes when the \
              horizon is one tail away, so that all laws are judged over the whole time up to `limits.horizon`. \
              Nothing is upgraded, whatever `cluster.version.to` says; `start` only sets from when on time is counted.",
    settings: &[Setting { default: "\"0s\"", source: "rollproof: nothing is to begin", ..START }],
    sources: &["rollproof: an observation"],
};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Watcher;

impl Actor for Watcher {
    fn act(&mut self, seen: &Reported<'_>, _: &[Answer], orders: &mut Orders) -> Wait {
        // The run ends a tail after the plan: together they end at the horizon.
        let end = Time::ZERO + seen.spec.horizon.saturating_sub(seen.spec.tail);
        if seen.now >= end {
            orders.ended = Some(Ok(()));
            return Wait::for_answers();
        }
        orders.blocked.push(NotYet::Pause);
        Wait::until(end)
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::strategy::stage::{Stage, secs, spec};

    #[test]
    fn it_gives_no_order_and_ends_one_tail_before_the_horizon() {
        let mut spec = spec(1, 1);
        (spec.horizon, spec.tail) = (Span::secs(100), Span::secs(30));
        let mut stage = Stage::new(spec, Box::new(Watcher));
        stage.run_until(secs(1_000));
        assert_eq!(stage.ended, Some((secs(70), Ok(()))));
        assert_eq!(stage.transcript().lines().count(), 1, "{}", stage.transcript());
    }
}
