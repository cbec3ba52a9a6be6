//! Node auto-repair of managed offers: a node that is not Ready for too long is rebooted, reimaged or replaced.

use super::catalog::BesideEntry;
use super::setting;
use crate::base::{Ratio, Span, Time};
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::actor::{Actor, Orders, Poll, Wait};
use crate::strategy::drain::{Drain, DrainSettings};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::{Answer, Command};
use crate::world::ids::NodeId;
use crate::world::reported::{Reported, Sight};
use crate::world::store::NodeReady;

/// GKE.
pub(super) static GKE_AUTO_REPAIR: BesideEntry =
    BesideEntry { entry: &GKE, build: |values| Box::new(NodeRepair::new(values, &[Cure::Drain, Cure::Replace])) };
/// AKS.
pub(super) static AKS_AUTO_REPAIR: BesideEntry = BesideEntry {
    entry: &AKS,
    build: |values| Box::new(NodeRepair::new(values, &[Cure::Reboot, Cure::Reimage, Cure::Replace])),
};
/// EKS.
pub(super) static EKS_AUTO_REPAIR: BesideEntry =
    BesideEntry { entry: &EKS, build: |values| Box::new(NodeRepair::new(values, &[Cure::Drain, Cure::Replace])) };

static GKE: Entry = Entry {
    name: "gke-auto-repair",
    about: "GKE node auto-repair: a node not Ready for 10 minutes is drained for at most an hour and recreated.",
    details: "It looks at Ready conditions only, and at nodes whose kubelet says nothing. The drain respects budgets; \
              after drain_limit the machine is deleted as it is, and its group launches another. A webhook that keeps \
              kubelets from reporting makes it recreate healthy machines, again and again.",
    settings: &GKE_SETTINGS,
    sources: &[GKE_DOC, "Jetstack, \"How a simple admission webhook lead to a cluster outage\" (2019)"],
};
static AKS: Entry = Entry {
    name: "aks-auto-repair",
    about: "AKS node auto-repair: a node not Ready for 10 minutes is rebooted, then reimaged, then replaced.",
    details: "Nothing is drained: the pods of a node that is not Ready serve nobody. Each cure has `between` to help \
              before the next one is tried; after the last the node is left to engineers.",
    settings: &AKS_SETTINGS,
    sources: &[AKS_DOC],
};
static EKS: Entry = Entry {
    name: "eks-auto-repair",
    about: "EKS node auto-repair: a node not Ready for 30 minutes is drained for at most 15 and replaced.",
    details: "It does nothing while more than max_unhealthy of a group of more than five nodes are unhealthy.",
    settings: &EKS_SETTINGS,
    sources: &[EKS_DOC],
};

const GKE_DOC: &str = "GKE, Auto-repair nodes";
const AKS_DOC: &str = "AKS, Automatically repair Azure Kubernetes Service (AKS) nodes";
const EKS_DOC: &str = "EKS user guide, Detect node health issues and enable automatic node repair";
const SPAN: Kind = Kind::Duration { min: Span::secs(1), max: Span::mins(24 * 60) };
const UNHEALTHY: &str = "How long a node must not be Ready, or say nothing.";
const DRAIN: &str = "How long its pods may take to go; then the machine is deleted as it is.";
const MOST: &str = "With a larger share of a group unhealthy nothing is repaired.";
const AT_ONCE: &str = "Machines under repair at a time.";
const BETWEEN: &str = "How long a cure has to help before the next one is tried.";
const COUNT: Kind = Kind::Count { min: 1, max: 100_000 };
/// Ours: these tools watch nodes; a look each 10 s is as near as their conditions are exact.
const LOOK: Span = Span::secs(10);
/// Groups up to this size are repaired however many are unhealthy. Source: EKS user guide.
const SMALL_GROUP: usize = 5;

