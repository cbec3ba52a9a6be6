//! The load balancer in front of the API servers: which of them new connections go to.
//!
//! Health checks are not events. When what a check would find changes, the tick at which enough of them in a row have
//! found it is computed, and only that moment is scheduled.

use crate::base::{IdVec, Span, Time};
use crate::engine::Draw;
use crate::world::ids::MasterId;
use crate::world::spec::{ApiBalancerSpec, Balance};

/// One target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    /// Checks of it fall on `phase + k * interval`.
    pub(super) phase: Time,
    /// Whether it belongs to the load balancer at all.
    pub(super) registered: bool,
    /// Whether new connections go to it.
    pub(super) used: bool,
    /// Whether a check would pass.
    pub(super) passes: bool,
    /// Pending changes of an older finding do not count.
    pub(super) generation: u32,
    /// Registrations and deregistrations so far; those pending of an older one do not count.
    pub(super) registration: u32,
}

/// What the load balancer believes.
#[derive(Clone, Debug, Default)]
pub(super) struct Rotation {
    pub(super) backends: IdVec<MasterId, Backend>,
    /// In turn: who had the last new connection.
    pub(super) turn: Option<MasterId>,
    /// What every change of a target takes beyond its usual time.
    pub(super) lag: Span,
}

impl Rotation {
    /// The targets for a new connection: those in use, or all if it fails open.
    pub(super) fn candidates(&self, fail_open: bool) -> Vec<MasterId> {
        let used: Vec<MasterId> = self.backends.entries().filter(|(_, b)| b.used).map(|(m, _)| m).collect();
        if used.is_empty() && fail_open {
            return self.backends.entries().filter(|(_, b)| b.registered).map(|(m, _)| m).collect();
        }
        used
    }

    /// The target of a new connection, if there is one.
    pub(super) fn pick(&mut self, spec: &ApiBalancerSpec, draw: impl FnOnce() -> Draw) -> Option<MasterId> {
        let candidates = self.candidates(spec.fail_open);
        let first = *candidates.first()?;
        let pick = match (spec.balance, self.turn) {
            (Balance::Random, _) => candidates[draw().below(candidates.len() as u64) as usize],
            // Where the turn stands when a run begins is chance.
            (Balance::RoundRobin, None) => candidates[draw().below(candidates.len() as u64) as usize],
            (Balance::RoundRobin, Some(last)) => *candidates.iter().find(|master| **master > last).unwrap_or(&first),
        };
        self.turn = Some(pick);
        Some(pick)
    }

    /// When checks, finding from `now` on the opposite of what they found before, will have marked the target.
    /// `silent`: a failing check fails by its time-out.
    pub(super) fn marked_at(&self, target: MasterId, spec: &ApiBalancerSpec, now: Time, silent: bool) -> Time {
        let backend = self.backends[target];
        let threshold = if backend.passes { spec.healthy } else { spec.unhealthy };
        let last = now.next_tick(backend.phase, spec.interval) + spec.interval * u64::from(threshold.max(1) - 1);
        if silent && !backend.passes { last + spec.timeout } else { last + Span::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use crate::world::purpose::Purpose;
    use crate::world::testkit::{Stage, small_spec};

    fn backend(used: bool) -> Backend {
        Backend { phase: Time::ZERO, registered: true, used, passes: used, generation: 0, registration: 0 }
    }

    // HAProxy configuration manual, balance: roundrobin.
    #[test]
    fn in_turn_each_target_in_use_gets_the_same_share_and_one_that_is_out_gets_none() {
        let mut stage = Stage::new(small_spec(), 7);
        stage.spec.control_plane.load_balancer.balance = Balance::RoundRobin;
        let spec = stage.spec.control_plane.load_balancer.clone();
        let mut rotation = Rotation { backends: (0..3).map(|_| backend(true)).collect(), turn: None, lag: Span::ZERO };
        let ctx = stage.ctx();
        let pick = |rotation: &mut Rotation| rotation.pick(&spec, || ctx.draw(Purpose::ServerPick, Name::new("x"), 0));
        let turns: Vec<Option<MasterId>> = (0..6).map(|_| pick(&mut rotation)).collect();
        assert_eq!(turns[..3], turns[3..], "in turn");
        assert!((0..3).all(|master| turns[..3].contains(&Some(MasterId(master)))), "{turns:?}");
        rotation.backends[MasterId(1)].used = false;
        let turns: Vec<Option<MasterId>> = (0..4).map(|_| pick(&mut rotation)).collect();
        assert!(!turns.contains(&Some(MasterId(1))) && turns[0] != turns[1], "{turns:?}");
        (0..3).for_each(|master| rotation.backends[MasterId(master)].used = false);
        assert_eq!(pick(&mut rotation), None);
    }
}
