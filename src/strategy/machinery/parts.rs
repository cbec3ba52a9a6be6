//! Parts that many plans share.

use super::condition::Condition;
use super::plan::*;
use crate::base::{IntOrPercent, Span};
use crate::strategy::drain::DrainSettings;
use crate::world::disturbance::MasterProcess;

/// client-go's default rate and burst. Source: client-go `rest/config.go`.
pub const CLIENT_GO_RATE: (u32, u32) = (5, 10);
/// Time between two looks of a controller that watches: what it waits for it knows within a second. Ours.
pub const WATCHES: Span = Span::secs(1);
/// Time between two looks of a person, or of a script with `kubectl get`. Ours.
pub const SCRIPT_LOOKS: Span = Span::secs(10);

impl Plan {
    /// Stages from this moment on, any time, at client-go's rate.
    pub fn of(start: Span, stages: Vec<Stage>) -> Plan {
        Plan { start, api_rate: CLIENT_GO_RATE, stages, window: None }
    }
}

impl Stage {
    /// Outdated machines of these groups, one after another as listed, by these steps; the first error stops the run.
    pub fn of(name: &str, groups: Groups, steps: Vec<Step>) -> Stage {
        Stage {
            name: name.to_owned(),
            rollout: None,
            groups,
            together: false,
            select: Select::Outdated,
            template: true,
            delay: Span::ZERO,
            before: None,
            surge: None,
            premark: Premark::None,
            order: Order::List,
            pace: Pace::Window { most: Amount::count(1), brake: false },
            steps,
            finish: Vec::new(),
            rollback: Rollback { after: None, drain: evicts() },
            on_error: OnError::all(Action::StopRun),
        }
    }
    /// A new template for an app, and nothing else until it is rolled out.
    pub fn rollout(name: &str, app: &str, deadline: Option<Span>) -> Stage {
        let rollout = Rollout { app: app.to_owned(), deadline };
        Stage { rollout: Some(rollout), ..Stage::of(name, Groups::Named(Vec::new()), Vec::new()) }
    }
    /// So many at a time.
    pub fn at_once(self, most: Amount) -> Stage {
        Stage { pace: Pace::Window { most, brake: false }, ..self }
    }
}

/// A drain as kubectl does it, without a deadline.
pub const fn evicts() -> Drain {
    Drain { how: DrainSettings::new(), on_deadline: OnDeadline::Fail }
}

/// A drain that fails at its deadline; zero is none.
pub fn drain_within(timeout: Span) -> Step {
    let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    Step::Drain(Drain { how: DrainSettings { timeout, ..DrainSettings::new() }, on_deadline: OnDeadline::Fail })
}

/// A drain that deletes what is left at its deadline, and goes on once that is gone, or after as long as pods may take.
pub fn drain_then_force(timeout: Span) -> Step {
    let how = DrainSettings { timeout: Some(timeout), ..DrainSettings::new() };
    Step::Drain(Drain { how, on_deadline: OnDeadline::Force(FORCED) })
}

/// How long forced deletions are waited for. Ours: longer than pods' grace commonly is.
pub const FORCED: Span = Span::mins(1);

/// The unit's machine must be Ready.
pub fn node_ready(every: Span) -> Gate {
    Gate::of(vec![Condition::NodeReady], every)
}

/// A hidden control plane: replicas replaced one at a time, each out of the load balancer first, no drain, no order in
/// etcd that anybody outside could see. What it costs is that a replica is gone as long as its machine takes.
pub fn managed_control_plane() -> Stage {
    let steps = vec![
        Step::Deregister,
        Step::Wait(crate::world::fact::StepPhase::Detaching, MANAGED_DEREGISTRATION),
        Step::Transition(Transition::Terminate),
        Step::Gate(Gate::of(vec![Condition::NodeReady, Condition::ControlPlane], MANAGED_LOOKS)),
    ];
    Stage { order: Order::Random, ..Stage::of("control plane", Groups::Masters, steps) }
}

/// The same, and a replica that is not healthy within its time takes those replaced before it back to the old version.
pub fn reverting_control_plane(deadline: Span) -> Stage {
    let mut stage = managed_control_plane();
    for step in &mut stage.steps {
        if let Step::Gate(gate) = step {
            *gate = gate.clone().within(deadline);
        }
    }
    Stage { on_error: OnError { gate: Action::RollBack, ..stage.on_error }, ..stage }
}

/// Time for a managed load balancer to let a replica go. Ours: above its usual deregistration.
const MANAGED_DEREGISTRATION: Span = Span::secs(30);
/// Time between two looks at a managed control plane. Ours.
const MANAGED_LOOKS: Span = Span::secs(10);

/// A replacement for each unit first, at most `surge` of them at a time; other units go without.
pub fn surge_first(surge: IntOrPercent, ready: Gate) -> Step {
    Step::Surge { most: Amount::up(surge), until: ready }
}

/// How many units of a surge and those that go without together: the sum of both, of any size of group.
pub fn surge_and(surge: IntOrPercent, unavailable: IntOrPercent) -> Pace {
    Pace::Surge { surge: Amount::up(surge), unavailable: Amount::down(unavailable) }
}

/// A master's static pods in kubeadm's order, etcd left out.
pub const SERVERS: [MasterProcess; 3] =
    [MasterProcess::ApiServer, MasterProcess::ControllerManager, MasterProcess::Scheduler];

/// A second set of machines, so many of the group's size; once all are Ready, all old ones are cordoned.
pub fn blue_green(name: &str, green: IntOrPercent, ready: Gate, steps: Vec<Step>) -> Stage {
    let surge = Surge { by: SurgeBy::Amount(Amount::up(green)), until: ready };
    Stage { surge: Some(surge), premark: Premark::Cordon, ..Stage::of(name, Groups::Workers, steps) }
}

/// Masters replaced so many at a time: cordoned, drained for at most 15 minutes, terminated; the next when the new one
/// is Ready with all its static pods.
pub fn replaced_masters(most: Amount) -> Stage {
    let drain = drain_within(MASTER_DRAIN);
    Stage::of("masters", Groups::Masters, replaced(drain, MASTER_SETTLE)).at_once(most)
}

/// How long a master's drain may take. As kops has it (`cmd/kops/rolling-update_cluster.go`, DrainTimeout).
const MASTER_DRAIN: Span = Span::mins(15);
/// Wait after it. As kops has it (PostDrainDelay).
const MASTER_SETTLE: Span = Span::secs(5);

/// A machine cordoned, drained, terminated; its replacement Ready.
pub fn replaced(drain: Step, settle: Span) -> Vec<Step> {
    vec![
        Step::Cordon,
        drain,
        Step::Wait(crate::world::fact::StepPhase::Detaching, settle),
        Step::Transition(Transition::Terminate),
        Step::Gate(Gate::of(vec![Condition::NodeReady, Condition::StaticPods], SCRIPT_LOOKS)),
    ]
}