static GKE_SETTINGS: [Setting; 5] = [
    setting("unhealthy_after", SPAN, "\"10m\"", UNHEALTHY, GKE_DOC),
    setting("drain_limit", SPAN, "\"1h\"", DRAIN, GKE_DOC),
    setting("between", SPAN, "\"15m\"", BETWEEN, "rollproof's estimate: the launch of a machine, and its boot"),
    setting("max_unhealthy", Kind::Ratio, "1.0", MOST, "GKE, Auto-repair nodes: no such limit is named"),
    Setting {
        unit: "machines",
        ..setting("at_once", COUNT, "1", AT_ONCE, "rollproof's estimate: \"GKE might repair the nodes in parallel\"")
    },
];
static AKS_SETTINGS: [Setting; 4] = [
    setting("unhealthy_after", SPAN, "\"10m\"", UNHEALTHY, AKS_DOC),
    setting("between", SPAN, "\"10m\"", BETWEEN, "rollproof's estimate: as long as a node must be unhealthy"),
    setting("max_unhealthy", Kind::Ratio, "1.0", MOST, "AKS: no such limit is named"),
    Setting { unit: "machines", ..setting("at_once", COUNT, "100", AT_ONCE, "AKS: no such limit is named") },
];
static EKS_SETTINGS: [Setting; 5] = [
    setting("unhealthy_after", SPAN, "\"30m\"", UNHEALTHY, EKS_DOC),
    setting("drain_limit", SPAN, "\"15m\"", DRAIN, "EKS user guide, managed node groups drain for 15 minutes"),
    setting("between", SPAN, "\"15m\"", BETWEEN, "rollproof's estimate: the launch of a machine, and its boot"),
    setting("max_unhealthy", Kind::Ratio, "0.2", MOST, EKS_DOC),
    Setting { unit: "machines", ..setting("at_once", COUNT, "1", AT_ONCE, "rollproof's estimate: one after another") },
];

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Its pods are evicted.
    Drain,
    /// Its machine reboots.
    Reboot,
    /// Its machine is wiped.
    Reimage,
    /// Its machine is deleted; its group launches another.
    Replace,
}

/// A node under repair.
#[derive(Clone, Debug)]
struct Patient {
    node: NodeId,
    /// Which cure comes next.
    next: usize,
    drain: Option<Drain>,
    /// The last cure was begun at this moment.
    since: Time,
}

/// Looks after nodes by their Ready conditions.
#[derive(Clone, Debug)]
pub(super) struct NodeRepair {
    cures: &'static [Cure],
    unhealthy_after: Span,
    /// A machine that is no node by then is unhealthy, too.
    startup: Option<Span>,
    drain: DrainSettings,
    between: Span,
    max_unhealthy: Ratio,
    /// Groups up to this size are repaired however many are unhealthy.
    small: usize,
    at_once: usize,
    masters: bool,
    numbers: OrderNumbers,
    patients: Vec<Patient>,
    /// Machines without a node, and since when they are known.
    unborn: Vec<(NodeId, Time)>,
}

impl NodeRepair {
    fn new(values: &Values, cures: &'static [Cure]) -> NodeRepair {
        let limit = cures.contains(&Cure::Drain).then(|| values.span("drain_limit"));
        NodeRepair {
            cures,
            unhealthy_after: values.span("unhealthy_after"),
            startup: None,
            drain: DrainSettings { timeout: limit, ..DrainSettings::new() },
            between: values.span("between"),
            max_unhealthy: values.ratio("max_unhealthy"),
            small: SMALL_GROUP,
            at_once: values.count("at_once") as usize,
            masters: false,
            numbers: OrderNumbers::default(),
            patients: Vec::new(),
            unborn: Vec::new(),
        }
    }

    /// Cluster API's: machines that never become nodes count, too, and masters if they are asked for.
    pub(super) fn of_machines(values: &Values) -> NodeRepair {
        let timeout = Some(values.span("node_drain_timeout")).filter(|timeout| !timeout.is_zero());
        NodeRepair {
            cures: &[Cure::Drain, Cure::Replace],
            unhealthy_after: values.span("unhealthy_after"),
            startup: Some(values.span("node_startup_timeout")),
            drain: DrainSettings { timeout, ..DrainSettings::new() },
            between: values.span("node_startup_timeout"),
            max_unhealthy: values.ratio("max_unhealthy"),
            small: 0,
            at_once: usize::MAX,
            masters: values.flag("masters"),
            numbers: OrderNumbers::default(),
            patients: Vec::new(),
            unborn: Vec::new(),
        }
    }

    fn ticks() -> Poll {
        Poll { phase: Time::ZERO, period: LOOK }
    }

    /// Since when a machine is unhealthy, and when it will have been so for long enough; `None`: it is well.
    fn due(&self, node: NodeId, seen: &Reported<'_>) -> Option<Time> {
        match seen.node(node) {
            Some(object) if object.ready == NodeReady::True => None,
            Some(object) => Some(object.ready_since + self.unhealthy_after),
            None => {
                let known = self.unborn.iter().find(|(other, _)| *other == node).map(|(_, since)| *since);
                self.startup.zip(known).map(|(startup, since)| since + startup)
            }
        }
    }

    fn watched<'s>(&self, seen: &'s Reported<'_>) -> impl Iterator<Item = NodeId> + use<'s> {
        let masters = self.masters;
        let watches = move |machine: &crate::world::reported::Instance| {
            machine.running && !machine.detached && (masters || machine.pool.is_some())
        };
        seen.instances().filter(move |(_, machine)| watches(machine)).map(|(node, _)| node)
    }

