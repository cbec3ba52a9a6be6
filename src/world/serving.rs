//! What each pod's address answers: part of the third clock of truth.

use crate::base::Pages;
use crate::world::ids::PodId;

/// What a pod's address answers to a new connection, and whether open ones live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// No sandbox yet, or none any more: silence, attempts time out.
    Silent,
    /// A sandbox without a listener: connections are refused. Before start-up is over, and after the process is gone.
    Refusing,
    /// Accepts and answers.
    Open,
    /// After SIGTERM, on its way out but still accepting (ignores the signal, or announces the close first).
    Leaving,
    /// Stopped accepting; requests under way are finished.
    Closing,
}

/// The table of all pods.
#[derive(Clone, Debug, Default)]
pub struct ServingTable {
    pods: Pages<PodId, Serving>,
}

impl ServingTable {
    /// What a pod's address answers; pods never started are silent.
    pub fn of(&self, pod: PodId) -> Serving {
        self.pods.get(pod).copied().unwrap_or(Serving::Silent)
    }
    /// Sets it; only the app's process does.
    pub fn set(&mut self, pod: PodId, serving: Serving) {
        *self.pods.entry(pod, Serving::Silent) = serving;
    }
    /// Whether a probe from its own node finds it well: accepts and answers.
    pub fn answers(&self, pod: PodId) -> bool {
        matches!(self.of(pod), Serving::Open | Serving::Leaving)
    }
}
