//! Drives actors: wakes them when what they wait for has come, carries out their orders, remembers why they wait.

use std::collections::BTreeSet;

use crate::base::{Id, Time};
use crate::scenario::Scenario;
use crate::strategy::rollout_restart::RolloutRestart;
use crate::strategy::{Actor, NotYet, Orders, Wait};
use crate::world::cluster::World;
use crate::world::command::Answer;
use crate::world::components::api::Refusing;
use crate::world::disturbance::Disturbance;
use crate::world::effects::Outcome;
use crate::world::event::Event;
use crate::world::fact::{Fact, Loss, StepPhase, Unit};
use crate::world::ids::{ActorId, AppId, ClientId, PodId};
use crate::world::reported::{Changes, StaticPod};

/// One actor and what it waits for.
#[derive(Clone, Debug)]
struct Driver {
    actor: Box<dyn Actor>,
    /// The plan's actor before its first call: its tool may die and be started again, by a fault that the scenario has
    /// or by one that a proof adds to a run under way.
    fresh: Option<Box<dyn Actor>>,
    /// Its tool is dead: nothing reaches it.
    dead: bool,
    /// Orders given so far, by all processes of the tool.
    orders: u32,
    /// Orders of earlier processes of the tool: answers to them reach nobody.
    orders_before: u32,
    /// Phases that it is in.
    open: Vec<(Unit, StepPhase)>,
    client: ClientId,
    wait: Wait,
    /// Whether one of its polls finds any change at all.
    looks_at_anything: bool,
    /// The newest alarm; older ones do not count.
    alarm: u32,
    /// When it rings.
    rings: Option<Time>,
    /// When the actor last acted: what it caused itself at that moment wakes it at its next poll only.
    acted: Option<Time>,
    /// Orders that were not answered yet.
    asked: u32,
    blocked: Vec<NotYet>,
    remarks: Vec<(Time, String)>,
    ended: Option<Result<(), String>>,
    /// Its name, for one that acts beside the plan.
    beside: Option<&'static str>,
}

/// All actors; the first is the strategy.
#[derive(Clone, Debug, Default)]
pub(super) struct Drivers {
    drivers: Vec<Driver>,
    /// Scratch for masters' static pods.
    static_pods: Vec<[StaticPod; 4]>,
}

impl Drivers {
    pub(super) fn new(scenario: &Scenario, world: &mut World) -> Drivers {
        let mut drivers = Drivers::default();
        drivers.add(scenario.strategy.actor(), None, world);
        drivers.drivers[0].fresh = Some(scenario.strategy.actor());
        for (app, asked) in scenario.spec.apps.entries() {
            if let Some(at) = asked.restart_at {
                drivers.add(Box::new(RolloutRestart::new(app, Time::ZERO + at)), None, world);
            }
        }
        for rollout in &scenario.rollouts {
            drivers.add(rollout.actor(), None, world);
        }
        for beside in &scenario.beside {
            drivers.add(beside.actor(), Some(beside.entry.entry.name), world);
        }
        drivers
    }

    fn add(&mut self, actor: Box<dyn Actor>, beside: Option<&'static str>, world: &mut World) {
        let index = self.drivers.len();
        let client = world.add_operator(ActorId::from_index(index), actor.api_rate());
        self.drivers.push(Driver {
            actor,
            fresh: None,
            dead: false,
            orders: 0,
            orders_before: 0,
            open: Vec::new(),
            client,
            wait: Wait::until(Time::ZERO),
            looks_at_anything: false,
            alarm: 0,
            rings: None,
            acted: None,
            asked: 0,
            blocked: Vec::new(),
            remarks: Vec::new(),
            ended: None,
            beside,
        });
        self.arm(index, world);
    }

    /// The plan's end, once it has come.
    pub(super) fn ended(&self) -> Option<&Result<(), String>> {
        self.drivers.first()?.ended.as_ref()
    }

