//! A fault of a proof: a kind, a target, a moment.

use crate::fault::{FaultEntry, FaultSpec, Target, Trigger};
use crate::world::spec::Spec;

/// A fault without its moment.
#[derive(Clone, Copy, Debug)]
pub struct Aimed {
    /// Its kind, with the settings' defaults.
    pub kind: &'static FaultEntry,
    /// Whom it hits.
    pub target: Target,
}

impl Aimed {
    /// Every kind at every target, in the order of the catalogue.
    pub fn all(kinds: &[&'static FaultEntry], spec: &Spec) -> Vec<Aimed> {
        let at = |kind: &&'static FaultEntry| {
            let kind = *kind;
            Target::all(kind.aim, spec).into_iter().map(move |target| Aimed { kind, target })
        };
        kinds.iter().flat_map(at).collect()
    }

    /// The fault at its moment.
    pub fn when(&self, trigger: Trigger) -> FaultSpec {
        FaultSpec {
            kind: self.kind,
            values: self.kind.entry.defaults(),
            target: self.target,
            trigger,
            lasting: self.kind.lasting.map(|lasting| lasting.default),
        }
    }
}
