//! Admission webhooks on the write path: before a write goes to etcd its server asks the pods of the webhooks that
//! match it, through the kube-proxy rules of its own machine.
//!
//! Source: `k8s.io/apiserver pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go`. All answers are found
//! out when the write arrives: a backend that dies while it is asked has answered still.

use std::collections::BTreeMap;

use super::client::silence_found_after;
use super::{Api, ApiEvent};
use crate::base::{Id, Name, Span, Time, Version};
use crate::world::behaviour::Behaviour;
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{AppId, MasterId, NodeId, PodId, RequestId, WebhookId};
use crate::world::purpose::Purpose;
use crate::world::serving::Serving;
use crate::world::spec::WebhookSpec;
use crate::world::store::{ApiError, Change, Endpoint};

/// What a server has of a webhook's backend.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// The pod that its HTTP/2 connection goes to.
    pod: Option<PodId>,
    /// Until when a connection whose peer has fallen silent is kept.
    dead_until: Option<Time>,
    /// Calls so far: the ordinal of their draws.
    calls: u64,
}

/// What webhooks did to the latest write that they refused, until one passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusing {
    /// Which.
    pub webhook: WebhookId,
    /// Why its backend did not answer.
    pub loss: Loss,
    /// What was to be written: operation and resource.
    pub write: (&'static str, &'static str),
}

/// All servers' lines to the backends of webhooks.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission {
    lines: BTreeMap<(MasterId, WebhookId), Line>,
    refusing: BTreeMap<WebhookId, Refusing>,
}

/// A failure of a webhook on a write's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    webhook: WebhookId,
    loss: Loss,
    ignored: bool,
}

/// Operation and resource of a write, as rules name them; `None` for what no webhook of this model is asked about.
/// Leader election's leases are left out: their renewals are not written one by one.
pub fn kind(change: &Change, ctx: &Ctx<'_>) -> Option<(&'static str, &'static str)> {
    Some(match change {
        Change::CreatePod { .. } | Change::CreatePodAt { .. } => ("CREATE", "pods"),
        Change::Bind { .. } => ("CREATE", "pods/binding"),
        Change::PodStatus { .. } => ("UPDATE", "pods/status"),
        Change::DeletePod { .. } | Change::RemovePod { .. } | Change::Preempt { .. } => ("DELETE", "pods"),
        Change::Evict { .. } => ("CREATE", "pods/eviction"),
        Change::Endpoints { .. } => ("UPDATE", "endpointslices"),
        Change::BudgetStatus { .. } => ("UPDATE", "poddisruptionbudgets/status"),
        Change::CreateSet { .. } => ("CREATE", "replicasets"),
        Change::ScaleSet { .. } => ("UPDATE", "replicasets"),
        Change::NewTemplate { .. } | Change::Scale { .. } | Change::RolloutStalls { .. } => ("UPDATE", "deployments"),
        Change::RegisterNode { node, .. } if !ctx.store.nodes().now(*node).exists => ("CREATE", "nodes"),
        Change::RegisterNode { .. }
        | Change::NodeTaints { .. }
        | Change::Cordon { .. }
        | Change::PreferNoSchedule { .. }
        | Change::ExcludeFromBalancers { .. } => ("UPDATE", "nodes"),
        // In `status.volumesAttached` of the node; VolumeAttachments of CSI are not objects of this model.
        Change::NodeStatus { .. } | Change::AttachVolume { .. } | Change::DetachVolume { .. } => {
            ("UPDATE", "nodes/status")
        }
        Change::DeleteNode { .. } => ("DELETE", "nodes"),
        Change::Renew { .. } => ("UPDATE", "leases"),
        Change::Deliver { .. } | Change::Lease { .. } => return None,
    })
}

