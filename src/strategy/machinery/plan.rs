//! A plan as plain data: stages over groups of machines, each with its order, its pace, one unit's life as a list of
//! steps, and what follows from each class of error. The state machines beside this file run it.
//!
//! A unit's life is a list and not a fixed pipeline, since tools differ in order as much as in content: kubeadm swaps
//! a master's static pods before it drains the node, Talos handles one component on all masters before the next, AKS
//! reimages what it has drained. What a unit is follows from its steps.

use super::condition::Condition;
use crate::base::{IntOrPercent, Span};
use crate::strategy::drain::DrainSettings;
use crate::world::disturbance::MasterProcess;
use crate::world::fact::StepPhase;

/// What an orchestrator does, from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When it begins, from the run's start.
    pub start: Span,
    /// Requests a second and burst of its API client.
    pub api_rate: (u32, u32),
    /// One after another.
    pub stages: Vec<Stage>,
    /// When units may begin; `None`: always.
    pub window: Option<Window>,
}

/// Times at which a plan may begin a group's turn or a unit; a unit that is under way is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// It opens at this time, from the run's start.
    pub opens: Span,
    /// So long it stays open.
    pub lasts: Span,
    /// It opens again so long after it opened; longer than it lasts.
    pub every: Span,
    /// Whether a group whose turn has begun is finished all the same.
    pub finishes: bool,
}

/// Groups of machines that are handled in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name, for messages.
    pub name: String,
    /// An app that gets a new template instead, and is waited for: the stage is about no machine then.
    pub rollout: Option<Rollout>,
    /// Which groups.
    pub groups: Groups,
    /// Whether the groups have their turns together, instead of one after another.
    pub together: bool,
    /// Which of their machines.
    pub select: Select,
    /// Whether the groups' template is set to the version after, at the group's start.
    pub template: bool,
    /// A wait before the stage's first group.
    pub delay: Span,
    /// What a group waits for before anything else.
    pub before: Option<Gate>,
    /// Machines launched ahead of the group's first unit.
    pub surge: Option<Surge>,
    /// What is done to all selected machines before the first has its turn.
    pub premark: Premark,
    /// Who comes first.
    pub order: Order,
    /// How many at a time.
    pub pace: Pace,
    /// One unit's life.
    pub steps: Vec<Step>,
    /// What is done once all units are over.
    pub finish: Vec<Finish>,
    /// How the group goes back to its old machines.
    pub rollback: Rollback,
    /// What follows from errors.
    pub on_error: OnError,
}

/// How a group goes back to its old machines: they are taken back into use, the new ones are cordoned, emptied and go.
/// Masters, which have none to spare, are replaced again, at the old template. There is no way back once the old machines
/// are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The operator cancels and rolls back so long after the first unit began; `None`: never.
    pub after: Option<Span>,
    /// How new machines are emptied.
    pub drain: Drain,
}

/// A new template for an app, such as an add-on (CNI, cluster DNS, kube-proxy), as `kubectl rollout restart` and
/// `kubectl rollout status` do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The app's name.
    pub app: String,
    /// It must be complete by then; `None`: it is waited for.
    pub deadline: Option<Span>,
}

/// Which groups of machines a stage is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// The masters, as one group.
    Masters,
    /// All worker groups that the scenario upgrades, by name.
    Workers,
    /// Both, the masters first.
    All,
    /// Masters and those workers as one group.
    Everything,
    /// These worker groups, in this order.
    Named(Vec<String>),
}

impl Groups {
    /// Whether they are groups of workers only.
    pub fn are_workers(&self) -> bool {
        matches!(self, Groups::Workers | Groups::Named(_))
    }
}

/// Which machines of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// Those of an older version, and those that an earlier run left cordoned half-way.
    Outdated,
    /// All of them, once each.
    All,
    /// The first so many of the older ones, at least one: a canary.
    First(Amount),
}

/// A number of machines: a count, or a share of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// As it was written.
    pub of: IntOrPercent,
    /// How a share is rounded.
    pub up: bool,
}

impl Amount {
    /// So many.
    pub const fn count(count: u32) -> Amount {
        Amount { of: IntOrPercent::Int(count), up: true }
    }
    /// Shares round up.
    pub const fn up(of: IntOrPercent) -> Amount {
        Amount { of, up: true }
    }
    /// Shares round down.
    pub const fn down(of: IntOrPercent) -> Amount {
        Amount { of, up: false }
    }
    /// How many of a group of `size`; may be zero.
    pub fn of(self, size: usize) -> usize {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let count = if self.up { self.of.of_rounding_up(size) } else { self.of.of_rounding_down(size) };
        count as usize
    }
}

