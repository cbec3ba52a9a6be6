//! A swap of a master's static pods, one after another or all at once, with the local way back.
//!
//! Source: kubeadm `cmd/kubeadm/app/phases/upgrade/staticpods.go`, `upgradeComponent`, `rollbackOldManifests`.

use super::plan::Swap;
use crate::base::{Time, Version};
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::disturbance::MasterProcess;
use crate::world::ids::MasterId;
use crate::world::reported::Sight;

/// A swap under way.
#[derive(Clone, Debug)]
pub(super) struct SwapRun {
    master: MasterId,
    /// Not swapped yet, the next one last.
    ahead: Vec<MasterProcess>,
    /// Swapped, with the version before.
    swapped: Vec<(MasterProcess, Version)>,
    /// When the newest manifest was put in place.
    since: Time,
}

impl SwapRun {
    /// Of what is not at the version after.
    pub(super) fn begin(swap: &Swap, master: MasterId, turn: &Turn<'_, '_>) -> SwapRun {
        let any = swap.one_process && swap.processes.iter().any(|process| is_old(master, *process, turn));
        let old = |process: &MasterProcess| any || is_old(master, *process, turn);
        let ahead = swap.processes.iter().rev().copied().filter(old).collect();
        SwapRun { master, ahead, swapped: Vec::new(), since: turn.now() }
    }

    /// Goes as far as it can now; the result once there is one.
    pub(super) fn step(&mut self, swap: &Swap, turn: &mut Turn<'_, '_>) -> Option<Result<(), String>> {
        let now = turn.now();
        loop {
            let waits = !self.swapped.is_empty();
            if waits && !(now > self.since && self.ticks(swap).ticks_at(now)) {
                return None;
            }
            if waits && let Some(process) = self.awaited(turn) {
                let late = swap.deadline.is_some_and(|deadline| now >= self.since + deadline);
                return late.then(|| Err(self.fails(process, swap, turn)));
            }
            if self.ahead.is_empty() {
                return Some(Ok(()));
            }
            self.since = now;
            while let Some(process) = self.ahead.pop() {
                self.swapped.push((process, turn.seen.static_pod(self.master, process).version));
                let version = turn.seen.goal.plane;
                turn.give(Command::SwapStaticPod { master: self.master, process, version });
                if !swap.together {
                    break;
                }
            }
        }
    }

    fn ticks(&self, swap: &Swap) -> Poll {
        Poll { phase: self.since, period: swap.every }
    }

    /// The first swapped pod that the API does not show as Ready at the new version.
    fn awaited(&self, turn: &Turn<'_, '_>) -> Option<MasterProcess> {
        let mut swapped = self.swapped.iter().map(|(process, _)| *process);
        let first = self.swapped.first().map(|(process, _)| *process);
        if turn.seen.api.is_err() {
            return first;
        }
        swapped.find(|process| {
            let pod = turn.seen.static_pod(self.master, *process);
            is_old(self.master, *process, turn) || !pod.ready
        })
    }

    fn fails(&mut self, process: MasterProcess, swap: &Swap, turn: &mut Turn<'_, '_>) -> String {
        if swap.rollback {
            for (swapped, version) in std::mem::take(&mut self.swapped) {
                if swapped != MasterProcess::Etcd || process == MasterProcess::Etcd {
                    turn.give(Command::SwapStaticPod { master: self.master, process: swapped, version });
                }
            }
        }
        format!("{} of master {} did not come back in time", process.name(), self.master.0 + 1)
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, swap: &Swap, turn: &mut Turn<'_, '_>) {
        let (now, tick) = (turn.now(), self.ticks(swap));
        turn.poll(tick, Sight::ControlPlane);
        if let Some(deadline) = swap.deadline {
            turn.until(tick.from(self.since + deadline).max(tick.after(now)));
        }
        match self.awaited(turn) {
            Some(process) => {
                let name = process.name();
                turn.blocked(NotYet::Gate(format!("{name} of master {} is not ready", self.master.0 + 1)));
            }
            None => turn.until(tick.after(now)),
        }
    }
}

/// Whether a manifest differs from the version after; etcd's may not, though Kubernetes' version does.
fn is_old(master: MasterId, process: MasterProcess, turn: &Turn<'_, '_>) -> bool {
    let (plane, target) = (&turn.seen.spec.control_plane, turn.seen.goal.plane);
    let version = turn.seen.static_pod(master, process).version;
    let same_etcd = process == MasterProcess::Etcd && plane.etcd_of(version) == plane.etcd_of(target);
    !same_etcd && version != target
}
