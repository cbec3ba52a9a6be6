//! A bench for the kubelet's tests: one node, an API that stores at once, and an app that does as it is told.

use super::{KubeletEvent, Kubelets};
use crate::base::{Name, Span, Time, Version};
use crate::world::effects::{Notice, Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, ClientId, NodeId, PodId, PoolId, SetId};
use crate::world::serving::Serving;
use crate::world::spec::{AppSpec, OnSigterm, ProbeSpec, Spec};
use crate::world::store::{ApiError, Change, NodeObject, NodeReady, PodObject, Revision};
use crate::world::testkit::{Stage, small_spec};

pub(super) const NODE: NodeId = NodeId(0);
const APP: AppId = AppId(0);

/// What the app's process will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Listen,
    Exit,
}

pub(super) struct Bench {
    pub(super) stage: Stage,
    pub(super) kubelets: Kubelets,
    client: ClientId,
    acts: Vec<(Time, PodId, Act)>,
    /// Everything observers heard.
    pub(super) facts: Vec<(Time, Fact)>,
    /// Everything other components were told.
    pub(super) notices: Vec<(Time, Notice)>,
    /// Everything asked of the API.
    pub(super) writes: Vec<(Time, Change)>,
    /// What the API answers instead of storing.
    pub(super) failing: Option<ApiError>,
    /// Whether the kubelet's watch delivers.
    pub(super) watching: bool,
}

impl Bench {
    /// A bench whose app and version are set by the caller; the kubelet has been running for long.
    pub(super) fn new(version: Version, app: impl FnOnce(&mut AppSpec)) -> Bench {
        let mut bench = Bench::without_kubelet(version, app);
        bench.with_kubelet(version);
        bench
    }
    /// The same, with a machine that has not booted.
    pub(super) fn without_kubelet(version: Version, app: impl FnOnce(&mut AppSpec)) -> Bench {
        let mut spec: Spec = small_spec();
        app(&mut spec.apps[APP]);
        // A second app of the same manners, with an image of its own.
        let mut other = spec.apps[APP].clone();
        other.name = "other".to_owned();
        spec.apps.push(other);
        spec.control_plane.from = version;
        let mut stage = Stage::new(spec, 7);
        stage.store.add_machine(NodeObject::unregistered());
        stage.pulses.add(Time::ZERO);
        let client = stage.watches.add(Revision(1));
        let mut kubelets = Kubelets::new();
        kubelets.add(NODE, Name::new("workers").part(0), client, Some(PoolId(0)), &mut stage.ctx());
        Bench {
            stage,
            kubelets,
            client,
            acts: Vec::new(),
            facts: Vec::new(),
            notices: Vec::new(),
            writes: Vec::new(),
            failing: None,
            watching: true,
        }
    }
    fn with_kubelet(&mut self, version: Version) {
        self.api(Change::RegisterNode { node: NODE, version });
        self.api(Change::NodeStatus { node: NODE, ready: NodeReady::True });
        self.kubelets.begin(NODE, &[], &mut self.stage.ctx());
        self.settle();
    }

