//! Why no node took a pod.

use std::fmt;

use crate::world::ids::ZoneId;

/// A reason that rules a node out. Order of the scheduler's filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `spec.unschedulable`.
    Cordoned,
    /// A NoSchedule or NoExecute taint.
    Tainted,
    /// Not of the pods' pool.
    Pool,
    /// In another zone than its volume.
    VolumeZone,
    /// Not enough CPU left to request.
    Cpu,
    /// Not enough memory left to request.
    Memory,
    /// As many pods as it takes.
    Pods,
    /// A port of the host is taken.
    Ports,
    /// `topologySpreadConstraints` over hosts or zones.
    Spread,
    /// Required anti-affinity: one pod of the app runs there.
    AntiAffinity,
    /// Required affinity: none of the app's pods runs there.
    Affinity,
}

impl Filter {
    /// All of them, in order, each with its words for one node and for several.
    const ALL: [(Filter, &'static str, &'static str); 11] = [
        (Filter::Cordoned, "cordoned", "cordoned"),
        (Filter::Tainted, "tainted", "tainted"),
        (Filter::Pool, "of another pool", "of other pools"),
        (Filter::VolumeZone, "in another zone than its volume", "in other zones than its volume"),
        (Filter::Cpu, "lacks cpu", "lack cpu"),
        (Filter::Memory, "lacks memory", "lack memory"),
        (Filter::Pods, "has no room for a pod", "have no room for a pod"),
        (Filter::Ports, "has the host's port taken", "have the host's port taken"),
        (Filter::Spread, "breaks the spread", "break the spread"),
        (Filter::AntiAffinity, "has a pod of the app", "have a pod of the app"),
        (Filter::Affinity, "has no pod of the app", "have no pod of the app"),
    ];
}

/// No node can take the pod: how many nodes there are, and how many each filter ruled out (the first that did).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unschedulable {
    /// Nodes that exist.
    pub nodes: u32,
    /// Where its volume is, if it has one.
    pub volume: Option<ZoneId>,
    pub(super) failed: [u32; Filter::ALL.len()],
}

impl Unschedulable {
    /// How many nodes this filter ruled out.
    pub fn by(&self, filter: Filter) -> u32 {
        self.failed[filter as usize]
    }
    pub(super) fn count(&mut self, filter: Filter) {
        self.failed[filter as usize] += 1;
    }
}

/// A zone as clouds name theirs: zone-a and on.
fn zone_name(zone: ZoneId) -> String {
    match u8::try_from(zone.0) {
        Ok(letter @ 0..26) => format!("zone-{}", char::from(b'a' + letter)),
        _ => format!("zone-{}", zone.0 + 1),
    }
}

impl fmt::Display for Unschedulable {
    /// As `0/3 nodes: 2 cordoned, 1 lacks cpu`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(zone) = self.volume {
            write!(f, "no {zone} node, ", zone = zone_name(zone))?;
        }
        write!(f, "0/{} nodes", self.nodes)?;
        let mut mark = ": ";
        for (filter, one, several) in Filter::ALL {
            let n = self.by(filter);
            if n > 0 {
                write!(f, "{mark}{n} {}", if n == 1 { one } else { several })?;
                mark = ", ";
            }
        }
        Ok(())
    }
}
