//! `strategy.hops` and `strategy.hop_nodes`: the versions on the way of a plan that walks several minors.

use super::lower::Lower;
use crate::base::Version;
use crate::config::{Place, Problem, Reader, ValueKind, code};
use crate::strategy::{Refusal, each_minor, walk_check};
use crate::world::spec::ControlPlaneSpec;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Hops {
    way: Way,
    /// Workers jump as far as the skew policy lets them.
    pub jump: bool,
    place: Option<Place>,
}

#[derive(Clone, Debug, Default)]
enum Way {
    #[default]
    Direct,
    EachMinor,
    Listed(Vec<Version>),
}

/// Reads the keys of a strategy's table.
pub(super) fn read(lower: &mut Lower<'_>, reader: &mut Reader<'_>) -> Hops {
    let hops = reader.optional("hops");
    let nodes = reader.optional("hop_nodes");
    let jump = nodes.choice(&[("walk", false), ("jump", true)]).unwrap_or(false);
    let way = match hops.value().map(|value| &value.kind) {
        None => Way::Direct,
        Some(ValueKind::String(_)) => match hops.choice(&[("each-minor", ())]) {
            Some(()) => Way::EachMinor,
            None => Way::Direct,
        },
        Some(_) => Way::Listed(hops.items().iter().filter_map(|item| item.version()).collect()),
    };
    match &way {
        Way::Direct => {}
        Way::EachMinor => lower.page.line("hops = \"each-minor\""),
        Way::Listed(listed) => {
            let listed: Vec<String> = listed.iter().map(|version| format!("\"{version}\"")).collect();
            lower.page.line(&format!("hops = [{}]", listed.join(", ")));
        }
    }
    if nodes.is_given() {
        lower.page.line(&format!("hop_nodes = \"{}\"", if jump { "jump" } else { "walk" }));
    }
    Hops { way, jump, place: hops.is_given().then(|| hops.place()) }
}

impl Hops {
    /// The versions that the control plane walks, the last of which is the version after. What may not be walked is
    /// reported.
    pub(super) fn walk(&self, lower: &Lower<'_>, (from, to): (Version, Version), target: Place) -> Vec<Version> {
        let mut hops = match &self.way {
            Way::Direct => vec![to],
            Way::EachMinor => each_minor(from, to),
            Way::Listed(listed) => listed.clone(),
        };
        if hops.last() != Some(&to) {
            hops.push(to);
        }
        let Err(refusal) = walk_check(from, &hops) else { return hops };
        let help = match (refusal, self.place) {
            (Refusal::SkippedMinor { from, .. }, Some(_)) => {
                format!("list a version of {}.{} between, or say \"each-minor\"", from.major, from.minor + 1)
            }
            _ => refusal.help(),
        };
        let place = self.place.unwrap_or(target);
        lower.problems.report(Problem::error(code::VALUE, refusal.to_string(), place).help(help));
        hops
    }
}

/// The etcd of each version on the way; it never goes back, whatever was asked for the ends.
pub(super) fn on_the_way(
    plane: &ControlPlaneSpec,
    hops: &[Version],
    of: fn(Version) -> Version,
) -> Vec<(Version, Version)> {
    let between = hops.iter().take(hops.len().saturating_sub(1));
    let (least, most) = (plane.etcd.from, plane.etcd.to.max(plane.etcd.from));
    between.map(|version| (*version, of(*version).clamp(least, most))).collect()
}

/// A step of etcd that leaves out a minor. Source: etcd documentation, "Upgrade etcd": one minor at a time.
pub(super) fn etcd_check(lower: &Lower<'_>, plane: &ControlPlaneSpec, target: Place) {
    let steps = [plane.etcd.from].into_iter().chain(plane.hops.iter().map(|(_, etcd)| *etcd)).chain([plane.etcd.to]);
    let steps: Vec<Version> = steps.collect();
    for pair in steps.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        if from.major == to.major && to.minor > from.minor + 1 {
            let message = format!("etcd would go from {from} to {to}: it is upgraded one minor at a time");
            lower.problems.report(Problem::warning(code::VALUE, message, target));
        }
    }
}