    /// The time now, in seconds.
    pub(super) fn now(&self) -> f64 {
        self.stage.now.secs_f64()
    }
    /// Somebody else writes to the API.
    pub(super) fn api(&mut self, change: Change) {
        self.stage.store.apply(&change, self.stage.now).expect("the test's own writes are right");
        self.deliver();
        self.settle();
    }
    /// A pod is made and bound to the node.
    pub(super) fn bind(&mut self) -> PodId {
        self.bind_of(AppId(0))
    }
    /// The same, of the first or second app.
    pub(super) fn bind_of(&mut self, app: AppId) -> PodId {
        self.api(Change::CreatePod { set: SetId(app.0) });
        let pod = PodId((self.stage.store.pods().len() - 1) as u32);
        self.api(Change::Bind { pod, node: NODE });
        pod
    }
    /// A pod is bound, and everything is quiet.
    pub(super) fn ready_pod(&mut self) -> PodId {
        let pod = self.bind();
        self.run_for(Span::secs(60));
        assert!(self.object(pod).ready, "the pod is ready");
        pod
    }
    /// Asks for a pod's deletion.
    pub(super) fn delete(&mut self, pod: PodId) {
        self.api(Change::DeletePod { pod, grace: None });
    }
    /// The pod's object.
    pub(super) fn object(&self, pod: PodId) -> PodObject {
        self.stage.store.pods().now(pod)
    }
    /// Sets what the pod's address answers.
    pub(super) fn serve(&mut self, pod: PodId, serving: Serving) {
        self.stage.serving.set(pod, serving);
        self.kubelets.serving_changed(pod, &mut self.stage.ctx());
        self.settle();
    }
    /// The container dies by itself.
    pub(super) fn crash(&mut self, pod: PodId) {
        self.serve(pod, Serving::Refusing);
        self.kubelets.container_exited(pod, &mut self.stage.ctx());
        self.settle();
    }
    /// Calls the kubelets.
    pub(super) fn call(&mut self, call: impl FnOnce(&mut Kubelets, &mut crate::world::effects::Ctx<'_>)) {
        call(&mut self.kubelets, &mut self.stage.ctx());
        self.settle();
    }
    /// When this fact was first told after `since`, in seconds.
    pub(super) fn time_of(&self, fact: Fact, since: f64) -> f64 {
        let found = self.facts.iter().find(|(at, told)| *told == fact && at.secs_f64() >= since);
        found.unwrap_or_else(|| panic!("{fact:?} was not told: {:?}", self.facts)).0.secs_f64()
    }
    /// When the API heard that this pod is ready or not, each time it changed, in seconds.
    pub(super) fn readiness(&self, pod: PodId) -> Vec<(f64, bool)> {
        let mut last = false;
        let posts = self.writes.iter().filter_map(|(at, change)| match change {
            Change::PodStatus { pod: of, ready, .. } if *of == pod => Some((at.secs_f64(), *ready)),
            _ => None,
        });
        posts.filter(|(_, ready)| std::mem::replace(&mut last, *ready) != *ready).collect()
    }
    /// When the pod's object was removed, in seconds.
    pub(super) fn removed(&self, pod: PodId) -> f64 {
        let removal = self.writes.iter().find(|(_, change)| *change == Change::RemovePod { pod });
        removal.expect("the object was removed").0.secs_f64()
    }

    /// Runs for this long.
    pub(super) fn run_for(&mut self, span: Span) {
        let end = self.stage.now + span;
        loop {
            let event = self.stage.out.queue.next_time().unwrap_or(Time::NEVER);
            self.acts.sort_by_key(|(at, ..)| *at);
            let act = self.acts.first().map_or(Time::NEVER, |(at, ..)| *at);
            if event.min(act) > end {
                break;
            }
            self.stage.now = event.min(act);
            if act <= event {
                let (_, pod, act) = self.acts.remove(0);
                self.act(pod, act);
            } else if let Some(popped) = self.stage.out.queue.pop()
                && let Event::Kubelet(event) = popped.event
            {
                self.kubelets.step(event, &mut self.stage.ctx());
            }
            self.settle();
        }
        self.stage.now = end;
    }

    fn act(&mut self, pod: PodId, act: Act) {
        match act {
            Act::Listen => self.serve(pod, Serving::Open),
            Act::Exit => self.crash(pod),
        }
    }
    /// Hands on notices and writes until none is left.
    fn settle(&mut self) {
        loop {
            let now = self.stage.now;
            self.facts.extend(std::mem::take(&mut self.stage.out.facts).into_iter().map(|fact| (now, fact)));
            let notices = std::mem::take(&mut self.stage.out.notices);
            let requests = std::mem::take(&mut self.stage.out.requests);
            if notices.is_empty() && requests.is_empty() {
                return;
            }
            for notice in notices {
                self.notices.push((now, notice));
                self.app_hears(notice);
            }
            for request in requests {
                let result = match self.failing {
                    Some(error) => Err(error),
                    None => self.stage.store.apply(&request.change, now).map(|_| ()),
                };
                self.writes.push((now, request.change));
                let to = match request.reply {
                    Reply::Never => None,
                    Reply::OnFailure(to) => result.err().map(|_| to),
                    Reply::Always(to) => Some(to),
                };
                if let Some(ReplyTo::Kubelet { node, token }) = to {
                    let answer = KubeletEvent::Answer { node, token, result };
                    self.stage.out.queue.push(now, Event::Kubelet(answer));
                }
            }
            self.deliver();
        }
    }
    fn app_hears(&mut self, notice: Notice) {
        let app = &self.stage.spec.apps[APP];
        match notice {
            Notice::ContainerStarted(pod) => {
                self.acts.push((self.stage.now + app.start_up.median(), pod, Act::Listen));
            }
            Notice::Sigterm(pod) if app.on_sigterm != OnSigterm::Ignore => {
                self.acts.push((self.stage.now + app.reaction.median(), pod, Act::Exit));
            }
            Notice::SandboxReady(pod) | Notice::Sigkill(pod) => {
                self.acts.retain(|(_, of, _)| *of != pod);
                self.serve(pod, Serving::Refusing);
            }
            Notice::SandboxRemoved(pod) => self.serve(pod, Serving::Silent),
            Notice::Pulse(node, beating) => self.stage.pulses.set(node, beating, self.stage.now),
            _ => {}
        }
    }
    /// The watch delivers everything.
    fn deliver(&mut self) {
        let (from, to) = (self.stage.watches.cursor(self.client), self.stage.store.revision());
        if self.watching && from < to {
            self.stage.watches.cursor_mut(self.client).revision = to;
            self.kubelets.heard(NODE, from, to, &mut self.stage.ctx());
        }
    }
    /// The watch is back, and everything is listed anew.
    pub(super) fn relist(&mut self) {
        self.watching = true;
        let at = self.stage.store.revision();
        self.stage.watches.cursor_mut(self.client).revision = at;
        self.kubelets.listed(NODE, at, &mut self.stage.ctx());
        self.settle();
    }
}

/// A probe every `period` seconds, with these thresholds.
pub(super) fn probe(period: u64, successes: u32, failures: u32) -> Option<ProbeSpec> {
    Some(ProbeSpec {
        initial_delay: Span::ZERO,
        period: Span::secs(period),
        timeout: Span::secs(1),
        successes,
        failures,
    })
}