/// The app in whose namespace a write is; `None` for what is in no namespace, which no `namespaceSelector` leaves out.
fn namespace(change: &Change, ctx: &Ctx<'_>) -> Option<AppId> {
    match change {
        Change::CreatePod { set } | Change::CreatePodAt { set, .. } | Change::ScaleSet { set, .. } => {
            Some(ctx.store.sets().now(*set).app)
        }
        Change::Bind { pod, .. }
        | Change::PodStatus { pod, .. }
        | Change::DeletePod { pod, .. }
        | Change::Preempt { pod, .. }
        | Change::RemovePod { pod }
        | Change::Evict { pod, .. } => Some(ctx.store.pods().app(*pod)),
        Change::Endpoints { app, .. }
        | Change::CreateSet { app, .. }
        | Change::NewTemplate { app }
        | Change::Scale { app, .. }
        | Change::RolloutStalls { app, .. } => Some(*app),
        Change::BudgetStatus { budget, .. } => ctx.spec.budgets.get(budget.index())?.apps.first().copied(),
        Change::Deliver { .. }
        | Change::RegisterNode { .. }
        | Change::NodeTaints { .. }
        | Change::Cordon { .. }
        | Change::PreferNoSchedule { .. }
        | Change::ExcludeFromBalancers { .. }
        | Change::NodeStatus { .. }
        | Change::AttachVolume { .. }
        | Change::DetachVolume { .. }
        | Change::DeleteNode { .. }
        | Change::Renew { .. }
        | Change::Lease { .. } => None,
    }
}

/// The pods that a machine's rules name for a webhook's Service; `None` without any rules.
fn backends(spec: &WebhookSpec, node: NodeId, version: Version, ctx: &Ctx<'_>) -> Option<Vec<PodId>> {
    let rules = ctx.rules.revision(node);
    if rules.0 == 0 {
        return None;
    }
    let of = |wanted: Endpoint| -> Vec<PodId> {
        let listed = |pod: &PodId| ctx.store.pods().endpoint_at(*pod, rules) == wanted;
        let of_app = |pod: &PodId| ctx.store.pods().app(*pod) == spec.app;
        ctx.store.pods().ids().filter(of_app).filter(listed).collect()
    };
    let ready = of(Endpoint::Ready);
    let falls_back = ready.is_empty() && Behaviour::of(version).terminating_endpoints;
    Some(if falls_back { of(Endpoint::Terminating) } else { ready })
}

impl Api {
    /// Asks the webhooks that match a write which has just reached its server; false if there is none, and the write
    /// goes on at once.
    pub(super) fn asks_webhooks(&mut self, id: RequestId, ctx: &mut Ctx<'_>) -> bool {
        if ctx.spec.webhooks.is_empty() {
            return false;
        }
        let Some(pending) = self.requests.get_mut(id) else { return false };
        let (server, change) = (pending.server, pending.change.clone());
        let Some(write) = kind(&change, ctx) else { return false };
        let of = namespace(&change, ctx);
        let asked = |spec: &WebhookSpec| {
            spec.rules.iter().any(|rule| rule.matches(write.0, write.1))
                && !of.is_some_and(|app| spec.exempt.contains(&app))
        };
        let asked: Vec<WebhookId> =
            ctx.spec.webhooks.entries().filter(|(_, spec)| asked(spec)).map(|(webhook, _)| webhook).collect();
        if asked.is_empty() {
            return false;
        }
        let (wait, failed) = self.ask_all(server, &asked, write, ctx);
        if let Some(pending) = self.requests.get_mut(id) {
            (pending.admitting, pending.failed) = (true, failed);
        }
        ctx.after(wait, Event::Api(ApiEvent::Admitted(id)));
        true
    }

    /// How long all of them take, and which failed.
    fn ask_all(
        &mut self,
        server: MasterId,
        asked: &[WebhookId],
        write: (&'static str, &'static str),
        ctx: &mut Ctx<'_>,
    ) -> (Span, Vec<Failed>) {
        let (mut wait, mut failed) = (Span::ZERO, Vec::new());
        let (mutating, validating): (Vec<WebhookId>, Vec<WebhookId>) =
            asked.iter().partition(|webhook| ctx.spec.webhooks[**webhook].mutating);
        for webhook in mutating {
            let (took, failure) = self.ask(server, webhook, write, ctx);
            wait += took;
            failed.extend(failure);
            if failure.is_some_and(|failure| !failure.ignored) {
                return (wait, failed);
            }
        }
        let mut longest = Span::ZERO;
        for webhook in validating {
            let (took, failure) = self.ask(server, webhook, write, ctx);
            longest = longest.max(took);
            failed.extend(failure);
        }
        (wait + longest, failed)
    }