/// Machines launched ahead of a group's first unit, beside those that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surge {
    /// How many.
    pub by: SurgeBy,
    /// What the group waits for then.
    pub until: Gate,
}

/// How many machines are launched ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurgeBy {
    /// So many of the group's size.
    Amount(Amount),
    /// The larger of so many for each zone, and this amount (EKS).
    PerZone {
        /// For each zone.
        each: u32,
        /// At least.
        least: Amount,
    },
}

/// What is done to all selected machines before the first has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Premark {
    /// Nothing.
    None,
    /// A soft taint: new pods go elsewhere where they can.
    SoftTaint,
    /// Cordoned: new pods go to new machines only, so that no pod moves twice.
    Cordon,
    /// Cordoned, and labelled out of external load balancers.
    CordonAndExclude,
}

/// Who comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the cloud lists them.
    List,
    /// The last of the list first.
    Reverse,
    /// At random, by the run's seed.
    Random,
    /// By a hash of the machine's name: arbitrary, and always the same.
    Hash,
    /// Zone by zone, and the oldest of a zone first.
    Zones,
    /// Machines without pods first, then as listed.
    EmptyFirst,
}

/// How many units are under way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Up to so many; the next begins as soon as one is over.
    Window {
        /// At least one, whatever it says.
        most: Amount,
        /// Machines of the group that are not Ready take a place, too, those of units under way excepted.
        brake: bool,
    },
    /// Within a budget, which may be zero; machines of the group that are not Ready count against it, too (Karpenter).
    Budget {
        /// Any time.
        most: Amount,
        /// While this is open no more than so many.
        during: Option<(Window, Amount)>,
    },
    /// As a Deployment does on pods: so many that a machine was launched for first, and so many that go without.
    Surge {
        /// With a machine launched first.
        surge: Amount,
        /// Without; one, if neither says any.
        unavailable: Amount,
    },
    /// So many begin together; when all of them are over, a soak, then the next.
    Batches {
        /// At least one.
        size: Amount,
        /// Between two batches.
        soak: Span,
    },
    /// Each machine's own agent looks every `period` from a random moment on, and begins if a place is free.
    Lock {
        /// Places.
        capacity: u32,
        /// Between two looks of one agent.
        period: Span,
        /// A place is free again so long after it was taken, whatever became of the unit; `None`: never.
        ttl: Option<Span>,
    },
}

/// One primitive of a unit's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A machine is launched to take this one's place, unless as many units as may have one already; the step ends when
    /// its gate passes.
    Surge {
        /// How many units may have one at a time.
        most: Amount,
        /// What the unit waits for then.
        until: Gate,
    },
    /// Soft taint.
    Taint,
    /// The soft taint is taken away.
    Untaint,
    /// No new pods.
    Cordon,
    /// New pods again.
    Uncordon,
    /// The label that takes the node out of external load balancers.
    Exclude,
    /// The label is taken away.
    Include,
    /// The cloud takes it out of its load balancers, of a master out of the API's; others wait for nothing.
    Deregister,
    /// A master that leads etcd hands over: to the newest master of the version after, if there is one.
    MoveLeader,
    /// A master waits until no other master is between here and its end, as a disruption budget on etcd's guards makes
    /// it wait; workers wait for nothing.
    QuorumGuard,
    /// A master's etcd member is removed from its group; one that leads hands over first.
    RemoveMember,
    /// Its pods go.
    Drain(Drain),
    /// A snapshot of etcd is taken.
    Snapshot,
    /// etcd is put back to its newest snapshot.
    Restore,
    /// A fixed wait, told as this phase.
    Wait(StepPhase, Span),
    /// Manifests of a master's static pods are replaced.
    Swap(Swap),
    /// The machine itself is replaced or upgraded.
    Transition(Transition),
    /// A check.
    Gate(Gate),
}

/// How a unit's pods go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The machine that drains.
    pub how: DrainSettings,
    /// What its deadline means.
    pub on_deadline: OnDeadline,
}

/// What a drain that has passed its deadline becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeadline {
    /// An error of class drain.
    Fail,
    /// The remaining pods are deleted past all budgets; after at most so long the unit goes on.
    Force(Span),
    /// The unit goes on as if it were empty.
    GoOn,
    /// The unit is uncordoned, whatever was wrong with its drain; then it is an error of class drain.
    Uncordon,
}

/// A swap of static pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Which, in order. What has the version already is left alone.
    pub processes: Vec<MasterProcess>,
    /// All manifests at once, instead of one after the other.
    pub together: bool,
    /// All are parts of one process: where any is to be replaced, all restart.
    pub one_process: bool,
    /// Time between two looks whether the new pod runs.
    pub every: Span,
    /// The new pod must be Ready by then; `None`: no limit.
    pub deadline: Option<Span>,
    /// On failure, manifests swapped so far are moved back; etcd's only when it is etcd that failed.
    pub rollback: bool,
}

