//! An app's process: from its start over SIGTERM to its end, and what its connections see of it.

use super::cuts::Blow;
use super::groups::Group;
use super::land::{Life, Pace};
use super::service_time::ServiceTimes;
use super::{Traffic, TrafficEvent};
use crate::base::{Name, Span};
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, GroupId, NodeId, PodId};
use crate::world::purpose::Purpose;
use crate::world::serving::Serving;
use crate::world::spec::OnSigterm;

/// A process that waits for its connections to hear of the close looks no further ahead than this.
const LONGEST_WAIT: Span = Span::mins(60);

impl Traffic {
    /// A pod's process and address take a new state; first it does to its connections what it does.
    pub(super) fn turn_pod(&mut self, pod: PodId, life: Life, serving: Serving, blow: Option<Blow>, ctx: &mut Ctx<'_>) {
        let before = self.land.pods[pod];
        let groups = self.concerned(pod, before.serving == Serving::Open || serving == Serving::Open);
        self.settle(&groups, ctx);
        if let Some(blow) = blow {
            for id in groups.iter().copied() {
                if self.groups[id].asks(self.land.app(pod)) {
                    self.groups[id].strike(pod, blow, &self.land, &mut self.ledgers[id], ctx);
                }
            }
            if blow == Blow::Cut {
                self.desks.remove(&pod);
            }
        }
        self.land.pods[pod].life = life;
        if life == Life::None && before.life != Life::None {
            self.land.pods[pod].count();
        }
        if before.serving != serving {
            self.land.set_serving(pod, serving);
            ctx.notify(Notice::Serves(pod, serving));
        }
        if serving == Serving::Silent && before.life != Life::None {
            self.orphan(pod);
        }
        self.refresh(&groups, ctx);
    }

