//! Apps' processes and their users' requests.
//!
//! Each user group's requests are settled per interval between changes that the group can see: nothing is an event
//! per request, and the cost does not depend on the rate. What the pods' addresses answer (`Land`), what the nodes'
//! rules name (`Views`) and what the clients hold (`Pool`) change only between two settlings.
//!
//! Exact, given the course of the cluster: groups of [`Connections::New`](crate::world::spec::Connections::New) with
//! Poisson arrivals, cuts included. Approximate: constant arrivals (counts are exact, moments uniform within their
//! interval), kept-alive pools (each request takes a slot at random; a slot filled within an interval counts as filled
//! throughout where a cut asks; what a cut meets of a pool mostly busy has its mean and varies more), the time that a
//! tier in front of an app takes for itself (its median), whom a tier's pod picks (chosen when the request is sent),
//! stale connection tracking (held in expectation), a repeat after a cut (settled with the next interval), and service
//! times that change while a request is under way (it keeps the one that it was sent with). Requests are held one by one
//! where they change what others meet: queues and retry budgets.

mod arrivals;
mod beyond;
mod busy;
mod calls;
mod connections;
mod conntrack;
mod cuts;
mod exposure;
mod fronts;
mod groups;
mod land;
mod last_used;
mod ledger;
mod picks;
mod process;
mod service_time;
mod settle;
mod tally;
#[cfg(test)]
mod tests;
mod view;

pub use beyond::Served;
pub use ledger::{Latency, Ledger};

use calls::Desks;
use groups::Group;
use land::{Land, Life};
use view::{NAT_AFTER_FILTER, Views};

use crate::base::{IdVec, Name, Time};
use crate::engine::Generation;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::{AppId, GroupId, NodeId, PodId, PoolId, SetId};
use crate::world::purpose::Purpose;
use crate::world::serving::Serving;
use crate::world::spec::{Place, Spec};
use crate::world::store::Revision;

/// Inside apps and their clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficEvent {
    /// A process begins to listen.
    Listens {
        /// Whose.
        pod: PodId,
        /// Which of the pod's processes; that of another is void.
        process: u32,
    },
    /// A process acts on SIGTERM.
    Reacts {
        /// Whose.
        pod: PodId,
        /// Which of the pod's processes.
        process: u32,
    },
    /// A draining process has told all its connections, and stops accepting.
    Closes {
        /// Whose.
        pod: PodId,
        /// Which of the pod's processes.
        process: u32,
    },
    /// A process has answered its last request, and exits.
    Exits {
        /// Whose.
        pod: PodId,
        /// Which of the pod's processes.
        process: u32,
    },
    /// A process has reached full speed.
    WarmedUp {
        /// Whose.
        pod: PodId,
        /// Which of the pod's processes.
        process: u32,
    },
    /// A process of limited concurrency is done with one request.
    Frees {
        /// Whose.
        pod: PodId,
        /// Which of the pod's processes.
        process: u32,
    },
    /// A group's rate changes.
    RateTurns {
        /// Which.
        group: GroupId,
    },
    /// Processors that all hosts share may be at rest.
    ProcessorsRest,
    /// A node's nat table forwards to the first endpoint of an app.
    Forwards {
        /// Which.
        node: NodeId,
    },
    /// A group begins or ceases to meet stale entries of connection tracking.
    StaleEnds {
        /// Which.
        group: GroupId,
        /// Only the newest alarm counts.
        generation: Generation,
    },
    /// A request of a group whose requests are held one by one.
    Arrives {
        /// Which group's.
        group: GroupId,
        /// Only the newest alarm counts.
        generation: Generation,
    },
    /// A request held by itself is answered.
    Answered {
        /// Which group's.
        group: GroupId,
        /// Its place.
        call: u32,
        /// Which use of that place.
        generation: u32,
    },
    /// A client gives up on a request held by itself.
    GivesUp {
        /// Which group's.
        group: GroupId,
        /// Its place.
        call: u32,
        /// Which use of that place.
        generation: u32,
    },
    /// A request held by itself is tried again.
    Retries {
        /// Which group's.
        group: GroupId,
        /// Its place.
        call: u32,
        /// Which use of that place.
        generation: u32,
    },
}

