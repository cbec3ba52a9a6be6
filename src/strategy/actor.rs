//! How an actor is driven: it sees what is reported, answers with orders, and says what it waits for.

use std::fmt::Debug;

pub use super::wait::{NotYet, Part, Poll, Wait};
use crate::world::command::{Answer, Command};
use crate::world::fact::{RolloutStage, StepPhase, Unit};
use crate::world::ids::AppId;
use crate::world::reported::Reported;

/// A planner outside the cluster, with plain cloneable state of its own.
///
/// A program can bring its own. This one empties the workers one after another and reboots each; [`Turn`] numbers its
/// orders and gathers what it waits for, and [`Drain`] drains as kubectl does:
///
/// ```
/// use rollproof::api::{App, Pool};
/// use rollproof::base::{Span, Time};
/// use rollproof::config::Entry;
/// use rollproof::scenario::Scenario;
/// use rollproof::sim::outcome::{UpgradeResult, Verdict};
/// use rollproof::strategy::drain::{Drain, DrainSettings};
/// use rollproof::strategy::turn::{OrderNumbers, Turn};
/// use rollproof::strategy::{Actor, Orders, Poll, StrategyEntry, Target, Wait};
/// use rollproof::world::command::{Answer, Command};
/// use rollproof::world::fact::{StepPhase, Unit};
/// use rollproof::world::ids::NodeId;
/// use rollproof::world::reported::{Reported, Sight};
/// use rollproof::world::store::NodeReady;
///
/// static REBOOTS: StrategyEntry = StrategyEntry {
///     entry: &Entry {
///         name: "team-reboots",
///         about: "Empties worker after worker and reboots it.",
///         details: "",
///         settings: &[],
///         sources: &["the team's runbook"],
///     },
///     build: |_| Box::new(Reboots::default()),
///     target: Target::Ignored,
///     hides_etcd: false,
/// };
///
/// #[derive(Clone, Debug, Default)]
/// struct Reboots {
///     numbers: OrderNumbers,
///     done: Vec<NodeId>,
///     at: Option<(NodeId, Step)>,
/// }
///
/// #[derive(Clone, Debug)]
/// enum Step {
///     Draining(Drain),
///     Rebooting { since: Time },
/// }
///
/// impl Actor for Reboots {
///     fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
///         let mut numbers = self.numbers;
///         let mut turn = Turn::new(seen, answers, orders, &mut numbers);
///         while self.step(&mut turn) {}
///         let wait = turn.wait;
///         self.numbers = numbers;
///         wait
///     }
///     fn boxed_clone(&self) -> Box<dyn Actor> {
///         Box::new(self.clone())
///     }
/// }
///
/// impl Reboots {
///     /// Goes on if it can; whether it did.
///     fn step(&mut self, turn: &mut Turn<'_, '_>) -> bool {
///         let Some((node, step)) = &mut self.at else { return self.begin_next(turn) };
///         let node = *node;
///         match step {
///             Step::Draining(drain) => {
///                 let Some(drained) = drain.step(turn) else {
///                     drain.arm(turn);
///                     return false;
///                 };
///                 if let Some(why) = drained.failure(&turn.seen.instance(node).label, turn.seen) {
///                     turn.orders.ended = Some(Err(why));
///                     return false;
///                 }
///                 turn.end(Unit::Node(node), StepPhase::Draining);
///                 turn.begin(Unit::Node(node), StepPhase::Transition);
///                 turn.give(Command::Reboot(node));
///                 self.at = Some((node, Step::Rebooting { since: turn.now() }));
///             }
///             Step::Rebooting { since } => {
///                 // A reboot takes longer than the first look; from then on the node's condition tells.
///                 let looks = Poll { phase: *since + Span::mins(3), period: Span::secs(10) };
///                 let ready = turn.seen.node(node).is_some_and(|node| node.ready == NodeReady::True);
///                 if turn.now() < looks.phase || !looks.ticks_at(turn.now()) || !ready {
///                     turn.until(looks.after(turn.now()));
///                     turn.poll(looks, Sight::Machines);
///                     return false;
///                 }
///                 turn.give(Command::Uncordon(node));
///                 turn.end(Unit::Node(node), StepPhase::Transition);
///                 self.done.push(node);
///                 self.at = None;
///             }
///         }
///         true
///     }
///
///     fn begin_next(&mut self, turn: &mut Turn<'_, '_>) -> bool {
///         let mut workers = turn.seen.instances().filter(|(_, machine)| machine.running && machine.pool.is_some());
///         match workers.find(|(node, _)| !self.done.contains(node)) {
///             Some((node, _)) => {
///                 turn.begin(Unit::Node(node), StepPhase::Draining);
///                 self.at = Some((node, Step::Draining(Drain::cordon_first(node, DrainSettings::new()))));
///                 true
///             }
///             None => {
///                 turn.orders.ended = Some(Ok(()));
///                 false
///             }
///         }
///     }
/// }
///
/// let plan = Scenario::builder("team")
///     .version("1.14.10", "1.14.10")
///     .pool(Pool::new("workers", 3))
///     .app(App::new("web").replicas(2).max_unavailable(1))
///     .own_strategy(&REBOOTS)
///     .build()?;
/// let outcome = plan.run(1)?;
/// assert_eq!((outcome.verdict, outcome.upgrade.result), (Verdict::Holds, UpgradeResult::Completed));
/// assert_eq!(outcome.pods.max_moves_of_one > 0, true, "pods have moved");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Plans that are made of the primitives of [`machinery`](super::machinery) need no actor of their own:
/// [`StrategyEntry`](super::StrategyEntry) has an example.
///
/// [`Turn`]: super::turn::Turn
/// [`Drain`]: super::drain::Drain
pub trait Actor: Debug + Send + Sync {
    /// Looks and acts. Called at the start, whenever a wait of the last call ends, and with each batch of answers.
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait;

    /// Requests a second and burst of its API client: client-go's default (`rest/config.go`) unless the tool sets its own.
    fn api_rate(&self) -> (u32, u32) {
        (5, 10)
    }

    /// A copy with the same state.
    fn boxed_clone(&self) -> Box<dyn Actor>;
}

impl Clone for Box<dyn Actor> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

/// What an actor puts out in one call.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Orders with the numbers their answers will bear, in order.
    pub commands: Vec<(u32, Command)>,
    /// Phases entered (`true`) and left (`false`), in order.
    pub phases: Vec<(Unit, StepPhase, bool)>,
    /// Stages that an app's rollout has come to, with the percentage of requests that the new version gets.
    pub rollouts: Vec<(AppId, RolloutStage, u32)>,
    /// Why it waits, for reports; the last call's reasons stand.
    pub blocked: Vec<NotYet>,
    /// Remarks for the timeline, such as an error the tool would print.
    pub remarks: Vec<String>,
    /// The plan has ended: completed (`Ok`), or failed with this message.
    pub ended: Option<Result<(), String>>,
}

impl Orders {
    /// Gives an order; its answer will bear `number`.
    pub fn give(&mut self, number: u32, command: Command) {
        self.commands.push((number, command));
    }
    /// A unit enters a phase.
    pub fn begin(&mut self, unit: Unit, phase: StepPhase) {
        self.phases.push((unit, phase, true));
    }
    /// A unit leaves a phase.
    pub fn end(&mut self, unit: Unit, phase: StepPhase) {
        self.phases.push((unit, phase, false));
    }
}
