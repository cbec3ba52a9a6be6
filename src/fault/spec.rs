//! One fault of a scenario, ready to strike.

use super::catalog::FaultEntry;
use super::target::{Target, Victim};
use super::trigger::Trigger;
use crate::base::Span;
use crate::config::Values;
use crate::world::disturbance::Disturbance;
use crate::world::spec::Spec;

/// One fault of a scenario.
#[derive(Clone, Debug)]
pub struct FaultSpec {
    /// What kind it is.
    pub kind: &'static FaultEntry,
    /// Settings of the kind.
    pub values: Values,
    /// Whom it hits; a role is resolved when it strikes.
    pub target: Target,
    /// When it strikes.
    pub trigger: Trigger,
    /// From the strike to the repair; `None`: it is never repaired, or needs no repair.
    pub lasting: Option<Span>,
}

/// What a fault does, and what mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What happens to the cluster.
    pub disturbance: Disturbance,
    /// What mends it; `None` where the cluster mends itself.
    pub repair: Option<Disturbance>,
}

impl FaultSpec {
    /// The keys of `[[fault]]` that say this, each with its value as TOML; settings of the kind, and how long it lasts,
    /// where they are not the defaults.
    pub fn keys(&self, spec: &Spec) -> Vec<(String, String)> {
        let quoted = |text: &str| format!("\"{text}\"");
        let mut keys = vec![("kind".to_owned(), quoted(self.kind.entry.name))];
        let target = self.target.label(spec);
        if !target.is_empty() {
            keys.push(("target".to_owned(), quoted(&target)));
        }
        keys.extend(self.trigger.keys(spec).into_iter().map(|(key, value)| (key.to_owned(), quoted(&value))));
        let usual = self.kind.lasting.map(|lasting| lasting.default);
        if self.lasting != usual {
            let lasting = self.lasting.map_or_else(|| "never".to_owned(), |lasting| lasting.to_string());
            keys.push(("lasting".to_owned(), quoted(&lasting)));
        }
        keys.extend(self.values.changed().map(|(key, value)| (key.to_owned(), value.to_owned())));
        keys
    }

    /// What happens to this victim, and what mends it after how long. `None` when a fault of this kind cannot hit
    /// such a victim, which [`Aim`](super::Aim) excludes for targets that were resolved.
    pub fn strike(&self, victim: Victim) -> Option<(Disturbance, Option<(Span, Disturbance)>)> {
        let strike = (self.kind.strike)(&self.values, victim)?;
        Some((strike.disturbance, self.lasting.zip(strike.repair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::fault::find;
    use crate::world::ids::NodeId;

    #[test]
    fn a_fault_that_is_never_repaired_has_no_repair() {
        let kind = find("node-power-off").expect("a kind");
        let mut fault = FaultSpec {
            kind,
            values: kind.entry.defaults(),
            target: Target::EtcdLeader,
            trigger: Trigger::At(Time::ZERO),
            lasting: None,
        };
        let node = NodeId(2);
        assert_eq!(fault.strike(Victim::Node(node)), Some((Disturbance::PowerOff(node), None)));
        fault.lasting = Some(Span::mins(5));
        let repair = Some((Span::mins(5), Disturbance::PowerOn(node)));
        assert_eq!(fault.strike(Victim::Node(node)), Some((Disturbance::PowerOff(node), repair)));
    }
}