/// All apps' processes and all client groups.
#[derive(Clone, Debug)]
pub struct Traffic {
    land: Land,
    views: Views,
    groups: IdVec<GroupId, Group>,
    ledgers: IdVec<GroupId, Ledger>,
    /// The groups that ask an app.
    asking: IdVec<AppId, Vec<GroupId>>,
    /// The groups whose clients are an app's pods.
    seated: IdVec<AppId, Vec<GroupId>>,
    desks: Desks,
    /// Apps whose processes do not listen when they start now.
    deaf: Vec<AppId>,
    /// Machines that are short of processor.
    slow: Vec<NodeId>,
    /// Until when processors that all hosts share are at work.
    works_until: Time,
}

impl Traffic {
    /// The start of a run: every pod given serves, every node's rules follow the slices, connections stand.
    ///
    /// Machines are nameless and in no pool until [`Traffic::name_node`] says otherwise.
    pub fn begin(ctx: &mut Ctx<'_>) -> Traffic {
        let mut land = Land::new(ctx);
        for pod in ctx.store.pods().ids() {
            land.learn_pod(pod, ctx);
            let object = ctx.store.pods().now(pod);
            if object.node.is_some() && object.is_healthy() {
                land.pods[pod].life = Life::Running;
                land.set_serving(pod, Serving::Open);
                ctx.notify(Notice::Serves(pod, Serving::Open));
            }
        }
        let ids: Vec<GroupId> = ctx.spec.groups.ids().collect();
        let of = |app: AppId, wanted: &dyn Fn(GroupId) -> [Option<AppId>; 2]| {
            ids.iter().copied().filter(|id| wanted(*id).contains(&Some(app))).collect()
        };
        let spec = ctx.spec;
        let asking = |id| [Some(spec.groups[id].app), spec.groups[id].via];
        let seated = |id: GroupId| match spec.groups[id].place {
            Place::App(app) => [Some(app), None],
            Place::Pool(_) | Place::Outside => [None, None],
        };
        let mut traffic = Traffic {
            land,
            views: Views::default(),
            asking: spec.apps.ids().map(|app| of(app, &asking)).collect(),
            seated: spec.apps.ids().map(|app| of(app, &seated)).collect(),
            groups: ids.iter().map(|id| Group::new(*id, ctx)).collect(),
            ledgers: ids.iter().map(|_| Ledger::default()).collect(),
            desks: Desks::new(),
            deaf: Vec::new(),
            slow: Vec::new(),
            works_until: Time::ZERO,
        };
        for pod in ctx.store.pods().ids() {
            if ctx.spec.apps[ctx.store.pods().app(pod)].router.is_some() {
                traffic.views.reroute(pod, ctx.store.revision(), ctx);
            }
        }
        traffic.refresh(&ids, ctx);
        traffic
    }

    /// A machine's stable name, which draws are keyed by, and its pool. To be said of each machine once, when it is
    /// launched, and of those that a run begins with right after [`Traffic::begin`].
    pub fn name_node(&mut self, node: NodeId, name: Name, pool: Option<PoolId>, ctx: &mut Ctx<'_>) {
        self.land.learn_machines(ctx);
        let stands = |id: &GroupId| match ctx.spec.groups[*id].place {
            Place::Pool(place) => Some(place) == pool,
            Place::App(_) | Place::Outside => false,
        };
        let groups: Vec<GroupId> = self.groups.ids().filter(stands).collect();
        self.settle(&groups, ctx);
        self.land.name_machine(node, name, pool);
        self.refresh_at(Some(node), &groups, ctx);
    }

    /// What became of each group's requests, settled up to the last change that the group could see; exposure and
    /// latency are there after [`Traffic::finish`].
    pub fn ledgers(&self) -> &IdVec<GroupId, Ledger> {
        &self.ledgers
    }

