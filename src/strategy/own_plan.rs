//! `plan`: a user's own strategy, from the primitives that all others are made of.

use super::catalog::{StrategyEntry, Target};
use super::machinery::{PERIOD, Plan, Run, SPAN, setting};
use super::start::START;
use crate::config::{Entry, Kind, Setting};

/// A user's own plan; its stages stand in `[[strategy.stage]]`.
pub static PLAN: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(Plan::of(values.span("start"), Vec::new()))),
    target: Target::Welcome,
    hides_etcd: false,
};

static ENTRY: Entry = Entry {
    name: "plan",
    about: "Your own: stages over groups of machines, each with its order, its pace, and a unit's life as a list of steps.",
    details: "Stages have their turn one after another. Each [[strategy.stage]] has\n\
              \x20 groups: \"masters\", \"workers\" (those that the scenario upgrades, by name), \"all\" (both), \
              \"everything\" (as one group), or a list of pools\n\
              \x20 steps: one unit's life, a list of the steps below\n\
              and may have\n\
              \x20 name; delay before its first group; together = true (its groups at once)\n\
              \x20 select = \"outdated\" or \"all\"; first = 1 (a canary)\n\
              \x20 order = \"list\", \"reverse\", \"random\", \"hash\", \"zones\", \"empty-first\"\n\
              \x20 a pace: at_once = 1 or \"25%\" (brake = true: nodes not Ready count); batch = 2 with batch_soak; \
              budget = \"10%\" (may be 0); lock_period = \"1h\" with lock_ttl\n\
              \x20 before = a gate\n\
              \x20 surge = 1, \"100%\" or { per_zone = 2, least = 1 }: machines ahead of the first unit\n\
              \x20 premark = \"soft-taint\", \"cordon\", \"cordon-and-exclude\": on all units at once\n\
              \x20 finish = a list of { soak = \"1h\", rollback_after }, gates, \"remove-extras\", \"retire-old\"\n\
              \x20 cancel_after = \"5m\": an operator goes back in mid-plan; rollback_drain = a drain for the way back\n\
              \x20 on_error = { drain, provision, gate, swap, api, quorum }, each \"stop-run\" (the default), \"stop-group\", \
              \"quarantine\" or { quarantine = 1 }, \"retry\" or { retry = \"30s\" }, \"put-back\", \"hold\", \"ignore\", \
              \"roll-back\"\n\n\
              A stage of rollout = \"NAME\" instead gives that app, such as an add-on, a new template and waits until it is \
              rolled out, or fails at its deadline.\n\n\
              Steps are names\n\
              \x20 taint, untaint, cordon, uncordon, exclude, include (the label for load balancers), deregister, \
              drain, terminate, replace (by the machine of a surge), retire, reimage, upgrade (packages and a reboot), \
              reboot, kubelet (packages and a restart); of masters move-leader, remove-member, \
              quorum-guard (one at a time); etcd-snapshot, etcd-restore\n\
              or tables\n\
              \x20 { drain = { timeout, on_deadline = \"fail\", \"force\", \"go-on\" or \"uncordon\", grace, retry, look, delete, \
              delete_after, critical_last, skip_wait, alert, attempts = { length, pause, slow_after, slow_pause } } }\n\
              \x20 { wait = \"5s\" }\n\
              \x20 { swap = [\"etcd\", \"kube-apiserver\", ...], together, deadline, rollback }\n\
              \x20 { surge = 1, deadline }: a machine to take this one's place\n\
              \x20 { gate = [conditions], every, times, again, deadline }\n\n\
              Conditions are api, node-ready, static-pods, control-plane, other-masters, etcd, \
              etcd-spare, member-removable, extras-ready, \
              extras-in-each-zone, group-ready, apps, validation (as kops has it).\n\n\
              Not to be had: machines of other sizes; steps on pods. An example is scenarios/own-plan.toml.",
    settings: &SETTINGS,
    sources: &["rollproof: the primitives of src/strategy/machinery/plan.rs"],
};

static SETTINGS: [Setting; 5] = [
    START,
    setting("window_start", SPAN, "\"0s\"", "When the window opens first, from the run's start.", OURS),
    setting("window_duration", SPAN, "\"0s\"", "How long it stays open; 0s: any time will do.", OURS),
    setting("window_every", PERIOD, "\"24h\"", "From one opening to the next.", OURS),
    setting(
        "window_finishes",
        Kind::Bool,
        "false",
        "Whether a group that has begun is finished when the window closes; else its next unit waits.",
        OURS,
    ),
];

const OURS: &str = "rollproof: an operator's choice";