    fn ask(
        &mut self,
        server: MasterId,
        webhook: WebhookId,
        write: (&'static str, &'static str),
        ctx: &mut Ctx<'_>,
    ) -> (Span, Option<Failed>) {
        let spec = &ctx.spec.webhooks[webhook];
        let (took, loss) = self.call(server, webhook, spec, ctx);
        let Some(loss) = loss else {
            self.admission.refusing.remove(&webhook);
            return (took, None);
        };
        if spec.fails {
            self.admission.refusing.insert(webhook, Refusing { webhook, loss, write });
        }
        (took, Some(Failed { webhook, loss, ignored: !spec.fails }))
    }

    /// One call: how long it takes, and how it is lost if it is.
    fn call(
        &mut self,
        server: MasterId,
        webhook: WebhookId,
        spec: &WebhookSpec,
        ctx: &Ctx<'_>,
    ) -> (Span, Option<Loss>) {
        let (node, version) = (self.servers[server].node, self.servers[server].version);
        let line = self.admission.lines.entry((server, webhook)).or_default();
        line.calls += 1;
        let name = Name::new("webhook").with(Name::new(&spec.name)).part(server.index() as u64);
        let mut draw = ctx.draw(Purpose::Webhook, name, line.calls);
        if line.dead_until.is_some_and(|until| until > ctx.now) {
            return (spec.timeout, Some(Loss::BlackHole));
        }
        line.dead_until = None;
        let answered = |draw: &mut crate::engine::Draw| {
            let (there, back) = (ctx.spec.timings.network.sample(draw), ctx.spec.timings.network.sample(draw));
            let took = there + ctx.spec.apps[spec.app].latency.sample(draw) + back;
            if took < spec.timeout { (took, None) } else { (spec.timeout, Some(Loss::BlackHole)) }
        };
        let reached = |pod: PodId| ctx.store.pods().now(pod).node.is_some_and(|node| ctx.net.reaches(node));
        let kept = line.pod.take().filter(|pod| !ctx.store.pods().now(*pod).gone);
        if let Some(pod) = kept {
            if !reached(pod) {
                line.dead_until = Some(ctx.now + silence_found_after(version));
                return (spec.timeout, Some(Loss::BlackHole));
            }
            if ctx.serving.answers(pod) {
                line.pod = Some(pod);
                return answered(&mut draw);
            }
        }
        let Some(backends) = backends(spec, node, version, ctx) else {
            // No rule takes the packet; it goes to an address that nobody has.
            return (spec.timeout, Some(Loss::BlackHole));
        };
        if backends.is_empty() {
            return (Span::ZERO, Some(Loss::NoEndpoint));
        }
        let pod = backends[draw.below(backends.len() as u64) as usize];
        match ctx.serving.of(pod) {
            _ if !reached(pod) => (spec.timeout, Some(Loss::BlackHole)),
            Serving::Silent => (spec.timeout, Some(Loss::BlackHole)),
            Serving::Refusing | Serving::Closing => {
                (ctx.spec.timings.network.sample(&mut draw) * 2, Some(Loss::Refused))
            }
            Serving::Open | Serving::Leaving => {
                line.pod = Some(pod);
                answered(&mut draw)
            }
        }
    }

    /// The webhooks have answered, or not in time.
    pub(super) fn admitted(&mut self, id: RequestId, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.requests.get_mut(id) else { return };
        pending.admitting = false;
        let (server, failed) = (pending.server, std::mem::take(&mut pending.failed));
        let refused = failed.iter().any(|failed| !failed.ignored);
        for Failed { webhook, loss, ignored } in failed {
            ctx.note(Fact::WebhookFailed { webhook, master: server, loss, ignored });
        }
        if refused {
            return self.fails(id, ApiError::Webhook, ctx);
        }
        self.proposes(id, ctx);
    }

    /// The webhooks that refuse writes because nobody answers for them.
    pub fn refusing(&self) -> impl Iterator<Item = &Refusing> {
        self.admission.refusing.values()
    }
}