    /// One of its own events.
    pub fn step(&mut self, event: TrafficEvent, ctx: &mut Ctx<'_>) {
        match event {
            TrafficEvent::Listens { pod, process } if self.is(pod, process) => self.listens(pod, ctx),
            TrafficEvent::Reacts { pod, process } if self.is(pod, process) => self.reacts(pod, ctx),
            TrafficEvent::Closes { pod, process } if self.is(pod, process) => {
                self.close(pod, cuts::Blow::CloseTold, ctx);
            }
            TrafficEvent::Exits { pod, process } if self.is(pod, process) => self.exits(pod, ctx),
            TrafficEvent::WarmedUp { pod, process } if self.is(pod, process) => self.warmed_up(pod, ctx),
            TrafficEvent::Frees { pod, process } if self.is(pod, process) => self.frees(pod, ctx),
            TrafficEvent::Listens { .. }
            | TrafficEvent::Reacts { .. }
            | TrafficEvent::Closes { .. }
            | TrafficEvent::Exits { .. }
            | TrafficEvent::WarmedUp { .. }
            | TrafficEvent::Frees { .. } => {}
            TrafficEvent::RateTurns { group } => self.rate_turns(group, ctx),
            TrafficEvent::ProcessorsRest if ctx.now >= self.works_until => self.turn_processors(false, ctx),
            TrafficEvent::ProcessorsRest => {}
            TrafficEvent::Forwards { node } => self.forwards(node, ctx),
            TrafficEvent::StaleEnds { group, generation } => {
                if self.groups[group].awaits_stale(generation) {
                    self.settle(&[group], ctx);
                    self.refresh(&[group], ctx);
                }
            }
            TrafficEvent::Arrives { group, generation } => {
                let (land, ledger) = ((&self.land, &mut self.desks), &mut self.ledgers[group]);
                self.groups[group].arrive(generation, land, ledger, ctx);
            }
            TrafficEvent::Answered { group, call, generation } => {
                let (land, ledger) = ((&self.land, &mut self.desks), &mut self.ledgers[group]);
                self.groups[group].answered(call, generation, land, ledger, ctx);
            }
            TrafficEvent::GivesUp { group, call, generation } => {
                self.groups[group].gives_up(call, generation, &mut self.ledgers[group], ctx);
            }
            TrafficEvent::Retries { group, call, generation } => {
                let (land, ledger) = ((&self.land, &mut self.desks), &mut self.ledgers[group]);
                self.groups[group].retry(call, generation, land, ledger, ctx);
            }
        }
    }

    /// A container's process was started.
    pub fn container_started(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.start_process(pod, ctx);
    }
    /// The process that has just started will never listen.
    pub fn never_listens(&mut self, pod: PodId) {
        self.land.pods[pod].count();
    }
    /// The process gets SIGTERM.
    pub fn sigterm(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.terminate(pod, ctx);
    }
    /// The process is killed.
    pub fn sigkill(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.kill(pod, ctx);
    }
    /// The pod's address is there (`true`) or falls silent.
    pub fn sandbox(&mut self, pod: PodId, there: bool, ctx: &mut Ctx<'_>) {
        self.turn_sandbox(pod, there, ctx);
    }
    /// A host's power or link has changed.
    pub fn host_changed(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.turn_host(node, ctx);
    }
    /// A node's rules have moved from one revision of the slices to another.
    pub fn rules_changed(&mut self, node: NodeId, from: Revision, to: Revision, ctx: &mut Ctx<'_>) {
        let apps = self.views.touched(node, from, to, ctx);
        let groups = self.views.looking(node, &apps);
        // A node's first rules bring a client, and with it another share for each of the others.
        self.settle_at((from != Revision(0)).then_some(node), &groups, ctx);
        if self.views.advance(node, from, to, ctx) {
            let mut draw = ctx.draw(Purpose::ProxySync, self.land.machine_name(node).part(1), to.0);
            ctx.after(NAT_AFTER_FILTER.sample(&mut draw), Event::Traffic(TrafficEvent::Forwards { node }));
        }
        self.refresh_at(Some(node), &groups, ctx);
    }
    fn forwards(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let apps = self.views.between(node);
        let groups = self.views.looking(node, &apps);
        self.settle_at(Some(node), &groups, ctx);
        apps.iter().for_each(|app| self.views.forward(node, *app));
        self.refresh_at(Some(node), &groups, ctx);
    }
    /// Processors that all hosts share are at work until then.
    pub fn processors_work(&mut self, until: Time, ctx: &mut Ctx<'_>) {
        if until <= self.works_until.max(ctx.now) {
            return;
        }
        self.works_until = until;
        ctx.at(until, Event::Traffic(TrafficEvent::ProcessorsRest));
        self.turn_processors(true, ctx);
    }
    /// Whether processors that all hosts share are at work.
    #[cfg(test)]
    fn processors_are_at_work(&self) -> bool {
        self.land.works
    }
    /// Cluster DNS answers nobody from now on, or all again: who connects inside the cluster resolves a name first.
    pub fn set_dns(&mut self, answers: bool, ctx: &mut Ctx<'_>) {
        let inside = |id: &GroupId| match ctx.spec.groups[*id].place {
            Place::Pool(_) | Place::App(_) => true,
            Place::Outside => false,
        };
        let groups: Vec<GroupId> = self.groups.ids().filter(inside).collect();
        self.settle(&groups, ctx);
        self.land.nameless = !answers;
        self.refresh(&groups, ctx);
    }
    fn turn_processors(&mut self, work: bool, ctx: &mut Ctx<'_>) {
        if self.land.works == work {
            return;
        }
        let notices = |id: &GroupId| ctx.spec.apps[ctx.spec.groups[*id].app].latency_busy.is_some();
        let groups: Vec<GroupId> = self.groups.ids().filter(notices).collect();
        self.settle(&groups, ctx);
        self.land.works = work;
        groups.iter().for_each(|id| self.groups[*id].follow_need(&self.land, ctx));
    }
    /// An ingress controller sends requests by another revision of the slices.
    pub fn routes_changed(&mut self, front: PodId, to: Revision, ctx: &mut Ctx<'_>) {
        let groups = self.views.passing(front);
        self.settle(&groups, ctx);
        self.views.reroute(front, to, ctx);
        self.refresh(&groups, ctx);
    }
    /// An external load balancer's targets have changed.
    pub fn targets_changed(&mut self, app: AppId, ctx: &mut Ctx<'_>) {
        let outside = |id: &GroupId| match ctx.spec.groups[*id].place {
            Place::Outside => true,
            Place::Pool(_) | Place::App(_) => false,
        };
        let connects = |id: &GroupId| self.groups[*id].app == app;
        let groups: Vec<GroupId> = self.asking[app].iter().copied().filter(outside).filter(connects).collect();
        self.settle(&groups, ctx);
        self.refresh(&groups, ctx);
    }
    /// The run ends: everything is settled up to now.
    pub fn finish(&mut self, ctx: &mut Ctx<'_>) {
        let all: Vec<GroupId> = self.groups.ids().collect();
        self.settle(&all, ctx);
        for id in all {
            self.groups[id].close_books(&self.land, &mut self.ledgers[id], ctx);
        }
    }
    /// What the pods of a ReplicaSet answer users at the rates and shares of now; `None` if nothing.
    pub fn served_by(&self, app: AppId, set: SetId, spec: &Spec) -> Option<Served> {
        let groups = self.asking[app].iter().map(|id| &self.groups[*id]);
        beyond::served(groups, set, &self.land, spec)
    }
    /// What the pod's address answers, as of now.
    pub fn serving(&self, pod: PodId) -> Serving {
        self.land.pods.get(pod).map_or(Serving::Silent, |process| process.serving)
    }

