//! `[[probe]]`: clients that measure the control plane.

use super::lower::{Lower, quoted};
use super::record::{dist, estimate, period, span, table};
use super::section::{Fields, Optional, Section};
use crate::base::IdVec;
use crate::config::{Item, Problem, Reader, Setting, code};
use crate::fault::{Aim, Target};
use crate::world::ids::ProbeId;
use crate::world::spec::{PlaneProbeSpec, ProbeKind, ProbeTarget, Spec};

/// `[[probe]]`, its name, kind and target excepted.
pub(super) static PROBE_CLIENT: Section = Section {
    entry: &table(
        "probe",
        "A measuring client of the control plane: it sends requests at its own pace and keeps count of their ends. An \
         instrument: it costs events, and its requests load what they measure.",
        &PROBE_CLIENT_SETTINGS,
        &[OURS],
    ),
    optionals: &[&IN_FLIGHT_MAX, &UNTIL],
};
const OURS: &str = "rollproof: an instrument, which no version fixes";
static PROBE_CLIENT_SETTINGS: [Setting; 5] = [
    period("interval", "\"50ms\"", "How long it sleeps between two requests.", OURS),
    dist(
        "overhead",
        "\"0s\"",
        "What starting a request takes it beside the sleep: a loop of a script keeps a slower pace than its sleeps.",
        OURS,
    ),
    dist("reaction", "\"0s\"", "From an answer's arrival until the client has noted its time.", OURS),
    period(
        "timeout",
        "\"10s\"",
        "A request without an answer fails after this long.",
        estimate!("longer than etcd's 7 s"),
    ),
    span("from", "\"0s\"", "When it begins, from the start of the run.", OURS),
];
static IN_FLIGHT_MAX: Optional = Optional {
    entry: table("in-flight-max", "See its setting.", &IN_FLIGHT_MAX_SETTING, &[OURS]),
    word: "none",
    absent: true,
};
static IN_FLIGHT_MAX_SETTING: [Setting; 1] = [super::record::count(
    ("in_flight_max", "requests"),
    (1, 1_000_000),
    "100",
    "Most requests under way; at the limit it waits until one ends.",
    OURS,
)];
static UNTIL: Optional =
    Optional { entry: table("until", "See its setting.", &UNTIL_SETTING, &[OURS]), word: "end", absent: true };
static UNTIL_SETTING: [Setting; 1] = [span("until", "\"1h\"", "When it ends, from the start of the run.", OURS)];

/// Names of kinds.
pub(super) const KINDS: [(&str, ProbeKind); 2] = [("etcd-put", ProbeKind::EtcdPut), ("api-write", ProbeKind::ApiWrite)];
/// The target that is each master at once.
pub(super) const EACH_MEMBER: &str = "each-member";
/// The target that is the API's load balancer.
pub(super) const LOAD_BALANCER: &str = "load-balancer";

/// Reads all probes.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, spec: &Spec) -> IdVec<ProbeId, PlaneProbeSpec> {
    let mut probes: Vec<PlaneProbeSpec> = Vec::new();
    for reader in item.tables() {
        probes.extend(one(lower, reader, spec, &probes));
    }
    probes.into_iter().collect()
}

fn one(
    lower: &mut Lower<'_>,
    mut reader: Reader<'_>,
    spec: &Spec,
    before: &[PlaneProbeSpec],
) -> Option<PlaneProbeSpec> {
    let (name_item, kind_item) = (reader.required("name"), reader.required("kind"));
    let target_item = reader.required("target");
    let fields = Fields::read(&PROBE_CLIENT, &mut reader);
    reader.finish();
    let name = name_item.name()?.to_owned();
    if before.iter().any(|probe| probe.name == name) {
        let message = format!("two probes are called `{name}`");
        lower.problems.report(Problem::error(code::DUPLICATE, message, name_item.place()));
    }
    let kind = kind_item.choice(&KINDS)?;
    let target = target(lower, &target_item, kind, spec)?;
    lower.page.header("[[probe]]");
    lower.page.line(&format!("name = {}", quoted(&name)));
    let known = KINDS.iter().find(|(_, other)| *other == kind).map_or("", |(name, _)| *name);
    lower.page.line(&format!("kind = {}", quoted(known)));
    lower.page.line(&format!("target = {}", quoted(target_item.string().unwrap_or_default())));
    lower.page.lines(&fields.lines());
    Some(PlaneProbeSpec {
        name,
        kind,
        target,
        interval: fields.values.span("interval"),
        overhead: fields.values.dist("overhead"),
        reaction: fields.values.dist("reaction"),
        timeout: fields.values.span("timeout"),
        in_flight_max: fields.optional("in_flight_max").map(|values| values.count("in_flight_max") as u32),
        from: fields.values.span("from"),
        until: fields.optional("until").map(|values| values.span("until")),
    })
}

