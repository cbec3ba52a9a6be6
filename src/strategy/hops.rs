//! Several minors, one after another: any strategy, once for each version on the way.
//!
//! The control plane walks every minor, since no API server may skip one; workers walk along, or jump over as many as
//! the version skew policy lets kubelets be behind. Source: Kubernetes documentation, "Version Skew Policy"; cluster-api
//! exp/topology/desiredstate (workers forced along when they would fall too far behind).

use super::actor::{Actor, Orders, Wait};
use super::plan_check::{Refusal, plan_check};
use crate::base::Version;
use crate::world::behaviour::Behaviour;
use crate::world::command::Answer;
use crate::world::reported::{Goal, Reported};

/// The last patch of each minor that has seen its last: where a walk stops on the way unless it is told otherwise.
/// Source: kubernetes.io/releases/patch-releases, non-active branch history.
const LAST_PATCHES: [(u16, u16); 19] = [
    (12, 10),
    (13, 12),
    (14, 10),
    (15, 12),
    (16, 15),
    (17, 17),
    (18, 20),
    (19, 16),
    (20, 15),
    (21, 14),
    (22, 17),
    (23, 17),
    (24, 17),
    (25, 16),
    (26, 15),
    (27, 16),
    (28, 15),
    (29, 15),
    (30, 14),
];

/// `"each-minor"`: the versions on the way and the one after.
pub fn each_minor(from: Version, to: Version) -> Vec<Version> {
    let last = |minor: u16| LAST_PATCHES.iter().find(|(known, _)| *known == minor).map_or(0, |(_, patch)| *patch);
    let between = (from.minor + 1..to.minor).map(|minor| Version::new(to.major, minor, last(minor)));
    between.chain([to]).collect()
}

/// Whether a control plane may walk these versions, the last of which is the version after.
///
/// # Errors
/// With the first step that may not be taken.
pub fn walk_check(from: Version, hops: &[Version]) -> Result<(), Refusal> {
    let starts = [from].into_iter().chain(hops.iter().copied());
    starts.zip(hops).try_for_each(|(from, to)| plan_check(from, *to))
}

/// Where each hop brings the control plane and the workers. `jump`: workers stay until the next hop would leave their
/// kubelets too far behind, and go to the hop's version then.
pub fn goals(from: Version, hops: &[Version], jump: bool) -> Vec<Goal> {
    let (mut nodes, mut before) = (from, from);
    let mut goals = Vec::new();
    for (index, plane) in hops.iter().enumerate() {
        let stays = hops.get(index + 1).is_some_and(|next| {
            let behind = next.minor.saturating_sub(nodes.minor);
            jump && behind <= Behaviour::of(nodes).kubelet_skew
        });
        nodes = if stays { nodes } else { *plane };
        goals.push(Goal { plane: *plane, nodes, before });
        before = *plane;
    }
    goals
}

/// A strategy that is run once for each hop.
#[derive(Clone, Debug)]
pub struct Hops {
    goals: Vec<Goal>,
    /// Which.
    at: usize,
    /// The strategy before its first call.
    fresh: Box<dyn Actor>,
    /// The strategy at this hop.
    actor: Box<dyn Actor>,
    /// Numbers of orders below this were given at earlier hops.
    base: u32,
    /// The first number that no order has.
    next: u32,
}

impl Hops {
    /// This strategy, for each of these goals.
    pub fn new(actor: Box<dyn Actor>, goals: Vec<Goal>) -> Hops {
        Hops { goals, at: 0, fresh: actor.clone(), actor, base: 0, next: 0 }
    }
}

impl Actor for Hops {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut answers: Vec<Answer> = answers.to_vec();
        loop {
            let seen = Reported { goal: self.goals.get(self.at).copied().unwrap_or(seen.goal), ..*seen };
            let own = |answer: &Answer| answer.order >= self.base;
            let mine = answers.iter().filter(|answer| own(answer));
            let mine: Vec<Answer> = mine.map(|answer| Answer { order: answer.order - self.base, ..*answer }).collect();
            let given = orders.commands.len();
            let wait = self.actor.act(&seen, &mine, orders);
            for (number, _) in &mut orders.commands[given..] {
                *number += self.base;
                self.next = self.next.max(*number + 1);
            }
            let done = matches!(orders.ended, Some(Ok(()))) && self.at + 1 < self.goals.len();
            if !done {
                return wait;
            }
            orders.ended = None;
            orders.remarks.push(format!("hop {} of {} is done: {}", self.at + 1, self.goals.len(), seen.goal.plane));
            (self.at, self.base) = (self.at + 1, self.next);
            self.actor = self.fresh.clone();
            answers.clear();
        }
    }

    fn api_rate(&self) -> (u32, u32) {
        self.actor.api_rate()
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    fn nodes(from: &str, to: &str, jump: bool) -> Vec<String> {
        let hops = each_minor(version(from), version(to));
        goals(version(from), &hops, jump).iter().map(|goal| goal.nodes.to_string()).collect()
    }

    #[test]
    fn each_minor_is_walked_at_its_last_patch() {
        let hops = each_minor(version("1.14.10"), version("1.17.4"));
        assert_eq!(hops.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.15.12", "1.16.15", "1.17.4"]);
        assert_eq!(walk_check(version("1.14.10"), &hops), Ok(()));
        assert_eq!(each_minor(version("1.14.10"), version("1.15.7")), [version("1.15.7")]);
    }

    // Kubernetes documentation, "Version Skew Policy": n-2, and n-3 from kubelet 1.25 on.
    #[test]
    fn jumping_workers_are_taken_along_when_the_next_hop_would_leave_them_too_far_behind() {
        assert_eq!(nodes("1.14.10", "1.17.4", false), ["1.15.12", "1.16.15", "1.17.4"]);
        assert_eq!(nodes("1.14.10", "1.17.4", true), ["1.14.10", "1.16.15", "1.17.4"]);
        assert_eq!(nodes("1.14.10", "1.16.0", true), ["1.14.10", "1.16.0"]);
        assert_eq!(nodes("1.25.0", "1.28.0", true), ["1.25.0", "1.25.0", "1.28.0"]);
        assert_eq!(nodes("1.24.0", "1.27.0", true), ["1.24.0", "1.26.15", "1.27.0"]);
    }

    #[test]
    fn a_way_back_leads_to_the_hop_before() {
        let hops = each_minor(version("1.14.10"), version("1.17.4"));
        let goals = goals(version("1.14.10"), &hops, false);
        let before: Vec<String> = goals.iter().map(|goal| goal.before.to_string()).collect();
        assert_eq!(before, ["1.14.10", "1.15.12", "1.16.15"]);
    }

    #[test]
    fn a_walk_may_not_skip_a_minor_nor_go_back() {
        let walk = |hops: &[&str]| {
            let hops: Vec<Version> = hops.iter().map(|hop| version(hop)).collect();
            walk_check(version("1.14.10"), &hops)
        };
        assert!(matches!(walk(&["1.15.12", "1.17.0"]), Err(Refusal::SkippedMinor { .. })));
        assert!(matches!(walk(&["1.15.12", "1.15.7"]), Err(Refusal::Downgrade { .. })));
    }
}