    /// The groups that a change of a pod concerns: those that ask it, and as a client's seat those that stand in it.
    fn concerned(&self, pod: PodId, as_seat: bool) -> Vec<GroupId> {
        let app = self.land.app(pod);
        let asking = self.asking[app].iter().filter(|id| self.groups[**id].sees(pod));
        let seated = self.seated[app].iter().filter(|_| as_seat);
        let mut groups: Vec<GroupId> = asking.chain(seated).copied().collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// The process behind a silent address is gone; clients do not know.
    fn orphan(&mut self, pod: PodId) {
        let app = self.land.app(pod);
        for id in self.asking[app].iter().copied().filter(|id| self.groups[*id].app == app).collect::<Vec<_>>() {
            self.groups[id].clients.iter_mut().for_each(|client| client.pool.close(pod, &self.land));
        }
    }

    pub(super) fn start_process(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.land.learn_pod(pod, ctx);
        let process = &mut self.land.pods[pod];
        process.count();
        let (name, number) = (ctx.store.pods().name(pod), process.number());
        let serving = if process.serving == Serving::Silent { Serving::Refusing } else { process.serving };
        self.turn_pod(pod, Life::Starting, serving, None, ctx);
        let sort = self.land.sort(pod);
        if !sort.deaf && !self.deaf.contains(&sort.app) {
            self.starts_up(pod, (name, number), ctx);
        }
    }

    /// A process comes to listen, in its own time from now.
    fn starts_up(&mut self, pod: PodId, (name, number): (Name, u32), ctx: &mut Ctx<'_>) {
        let app = &ctx.spec.apps[self.land.app(pod)];
        let mut draw = ctx.draw(Purpose::AppStart, name, u64::from(number));
        let wait = app.start_up.sample(&mut draw);
        ctx.after(wait, Event::Traffic(TrafficEvent::Listens { pod, process: number }));
    }

    /// Processes of an app that start from now on do not listen; or those that did not come to listen now.
    pub fn set_deaf(&mut self, app: AppId, deaf: bool, ctx: &mut Ctx<'_>) {
        self.deaf.retain(|other| *other != app);
        if deaf {
            return self.deaf.push(app);
        }
        for pod in ctx.store.pods_of(app).to_vec() {
            let Some(process) = self.land.pods.get(pod).copied() else { continue };
            if process.life == Life::Starting && !self.land.sort(pod).deaf {
                self.starts_up(pod, (ctx.store.pods().name(pod), process.number()), ctx);
            }
        }
    }

    pub(super) fn listens(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let warm_up = ctx.spec.apps[self.land.app(pod)].warm_up;
        let process = &mut self.land.pods[pod];
        if process.life != Life::Starting {
            return;
        }
        process.set_pace(match process.node() {
            _ if !warm_up.is_zero() => Pace::Warming,
            Some(node) if self.slow.contains(&node) => Pace::Slow,
            Some(_) | None => Pace::Warm,
        });
        let number = process.number();
        if !warm_up.is_zero() {
            ctx.after(warm_up, Event::Traffic(TrafficEvent::WarmedUp { pod, process: number }));
        }
        ctx.note(Fact::PodListens { pod });
        self.turn_pod(pod, Life::Running, Serving::Open, None, ctx);
    }

    pub(super) fn warmed_up(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let groups = self.concerned(pod, false);
        self.settle(&groups, ctx);
        let process = &mut self.land.pods[pod];
        let slow = process.node().is_some_and(|node| self.slow.contains(&node));
        process.set_pace(if slow { Pace::Slow } else { Pace::Warm });
    }

    /// A machine is short of processor from now on, or no longer: its pods take twice as long for a request, as while
    /// they warm up.
    pub fn set_slow(&mut self, node: NodeId, slow: bool, ctx: &mut Ctx<'_>) {
        self.slow.retain(|other| *other != node);
        if slow {
            self.slow.push(node);
        }
        for pod in ctx.store.pods_on(node).to_vec() {
            self.land.learn_pod(pod, ctx);
            let groups = self.concerned(pod, false);
            self.settle(&groups, ctx);
            let process = &mut self.land.pods[pod];
            if process.pace() != Pace::Warming {
                process.set_pace(if slow { Pace::Slow } else { Pace::Warm });
            }
        }
    }

    /// SIGTERM; the process acts on it after its reaction time.
    pub(super) fn terminate(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.land.learn_pod(pod, ctx);
        let process = self.land.pods[pod];
        if process.life == Life::None {
            return;
        }
        let mut draw = ctx.draw(Purpose::AppExit, ctx.store.pods().name(pod), u64::from(process.number()));
        let wait = ctx.spec.apps[self.land.app(pod)].reaction.sample(&mut draw);
        ctx.after(wait, Event::Traffic(TrafficEvent::Reacts { pod, process: process.number() }));
    }

    pub(super) fn reacts(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let process = self.land.pods[pod];
        let listens = match process.life {
            Life::Starting => false,
            Life::Running => true,
            Life::None | Life::Announcing | Life::Closing => return,
        };
        match ctx.spec.apps[self.land.app(pod)].on_sigterm {
            OnSigterm::Ignore if listens => self.turn_pod(pod, Life::Running, Serving::Leaving, None, ctx),
            OnSigterm::Ignore => {}
            OnSigterm::Exit => self.exit(pod, Some(Blow::Cut), ctx),
            OnSigterm::CloseIdle | OnSigterm::Drain if !listens => self.exit(pod, None, ctx),
            OnSigterm::CloseIdle => self.close(pod, Blow::Close, ctx),
            OnSigterm::Drain => {
                let wait = self.all_told_after(pod, ctx);
                self.turn_pod(pod, Life::Announcing, Serving::Leaving, Some(Blow::Announce), ctx);
                ctx.after(wait, Event::Traffic(TrafficEvent::Closes { pod, process: process.number() }));
            }
        }
    }

    /// Stops accepting, and exits when the last request is answered. Streams hold it until SIGKILL.
    pub(super) fn close(&mut self, pod: PodId, blow: Blow, ctx: &mut Ctx<'_>) {
        let (process, sort) = (self.land.pods[pod], self.land.sort(pod));
        let app = &ctx.spec.apps[sort.app];
        let (fronts, wait_behind) = self.last_behind(pod, ctx);
        let of_app = || self.asking[sort.app].iter().map(|id| &self.groups[*id]).filter(|it| !fronts.contains(&it.id));
        let rate = of_app().map(|group| group.rate_to(pod)).sum::<f64>();
        let streams = of_app().map(|group| group.streams(pod)).sum::<u64>();
        let timeout = of_app().map(|group| ctx.spec.groups[group.id].timeout).max().unwrap_or(Span::ZERO);
        let mut draw = ctx.draw(Purpose::InFlight, ctx.store.pods().name(pod), u64::from(process.number()));
        let time = ServiceTimes::new(app, process.is_warm(), timeout).when(self.land.works).slowed(sort.slower);
        let wait = time.last_answer(rate, draw.unit()).max(wait_behind);
        self.turn_pod(pod, Life::Closing, Serving::Closing, Some(blow), ctx);
        if streams == 0 {
            ctx.after(wait, Event::Traffic(TrafficEvent::Exits { pod, process: process.number() }));
        }
    }

    /// The groups whose requests pass a pod on to others, and when the last of these is answered.
    fn last_behind(&self, pod: PodId, ctx: &Ctx<'_>) -> (Vec<GroupId>, Span) {
        let (process, app) = (self.land.pods[pod], self.land.app(pod));
        let passes = |id: &&GroupId| self.groups[**id].tier.is_some() && self.groups[**id].app == app;
        let passing: Vec<GroupId> = self.asking[app].iter().filter(passes).copied().collect();
        let last = passing.iter().map(|id| {
            let group = &self.groups[*id];
            let mut draw =
                ctx.draw(Purpose::InFlight, ctx.store.pods().name(pod).with(group.name), u64::from(process.number()));
            let time =
                group.shares.first().map(|share| group.whole_times(share.pod, &self.land, ctx).when(self.land.works));
            time.map_or(Span::ZERO, |time| time.last_answer(group.rate_to(pod), draw.unit()))
        });
        let last = last.max().unwrap_or(Span::ZERO);
        (passing, last)
    }

    /// Time to exit, unless somebody still waits at the desk.
    pub(super) fn exits(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let process = self.land.pods[pod];
        if self.desks.get(&pod).is_some_and(|desk| desk.busy > 0) {
            let wait = ctx.spec.apps[self.land.app(pod)].latency.median().max(Span::millis(1));
            return ctx.after(wait, Event::Traffic(TrafficEvent::Exits { pod, process: process.number() }));
        }
        self.exit(pod, None, ctx);
    }

    fn exit(&mut self, pod: PodId, blow: Option<Blow>, ctx: &mut Ctx<'_>) {
        let silent = self.land.pods[pod].serving == Serving::Silent;
        let serving = if silent { Serving::Silent } else { Serving::Refusing };
        self.turn_pod(pod, Life::None, serving, blow, ctx);
        ctx.notify(Notice::ContainerExited(pod));
    }

    pub(super) fn kill(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.land.learn_pod(pod, ctx);
        let process = self.land.pods[pod];
        if process.life == Life::None {
            return;
        }
        let serving = if process.serving == Serving::Silent { Serving::Silent } else { Serving::Refusing };
        self.turn_pod(pod, Life::None, serving, Some(Blow::Cut), ctx);
    }

    pub(super) fn turn_sandbox(&mut self, pod: PodId, there: bool, ctx: &mut Ctx<'_>) {
        self.land.learn_pod(pod, ctx);
        let process = self.land.pods[pod];
        match (there, process.serving) {
            (true, Serving::Silent) => self.turn_pod(pod, process.life, Serving::Refusing, None, ctx),
            (true, Serving::Refusing | Serving::Open | Serving::Leaving | Serving::Closing) => {}
            (false, _) => {
                let blow = (process.life != Life::None).then_some(Blow::Vanish);
                self.turn_pod(pod, Life::None, Serving::Silent, blow, ctx);
            }
        }
    }

    /// A host's power or link is another than it was.
    pub(super) fn turn_host(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.land.learn_machines(ctx);
        let (before, now) = (self.land.host(node), ctx.net.host(node));
        if before == now {
            return;
        }
        let all: Vec<GroupId> = self.groups.ids().collect();
        self.settle(&all, ctx);
        let pods = self.land.pods_on(node).to_vec();
        if before.powered && before.linked {
            for id in all.iter().copied() {
                let (group, ledger): (&mut Group, _) = (&mut self.groups[id], &mut self.ledgers[id]);
                for pod in pods.iter().copied() {
                    if group.asks(self.land.app(pod)) && group.sees(pod) {
                        group.strike(pod, Blow::Vanish, &self.land, ledger, ctx);
                    }
                }
                group.strike_target(node, &self.land, ledger, ctx);
                if now.powered {
                    group.strike_client(node, &self.land, ledger, ctx);
                }
            }
        }
        let concerned: Vec<GroupId> =
            all.into_iter().filter(|id| self.groups[*id].minds_host(node, &pods, &self.land, ctx)).collect();
        self.land.set_host(node, now);
        if before.powered && !now.powered {
            self.views.forget(node);
            for pod in pods {
                self.land.pods[pod].life = Life::None;
                self.land.pods[pod].count();
                self.land.set_serving(pod, Serving::Silent);
                self.desks.remove(&pod);
                self.orphan(pod);
                ctx.notify(Notice::Serves(pod, Serving::Silent));
            }
        }
        self.refresh(&concerned, ctx);
    }

    /// The time after which every kept-alive connection to a pod has carried an answer, and with it the announcement:
    /// the latest of as many exponential waits, in one draw.
    fn all_told_after(&self, pod: PodId, ctx: &Ctx<'_>) -> Span {
        let process = self.land.pods[pod];
        let mut draw = ctx.draw(Purpose::Connections, ctx.store.pods().name(pod), u64::from(process.number()));
        let luck = libm::log(draw.unit().max(f64::MIN_POSITIVE));
        let groups = self.asking[self.land.app(pod)].iter().map(|id| &self.groups[*id]);
        let held: Vec<(u64, f64)> = groups.flat_map(|group| group.held(pod)).filter(|(_, rate)| *rate > 0.0).collect();
        let all_told = |after: Span| {
            let told =
                |(count, rate): &(u64, f64)| *count as f64 * libm::log(-libm::expm1(-rate * after.as_secs_f64()));
            held.iter().map(told).sum::<f64>() >= luck
        };
        let (mut low, mut high) = (0, LONGEST_WAIT.as_nanos());
        while low < high {
            let middle = low + (high - low) / 2;
            if held.is_empty() || all_told(Span::nanos(middle)) { high = middle } else { low = middle + 1 }
        }
        Span::nanos(low)
    }
}