    /// Whether there is a plan at all.
    pub(super) fn has_plan(&self) -> bool {
        !self.drivers.is_empty()
    }

    /// Whether the plan will wake by itself: an alarm is set, or an order not answered yet.
    pub(super) fn has_alarm(&self) -> bool {
        let mut plan = self.drivers.iter().filter(|driver| driver.beside.is_none());
        plan.any(|driver| driver.rings.is_some() || driver.asked > 0)
    }

    /// Whether somebody beside the plan will: what that changes may help the plan on.
    pub(super) fn has_alarm_beside(&self) -> bool {
        let mut beside = self.drivers.iter().filter(|driver| driver.beside.is_some());
        beside.any(|driver| driver.rings.is_some() || driver.asked > 0)
    }

    /// What the plan's tool has remarked, and when; and, with their names before it, what others have.
    pub(super) fn remarks(&self) -> Vec<(Time, String)> {
        let told = |driver: &Driver| {
            let by = driver.beside.map_or(String::new(), |name| format!("{name}: "));
            driver.remarks.iter().map(|(at, text)| (*at, format!("{by}{text}"))).collect::<Vec<_>>()
        };
        let mut all: Vec<(Time, String)> = self.drivers.iter().flat_map(told).collect();
        all.sort_by_key(|(at, _)| *at);
        all
    }

    /// Why the plan waits, in words.
    pub(super) fn blocker(&self, world: &World) -> String {
        let Some(driver) = self.drivers.first() else { return String::new() };
        if driver.dead {
            return "the tool that runs the plan is dead".to_owned();
        }
        let mut given = BTreeSet::new();
        let webhooks = world.api().refusing().map(|refusing| webhook(refusing, world));
        let reasons = webhooks.chain(driver.blocked.iter().flat_map(NotYet::each).map(|why| reason(why, world)));
        let mut reasons: Vec<String> = reasons.filter(|reason| given.insert(reason.clone())).collect();
        let more = reasons.len().saturating_sub(3);
        reasons.truncate(3);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        with_causes(format!("{}{more}", reasons.join("; ")), world)
    }

    pub(super) fn alarm(&mut self, actor: ActorId, alarm: u32, world: &mut World) {
        let driver = &mut self.drivers[actor.index()];
        if driver.alarm == alarm {
            driver.rings = None;
            self.act(actor.index(), &[], world);
        }
    }

    pub(super) fn answer(&mut self, actor: ActorId, order: u32, result: Outcome, world: &mut World) {
        let driver = &mut self.drivers[actor.index()];
        driver.asked = driver.asked.saturating_sub(1);
        // An answer to an earlier process of the tool finds nobody.
        if let Some(order) = order.checked_sub(driver.orders_before) {
            self.act(actor.index(), &[Answer { order, result }], world);
        }
    }

    /// The plan's tool dies, or is started again.
    pub(super) fn disturb(&mut self, disturbance: Option<Disturbance>, world: &mut World) {
        let Some(driver) = self.drivers.first_mut().filter(|driver| driver.ended.is_none()) else { return };
        match disturbance {
            Some(Disturbance::StopPlan) => {
                let actor = ActorId::from_index(0);
                let ends = |(unit, phase)| Fact::StepEnded { actor, unit, phase };
                world.effects().facts.extend(std::mem::take(&mut driver.open).into_iter().map(ends));
                driver.dead = true;
                driver.wait = Wait::default();
                driver.blocked.clear();
                driver.remarks.push((world.now(), "the tool dies".to_owned()));
                self.arm(0, world);
            }
            Some(Disturbance::StartPlan) if driver.dead => {
                driver.dead = false;
                if let Some(fresh) = &driver.fresh {
                    driver.actor = fresh.boxed_clone();
                }
                driver.orders_before = driver.orders;
                driver.remarks.push((world.now(), "the tool is started again".to_owned()));
                self.act(0, &[], world);
            }
            Some(_) | None => {}
        }
    }