    fn know_unborn(&mut self, seen: &Reported<'_>) {
        if self.startup.is_none() {
            return;
        }
        self.unborn.retain(|(node, _)| seen.instance(*node).running && seen.node(*node).is_none());
        let unborn: Vec<NodeId> = self.watched(seen).filter(|node| seen.node(*node).is_none()).collect();
        for node in unborn {
            if !self.unborn.iter().any(|(other, _)| *other == node) {
                self.unborn.push((node, seen.now));
            }
        }
    }

    /// Whether so many of its group are unhealthy that nothing is repaired.
    fn is_short_circuited(&self, node: NodeId, seen: &Reported<'_>) -> bool {
        let pool = seen.instance(node).pool;
        let group: Vec<NodeId> = self.watched(seen).filter(|other| seen.instance(*other).pool == pool).collect();
        let unhealthy = group.iter().filter(|other| self.due(**other, seen).is_some()).count();
        let most = group.len() as f64 * self.max_unhealthy.as_f64();
        group.len() > self.small && unhealthy as f64 > most
    }

    fn admit(&mut self, turn: &mut Turn<'_, '_>) {
        let (now, seen) = (turn.now(), turn.seen);
        let watched: Vec<NodeId> = self.watched(seen).collect();
        for node in watched {
            let known = self.patients.iter().any(|patient| patient.node == node);
            let due = self.due(node, seen).is_some_and(|due| now >= due);
            if known || !due || self.patients.len() >= self.at_once || self.is_short_circuited(node, seen) {
                continue;
            }
            turn.remark(format!("{} is unhealthy: it is repaired", seen.instance(node).label));
            self.patients.push(Patient { node, next: 0, drain: None, since: now });
        }
    }

    fn treat(&mut self, turn: &mut Turn<'_, '_>) {
        for mut patient in std::mem::take(&mut self.patients) {
            if self.goes_on(&mut patient, turn) {
                self.patients.push(patient);
            }
        }
    }

    /// The next that is done to a node; whether it stays under repair.
    fn goes_on(&self, patient: &mut Patient, turn: &mut Turn<'_, '_>) -> bool {
        let (now, node) = (turn.now(), patient.node);
        loop {
            if !turn.seen.instance(node).running {
                return false;
            }
            if let Some(drain) = &mut patient.drain {
                let Some(drained) = drain.step(turn) else { return true };
                if let Some(why) = drained.failure(&turn.seen.instance(node).label, turn.seen) {
                    turn.remark(why);
                }
                patient.drain = None;
            } else if self.due(node, turn.seen).is_none() {
                // Rebooted or reimaged, it is well; one that was drained goes all the same.
                if patient.next > 0 && self.cures[patient.next - 1] == Cure::Drain {
                    // It goes on below.
                } else {
                    return false;
                }
            } else if patient.next > 0
                && self.cures[patient.next - 1] != Cure::Drain
                && now < patient.since + self.between
            {
                return true;
            }
            let Some(cure) = self.cures.get(patient.next) else { return true };
            patient.next += 1;
            patient.since = now;
            match cure {
                Cure::Drain => patient.drain = Some(Drain::cordon_first(node, self.drain)),
                Cure::Reboot => {
                    turn.give(Command::Reboot(node));
                    return true;
                }
                Cure::Reimage => {
                    turn.give(Command::Reimage(node));
                    return true;
                }
                Cure::Replace => {
                    turn.give(Command::Terminate(node));
                    return false;
                }
            }
        }
    }

    fn arm(&self, turn: &mut Turn<'_, '_>) {
        let (now, seen) = (turn.now(), turn.seen);
        turn.poll(Self::ticks(), Sight::Machines);
        let mut next = Time::NEVER;
        for patient in &self.patients {
            match &patient.drain {
                Some(drain) => drain.arm(turn),
                None if patient.next < self.cures.len() => next = next.min(patient.since + self.between),
                None => {}
            }
        }
        for due in self.watched(seen).filter_map(|node| self.due(node, seen)) {
            if due > now {
                next = next.min(due);
            }
        }
        if next < Time::NEVER {
            turn.until(Self::ticks().from(next).max(Self::ticks().after(now)));
        }
    }
}

impl Actor for NodeRepair {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        if seen.api.is_ok() {
            self.know_unborn(seen);
            self.treat(&mut turn);
            if Self::ticks().ticks_at(seen.now) {
                self.admit(&mut turn);
                self.treat(&mut turn);
            }
        }
        self.arm(&mut turn);
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}