    fn is(&self, pod: PodId, process: u32) -> bool {
        self.land.pods.get(pod).is_some_and(|known| known.number() == process && known.life != Life::None)
    }
    fn settle(&mut self, groups: &[GroupId], ctx: &mut Ctx<'_>) {
        self.settle_at(None, groups, ctx);
    }
    fn settle_at(&mut self, at: Option<NodeId>, groups: &[GroupId], ctx: &mut Ctx<'_>) {
        for id in groups.iter().copied() {
            self.groups[id].settle(at, &self.land, &mut self.ledgers[id], ctx);
        }
    }
    fn refresh(&mut self, groups: &[GroupId], ctx: &mut Ctx<'_>) {
        self.refresh_at(None, groups, ctx);
    }
    fn refresh_at(&mut self, at: Option<NodeId>, groups: &[GroupId], ctx: &mut Ctx<'_>) {
        for id in groups.iter().copied() {
            self.groups[id].refresh(at, &self.land, &mut self.views, &mut self.ledgers[id], ctx);
        }
    }
    fn rate_turns(&mut self, id: GroupId, ctx: &mut Ctx<'_>) {
        if self.groups[id].clock.turned_at(ctx.now) {
            return;
        }
        self.settle(&[id], ctx);
        let (spec, group) = (&ctx.spec.groups[id], &mut self.groups[id]);
        group.clock.turn(spec, group.name, ctx.draws, ctx.now);
        group.turn_calls(ctx);
        group.follow_need(&self.land, ctx);
        if let Some(at) = spec.next_change(ctx.now) {
            ctx.at(at, Event::Traffic(TrafficEvent::RateTurns { group: id }));
        }
    }
    /// A pod is done with one request and takes the next that somebody still waits for.
    fn frees(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(desk) = self.desks.get_mut(&pod) else { return };
        desk.busy = desk.busy.saturating_sub(1);
        while let Some((group, call, generation)) = Group::next_in_queue(&mut self.desks, pod) {
            if self.groups[group].work(pod, call, generation, &self.land, ctx) {
                if let Some(desk) = self.desks.get_mut(&pod) {
                    desk.busy += 1;
                }
                return;
            }
        }
    }
}