    /// Something that actors can see has changed: those that look at it will find it at their next tick.
    pub(super) fn something_changed(&mut self, changes: &Changes, world: &mut World) {
        for index in 0..self.drivers.len() {
            let driver = &mut self.drivers[index];
            if driver.ended.is_some() || !driver.wait.polls_anything() {
                continue;
            }
            let idle = !(changes.machines || changes.api || changes.control_plane || !changes.ended.is_empty());
            if idle && !driver.looks_at_anything {
                continue;
            }
            let now = world.now();
            let from = if driver.acted == Some(now) { now + crate::base::Span::nanos(1) } else { now };
            if let Some(tick) = driver.wait.tick(changes, from)
                && driver.rings.is_none_or(|rings| tick < rings)
            {
                self.ring(index, tick, world);
            }
        }
    }

    fn ring(&mut self, index: usize, at: Time, world: &mut World) {
        let driver = &mut self.drivers[index];
        driver.alarm += 1;
        driver.rings = Some(at);
        let event = Event::Actor { actor: ActorId::from_index(index), alarm: driver.alarm };
        world.effects().queue.push(at, event);
    }

    fn arm(&mut self, index: usize, world: &mut World) {
        let driver = &mut self.drivers[index];
        if driver.rings == driver.wait.alarm && driver.rings.is_some() {
            return;
        }
        driver.alarm += 1;
        driver.rings = None;
        if let Some(at) = driver.wait.alarm {
            self.ring(index, at.max(world.now()), world);
        }
    }

    fn act(&mut self, index: usize, answers: &[Answer], world: &mut World) {
        let driver = &mut self.drivers[index];
        if driver.ended.is_some() || driver.dead {
            return;
        }
        let mut orders = Orders::default();
        let api = world.reported(driver.client, &mut self.static_pods);
        driver.wait = driver.actor.act(&world.view(api, &self.static_pods), answers, &mut orders);
        if api.is_err() && world.may_answer(driver.client) {
            // The next look dials anew, and need not find what this one found.
            let again = driver.wait.looks().map(|(poll, _)| poll.after(world.now()));
            let next = again.chain(driver.wait.alarm).min();
            driver.wait.alarm = next;
        }
        driver.looks_at_anything = driver.wait.looks_at_anything();
        driver.acted = Some(world.now());
        let actor = ActorId::from_index(index);
        let client = driver.client;
        if !orders.blocked.is_empty() || !orders.commands.is_empty() {
            driver.blocked = std::mem::take(&mut orders.blocked);
        }
        driver.remarks.extend(orders.remarks.drain(..).map(|remark| (world.now(), remark)));
        let facts = &mut world.effects().facts;
        for (unit, phase, begins) in &orders.phases {
            match begins {
                true => driver.open.push((*unit, *phase)),
                false => driver.open.retain(|open| *open != (*unit, *phase)),
            }
        }
        facts.extend(orders.phases.iter().map(|(unit, phase, begins)| match begins {
            true => Fact::StepBegan { actor, unit: *unit, phase: *phase },
            false => Fact::StepEnded { actor, unit: *unit, phase: *phase },
        }));
        facts.extend(orders.rollouts.iter().map(|(app, stage, percent)| Fact::RolloutIs {
            app: *app,
            stage: *stage,
            percent: *percent,
        }));
        if let Some(ended) = orders.ended {
            facts.push(Fact::PlanEnded { actor, completed: ended.is_ok() });
            driver.ended = Some(ended);
        }
        let driver = &mut self.drivers[index];
        driver.asked += orders.commands.len() as u32;
        let before = driver.orders_before;
        for (order, command) in orders.commands {
            let number = before + order;
            self.drivers[index].orders = number + 1;
            world.order(actor, client, number, command);
        }
        self.arm(index, world);
    }
}