/// What happens to the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It is terminated; its group launches the next in its place.
    Terminate,
    /// It is terminated. Where a machine was launched to take its place, that one does; else its group launches the next.
    Replace,
    /// It is terminated, and nothing takes its place.
    Retire,
    /// It is wiped and boots at the template, under the same name.
    Reimage,
    /// New packages are installed, and it reboots.
    Upgrade,
    /// It reboots as it is.
    Reboot,
    /// New packages are installed, its kubelet restarts, and kube-proxy as if its DaemonSet came with it; containers
    /// run on.
    Kubelet,
}

/// A check that must pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// All of these.
    pub conditions: Vec<Condition>,
    /// Time between two looks while it fails.
    pub every: Span,
    /// Successes in a row that it takes; at least one.
    pub times: u32,
    /// Time between two of them.
    pub again: Span,
    /// It fails at the first look after so long; `None`: it waits for ever.
    pub deadline: Option<Span>,
    /// What its failure counts as.
    pub class: Class,
}

impl Gate {
    /// One success is enough; it looks this often and waits for ever.
    pub fn of(conditions: Vec<Condition>, every: Span) -> Gate {
        Gate { conditions, every, times: 1, again: Span::ZERO, deadline: None, class: Class::Gate }
    }
    /// With a deadline; zero is none.
    pub fn within(self, deadline: Span) -> Gate {
        Gate { deadline: Some(deadline).filter(|deadline| !deadline.is_zero()), ..self }
    }
    /// Its failure is that a machine was not provided.
    pub fn provisions(self) -> Gate {
        Gate { class: Class::Provision, ..self }
    }
}

/// What is done once all units of a group are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// A wait for whoever watches.
    Soak {
        /// How long.
        span: Span,
        /// The operator finds something wrong after so long, and rolls back.
        rollback_after: Option<Span>,
    },
    /// A check.
    Gate(Gate),
    /// Machines launched ahead go again, one after another, by these steps.
    RemoveExtras(Vec<Step>),
    /// The group shrinks by as many as were launched ahead, one after another, each after these steps; who goes its own
    /// policy says.
    ShrinkGroup(Vec<Step>),
    /// All machines that the units drained go at once; from then on there is no way back.
    RetireOld,
}

/// Kinds of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A drain, or what belongs to it.
    Drain,
    /// A machine did not come.
    Provision,
    /// A check did not pass in time.
    Gate,
    /// A static pod did not come back.
    Swap,
    /// The API refused an order, or did not answer.
    Api,
    /// etcd would not let a member go.
    Quorum,
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Units under way are finished, then the plan fails; everything stays as it is.
    StopRun,
    /// The same, but the next group has its turn before the plan fails.
    StopGroup,
    /// The unit stays as it is; the plan goes on, and fails in the end if more than this many stayed.
    Quarantine(Amount),
    /// The step is tried again after so long; a machine that did not come is terminated and another launched.
    Retry(Span),
    /// The unit is uncordoned and waits for another turn.
    PutBack,
    /// The unit stays as it is and keeps its place; the plan waits for ever.
    Hold,
    /// The unit goes on.
    Ignore,
    /// The group goes back to its old machines, and the plan fails.
    RollBack,
}

/// What follows from each class of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnError {
    /// [`Class::Drain`].
    pub drain: Action,
    /// [`Class::Provision`].
    pub provision: Action,
    /// [`Class::Gate`].
    pub gate: Action,
    /// [`Class::Swap`].
    pub swap: Action,
    /// [`Class::Api`].
    pub api: Action,
    /// [`Class::Quorum`].
    pub quorum: Action,
}

impl OnError {
    /// The same for all.
    pub const fn all(action: Action) -> OnError {
        OnError { drain: action, provision: action, gate: action, swap: action, api: action, quorum: action }
    }
    /// A controller that reconciles: it tries again, this often, for ever.
    pub const fn retries(every: Span) -> OnError {
        OnError::all(Action::Retry(every))
    }
    /// Whether any error makes a group go back.
    pub fn rolls_back(&self) -> bool {
        [self.drain, self.provision, self.gate, self.swap, self.api, self.quorum].contains(&Action::RollBack)
    }
    /// What follows.
    pub const fn of(&self, class: Class) -> Action {
        match class {
            Class::Drain => self.drain,
            Class::Provision => self.provision,
            Class::Gate => self.gate,
            Class::Swap => self.swap,
            Class::Api => self.api,
            Class::Quorum => self.quorum,
        }
    }
}
