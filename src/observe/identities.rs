//! Identities of StatefulSets: whether the process of one ran twice at a time.
//!
//! Source: Kubernetes documentation, "Force Delete StatefulSet Pods": at most one pod of an identity, for as long as
//! nobody removes the object of a pod whose kubelet cannot be heard of.

use super::Heard;
use super::figures::First;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, PodId};
use crate::world::spec::Spec;
use crate::world::store::Store;

/// What runs of each identity, and whether that was more than one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// Running processes of identities; empty, with `any` false, where no app has them.
    running: Vec<(AppId, u32, PodId)>,
    any: bool,
    /// The first that ran twice: app, ordinal, when; and how often it happened.
    pub twice: Option<(AppId, u32, First)>,
    /// How often.
    pub times: u64,
}

impl Identities {
    /// What runs at the start of a run.
    pub fn begin(store: &Store, spec: &Spec) -> Identities {
        let stateful = spec.apps.entries().filter(|(_, app)| app.is_stateful());
        let pods = stateful.flat_map(|(app, _)| store.pods_of(app).iter().map(move |pod| (app, *pod)));
        let running: Vec<_> = pods.filter_map(|(app, pod)| Some((app, store.index_of(pod)?, pod))).collect();
        Identities { any: spec.apps.iter().any(|app| app.is_stateful()), running, twice: None, times: 0 }
    }

    /// A fact.
    pub fn hear(&mut self, heard: &Heard, store: &Store) {
        if !self.any {
            return;
        }
        match heard.fact {
            Fact::PodStarted { pod } | Fact::PodRestarted { pod } => {
                let Some(ordinal) = store.index_of(pod) else { return };
                let app = store.pods().app(pod);
                self.running.retain(|(.., other)| *other != pod);
                if self.running.iter().any(|(of, other, _)| (*of, *other) == (app, ordinal)) {
                    self.times += 1;
                    let first = First { at: heard.at, event: heard.event };
                    self.twice = self.twice.or(Some((app, ordinal, first)));
                }
                self.running.push((app, ordinal, pod));
            }
            Fact::PodExited { pod } | Fact::PodKilled { pod } | Fact::PodSilent { pod } => {
                self.running.retain(|(.., other)| *other != pod);
            }
            _ => {}
        }
    }
}