/// What a webhook refuses, in words.
fn webhook(refusing: &Refusing, world: &World) -> String {
    let spec = &world.spec().webhooks[refusing.webhook];
    let (operation, resource) = refusing.write;
    let app = &world.spec().apps[spec.app].name;
    let why = match refusing.loss {
        Loss::NoEndpoint => format!("no pod of {app} is ready"),
        loss => format!("its backend {app} does not answer ({})", loss.name()),
    };
    format!("webhook {} (failurePolicy Fail) refuses {operation} {resource}: {why}", spec.name)
}

/// Groups of which a blocker says that they get no machine.
const NAMED_MAX: usize = 2;

/// Adds what keeps the cluster from what is waited for, unless that is said already: a pod that finds no node, which
/// machines the cloud has refused, one for each group, and the writes that webhooks refuse.
pub(super) fn with_causes(why: String, world: &World) -> String {
    let refused = world.cloud().refused();
    let first_of_its_group = |at: &usize| !refused[..*at].iter().any(|other| other.pool == refused[*at].pool);
    let news = |at: &usize| !why.contains(refused[*at].why.name());
    let told = |at: usize| {
        let group = refused[at].pool.map_or("masters", |pool| &world.spec().pools[pool].name);
        format!("; {group} gets no machine in zone {}: {}", refused[at].zone.0 + 1, refused[at].why.name())
    };
    let more: String = (0..refused.len()).filter(first_of_its_group).filter(news).map(told).take(NAMED_MAX).collect();
    let waiting = if why.contains(" is Pending") { None } else { first_pending(world.spec().apps.ids(), world) };
    let hooks = world.api().refusing().map(|refusing| webhook(refusing, world));
    let hooks: String = hooks.filter(|hook| !why.contains(hook)).map(|hook| format!("; {hook}")).collect();
    why + &waiting.map_or(String::new(), |waiting| format!("; {waiting}")) + &more + &hooks
}

/// The first pod of these apps that finds no node, and why.
fn first_pending(apps: impl Iterator<Item = AppId>, world: &World) -> Option<String> {
    let mut pods = apps.flat_map(|app| world.store().pods_of(app).iter().copied());
    let (pod, why) = pods.find_map(|pod| Some((pod, world.why_pending(pod)?)))?;
    Some(format!("pod {} is Pending: {why}", world.store().pod_label(pod, world.spec())))
}

/// The first pod that finds no node among those that a budget of this app counts.
fn pending(app: AppId, world: &World) -> String {
    let budgets = world.store().budgets_of(app).iter();
    let apps = budgets.flat_map(|budget| world.spec().budgets[budget.index()].apps.iter().copied());
    first_pending(apps, world).map_or(String::new(), |waiting| format!(", since {waiting}"))
}

/// A reason to wait, in words.
fn reason(why: &NotYet, world: &World) -> String {
    let label = |pod: PodId| (world.store().pod_label(pod, world.spec()), world.store().pods().now(pod));
    match why {
        NotYet::BudgetSpent { pod } => {
            let (pod, object) = label(*pod);
            let budgets = world.store().budgets_of(object.app).iter();
            let names = budgets.map(|budget| world.spec().budgets[budget.index()].name.clone());
            let names: Vec<String> = names.collect();
            let pending = pending(object.app, world);
            format!("budget {} allows no eviction of pod {pod}{pending}", names.join(", "))
        }
        NotYet::SeveralBudgets { pod } => format!("more than one budget selects pod {}", label(*pod).0),
        NotYet::Terminating { pod } => format!("pod {} is still terminating", label(*pod).0),
        NotYet::Gate(what) => format!("validation: {what}"),
        NotYet::ApiSilent => "the API does not answer".to_owned(),
        NotYet::Pause => "a fixed wait".to_owned(),
        NotYet::Several(part) => part.blocked().iter().map(|why| reason(why, world)).collect::<Vec<_>>().join("; "),
    }
}