fn target(lower: &Lower<'_>, item: &Item<'_>, kind: ProbeKind, spec: &Spec) -> Option<ProbeTarget> {
    match (item.string()?, kind) {
        (EACH_MEMBER, _) => Some(ProbeTarget::EachMember),
        (LOAD_BALANCER, ProbeKind::ApiWrite) => Some(ProbeTarget::LoadBalancer),
        (LOAD_BALANCER, ProbeKind::EtcdPut) => {
            let message = "etcd members have no load balancer in front of them";
            let help = format!("ask `{EACH_MEMBER}`, or one master");
            lower.problems.report(Problem::error(code::VALUE, message, item.place()).help(help));
            None
        }
        (label, _) => match Target::resolve(label, Aim::Master, spec) {
            Ok(Target::Master(master)) => Some(ProbeTarget::Master(master)),
            Ok(_) | Err(_) => {
                let message = format!("`{label}` is nobody whom a probe can ask");
                let help = format!("ask `{EACH_MEMBER}`, `{LOAD_BALANCER}`, or a master such as `master-1`");
                lower.problems.report(Problem::error(code::UNKNOWN_CHOICE, message, item.place()).help(help));
                None
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Span;
    use crate::scenario::{Scenario, parse, resolved};
    use crate::world::ids::{MasterId, ProbeId};
    use crate::world::spec::{ProbeKind, ProbeTarget};

    fn with(probe: &str) -> Result<Scenario, String> {
        let text = format!(
            "schema = 1\ncluster.version = {{ from = \"1.20.2\", to = \"1.20.15\" }}\nstrategy.name = \"kops-1.15\"\n{probe}"
        );
        parse("probes", &text, &[], None).map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_probe_reads_back_from_the_resolved_scenario_as_it_was_written() {
        let text = "[[probe]]\nname = \"puts\"\nkind = \"etcd-put\"\ntarget = \"each-member\"\ninterval = \"20ms\"\n\
                    [[probe]]\nname = \"writes\"\nkind = \"api-write\"\ntarget = \"master-2\"\nin_flight_max = 7\n\
                    until = \"9s\"\n";
        let scenario = with(text).expect("it is sound");
        let probes = &scenario.spec.probes;
        assert_eq!(probes.len(), 2);
        let (puts, writes) = (&probes[ProbeId(0)], &probes[ProbeId(1)]);
        assert_eq!((puts.kind, puts.target, puts.in_flight_max), (ProbeKind::EtcdPut, ProbeTarget::EachMember, None));
        assert_eq!((puts.interval, puts.until), (Span::millis(20), None));
        assert_eq!((writes.target, writes.in_flight_max), (ProbeTarget::Master(MasterId(1)), Some(7)));
        assert_eq!(writes.until, Some(Span::secs(9)));
        let again = parse("probes", resolved(&scenario), &[], None).expect("the resolved form is sound");
        assert_eq!(again.spec, scenario.spec);
    }

    #[test]
    fn etcd_behind_a_load_balancer_and_masters_that_are_not_there_are_refused() {
        for (kind, target, says) in [
            ("etcd-put", "load-balancer", "no load balancer"),
            ("api-write", "master-9", "nobody whom a probe can ask"),
            ("api-write", "workers-1", "nobody whom a probe can ask"),
        ] {
            let text = format!("[[probe]]\nname = \"p\"\nkind = \"{kind}\"\ntarget = \"{target}\"\n");
            let refused = with(&text).expect_err("it is wrong");
            assert!(refused.contains(says), "{refused}");
        }
    }
}
