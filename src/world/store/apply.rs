//! Admission and storage of a write: its preconditions against the present, then one new revision.

use super::change::{ApiError, Change, Delivery};
use super::objects::*;
use super::{Revision, Store, Touched};
use crate::base::{Id, Span, Time};
use crate::world::ids::{NodeId, PodId, SetId, VolumeId};

impl Store {
    /// Applies a committed write at `now`. A refused write changes nothing, its revision included.
    ///
    /// # Errors
    /// What the API server would answer.
    pub fn apply(&mut self, change: &Change, now: Time) -> Result<Revision, ApiError> {
        let before = self.revision;
        self.revision = Revision(before.0 + 1);
        let done = self.admit(change, now);
        if done.is_err() {
            self.revision = before;
        }
        done.map(|()| self.revision)
    }

    fn admit(&mut self, change: &Change, now: Time) -> Result<(), ApiError> {
        match change {
            Change::CreatePod { set } => self.create_pod(*set, None, now),
            Change::CreatePodAt { set, index } => self.create_pod(*set, Some(*index), now),
            Change::Preempt { pod, .. } => self.delete_pod(*pod, None, now),
            Change::AttachVolume { volume, node } => self.attach(*volume, Some(*node)),
            Change::DetachVolume { volume } => self.attach(*volume, None),
            Change::RolloutStalls { app, stalls } => {
                let at = self.revision;
                self.deployments.change(*app, at, |deployment| deployment.stalls = *stalls);
                self.touch(Touched::Deployment(*app));
                Ok(())
            }
            Change::Bind { pod, node } => self.bind(*pod, *node),
            Change::PodStatus { pod, phase, ready } => self.pod_status(*pod, *phase, *ready, now),
            Change::DeletePod { pod, grace } => self.delete_pod(*pod, *grace, now),
            Change::RemovePod { pod } => self.remove_pod(*pod),
            Change::Evict { pod, grace } => self.evict(*pod, *grace, now),
            Change::Endpoints { pods, .. } => self.set_endpoints(pods),
            Change::BudgetStatus { .. } => self.budget_status(change),
            Change::CreateSet { app, template } => self.create_set(*app, *template),
            Change::ScaleSet { set, replicas } => self.scale_set(*set, *replicas),
            Change::Scale { app, replicas } => {
                let at = self.revision;
                self.deployments.change(*app, at, |deployment| deployment.replicas = *replicas);
                self.touch(Touched::Deployment(*app));
                Ok(())
            }
            Change::NewTemplate { app } => {
                let at = self.revision;
                self.deployments.change(*app, at, |deployment| {
                    deployment.template += 1;
                    deployment.stalls = false;
                });
                self.touch(Touched::Deployment(*app));
                Ok(())
            }
            Change::Deliver { app, delivery } => self.deliver(*app, *delivery),
            Change::Lease { component, holder, known } => self.change_lease(*component, *holder, *known),
            // Who renewed when is no object of this store.
            Change::Renew { .. } => Ok(()),
            Change::RegisterNode { .. }
            | Change::NodeStatus { .. }
            | Change::NodeTaints { .. }
            | Change::Cordon { .. }
            | Change::PreferNoSchedule { .. }
            | Change::ExcludeFromBalancers { .. }
            | Change::DeleteNode { .. } => self.change_node(change, now),
        }
    }

    /// A pod of an identity bears its name, and a name is there once: AlreadyExists until the old object is gone.
    fn create_pod(&mut self, set: SetId, index: Option<u32>, now: Time) -> Result<(), ApiError> {
        let app = self.sets.now(set).app;
        if self.app_facts[app].stateful && self.of_app[app].iter().any(|pod| self.index_of(*pod) == index) {
            return Err(ApiError::Conflict);
        }
        let facts = &mut self.app_facts[app];
        let ordinal = facts.created;
        facts.created += 1;
        let id = self.pods.create(set, ordinal, now, self.revision);
        self.indices.extend(index.map(|index| (id, index)));
        self.of_app[app].push(id);
        self.touch(Touched::Pod(id));
        Ok(())
    }

    /// A pod is bound once, and not after its deletion was asked for.
    fn bind(&mut self, pod: PodId, node: NodeId) -> Result<(), ApiError> {
        let object = self.pods.now(pod);
        if object.gone {
            return Err(ApiError::NotFound);
        }
        if object.node.is_some() || object.deleting.is_some() {
            return Err(ApiError::Conflict);
        }
        self.change_pod(pod, |pod| pod.node = Some(node));
        self.on_node[node].push(pod);
        if let Some(volume) = self.volume_of(pod) {
            let zone = self.zones[node];
            self.volumes[volume].zone.get_or_insert(zone);
        }
        Ok(())
    }

    fn pod_status(&mut self, pod: PodId, phase: Phase, ready: bool, now: Time) -> Result<(), ApiError> {
        if self.pods.now(pod).gone {
            return Err(ApiError::NotFound);
        }
        self.change_pod(pod, |pod| {
            pod.phase = phase;
            if pod.ready != ready {
                pod.ready = ready;
                pod.ready_since = now;
            }
        });
        Ok(())
    }

    /// Graceful deletion; at once for a pod that no node runs. A later request can only shorten the grace.
    pub(super) fn delete_pod(&mut self, pod: PodId, grace: Option<Span>, now: Time) -> Result<(), ApiError> {
        let object = self.pods.now(pod);
        if object.gone {
            return Err(ApiError::NotFound);
        }
        if object.node.is_none() || matches!(object.phase, Phase::Succeeded | Phase::Failed) {
            return self.remove_pod(pod);
        }
        self.change_pod(pod, |pod| {
            if let Some(grace) = grace {
                pod.grace = if pod.deleting.is_some() { pod.grace.min(grace) } else { grace };
            }
            pod.deleting = pod.deleting.or(Some(now));
        });
        Ok(())
    }

    fn remove_pod(&mut self, pod: PodId) -> Result<(), ApiError> {
        let object = self.pods.now(pod);
        if object.gone {
            return Err(ApiError::NotFound);
        }
        let (app, node) = (object.app, object.node);
        // A kubelet unmounts before the object goes; of a node that is gone nobody hears that it has.
        if let Some(volume) = self.volume_of(pod)
            && let Some(node) = node.filter(|node| self.nodes.now(*node).exists)
            && self.volumes[volume].attached == Some(node)
        {
            let shares = |other: &PodId| *other != pod && self.volume_of(*other) == Some(volume);
            self.volumes[volume].mounted = self.on_node[node].iter().any(shares);
        }
        if let Some(at) = self.of_app[app].iter().position(|other| *other == pod) {
            self.of_app[app].remove(at);
        }
        if let Some(node) = node {
            let on_node = &mut self.on_node[node];
            on_node.retain(|other| *other != pod);
            // A drained machine is mostly gone for good: it takes no room.
            if on_node.is_empty() {
                *on_node = Vec::new();
            }
        }
        self.change_pod(pod, |pod| {
            pod.gone = true;
            pod.ready = false;
        });
        Ok(())
    }

    pub(super) fn change_pod(&mut self, pod: PodId, change: impl FnOnce(&mut PodObject)) {
        self.pods.change(pod, self.revision, change);
        self.touch(Touched::Pod(pod));
    }

    fn set_endpoints(&mut self, pods: &[(PodId, Endpoint)]) -> Result<(), ApiError> {
        for (pod, endpoint) in pods {
            self.pods.list(*pod, self.revision, *endpoint);
            self.touch(Touched::Endpoint(*pod));
        }
        Ok(())
    }

    fn create_set(&mut self, app: crate::world::ids::AppId, template: u32) -> Result<(), ApiError> {
        let exists = self.deployments.now(app).sets.iter().any(|set| self.sets.now(*set).template == template);
        if exists {
            return Err(ApiError::Conflict);
        }
        let set = self.new_set(SetObject { app, template, replicas: 0 });
        self.deployments.change(app, self.revision, |deployment| deployment.sets.push(set));
        self.touch(Touched::Set(set));
        self.touch(Touched::Deployment(app));
        Ok(())
    }

    fn scale_set(&mut self, set: SetId, replicas: u32) -> Result<(), ApiError> {
        self.sets.change(set, self.revision, |set| set.replicas = replicas);
        self.touch(Touched::Set(set));
        Ok(())
    }

    fn deliver(&mut self, app: crate::world::ids::AppId, delivery: Delivery) -> Result<(), ApiError> {
        let at = self.revision;
        match delivery {
            Delivery::Create { template } => {
                let set = self.new_set(SetObject { app, template, replicas: 0 });
                self.touch(Touched::Set(set));
            }
            Delivery::Scale { set, replicas } => return self.scale_set(set, replicas),
            Delivery::Select(selected) => {
                self.routes.change(app, at, |route| route.selected = selected);
                self.touch(Touched::Deployment(app));
            }
            Delivery::Weigh { set, percent } => {
                self.routes.change(app, at, |route| route.weight = Some((set, percent)));
                // Whoever follows the app's endpoints follows its routes, too.
                for pod in self.of_app[app].clone() {
                    self.touch(Touched::Endpoint(pod));
                }
            }
        }
        Ok(())
    }

    /// One node at a time: ReadWriteOnce.
    fn attach(&mut self, volume: VolumeId, node: Option<NodeId>) -> Result<(), ApiError> {
        let object = &mut self.volumes[volume];
        if node.is_some() && object.attached.is_some_and(|other| Some(other) != node) {
            return Err(ApiError::Conflict);
        }
        (object.attached, object.mounted) = (node, node.is_some());
        self.touch(Touched::Volume(volume));
        Ok(())
    }

    fn change_lease(
        &mut self,
        component: Component,
        holder: Option<(crate::world::ids::MasterId, u32)>,
        known: Revision,
    ) -> Result<(), ApiError> {
        if self.lease_since[component as usize] != known {
            return Err(ApiError::Conflict);
        }
        self.leases[component as usize].holder = holder;
        self.lease_since[component as usize] = self.revision;
        self.touch(Touched::Lease(component));
        Ok(())
    }

    fn change_node(&mut self, change: &Change, now: Time) -> Result<(), ApiError> {
        let at = self.revision;
        let node = match change {
            Change::RegisterNode { node, .. } => *node,
            Change::NodeStatus { node, .. }
            | Change::NodeTaints { node, .. }
            | Change::Cordon { node, .. }
            | Change::PreferNoSchedule { node, .. }
            | Change::ExcludeFromBalancers { node, .. }
            | Change::DeleteNode { node } => {
                if !self.nodes.now(*node).exists {
                    return Err(ApiError::NotFound);
                }
                *node
            }
            Change::CreatePod { .. }
            | Change::CreatePodAt { .. }
            | Change::Preempt { .. }
            | Change::RolloutStalls { .. }
            | Change::AttachVolume { .. }
            | Change::DetachVolume { .. }
            | Change::Bind { .. }
            | Change::PodStatus { .. }
            | Change::DeletePod { .. }
            | Change::RemovePod { .. }
            | Change::Evict { .. }
            | Change::Endpoints { .. }
            | Change::BudgetStatus { .. }
            | Change::CreateSet { .. }
            | Change::ScaleSet { .. }
            | Change::NewTemplate { .. }
            | Change::Deliver { .. }
            | Change::Scale { .. }
            | Change::Renew { .. }
            | Change::Lease { .. } => return Err(ApiError::NotFound),
        };
        debug_assert!(node.index() < self.nodes.len());
        self.nodes.change(node, at, |object| object.take(change, now));
        self.touch(Touched::Node(node));
        Ok(())
    }
}

impl NodeObject {
    /// A machine without a Node object yet.
    pub fn unregistered() -> NodeObject {
        NodeObject {
            exists: false,
            ready: NodeReady::False,
            ready_since: Time::ZERO,
            unschedulable: false,
            no_schedule: true,
            no_execute: None,
            prefer_no_schedule: false,
            excluded_from_balancers: false,
            version: crate::base::Version::default(),
            registered: Time::ZERO,
        }
    }

    fn take(&mut self, change: &Change, now: Time) {
        match change {
            Change::RegisterNode { version, .. } => {
                if !self.exists {
                    *self = NodeObject { exists: true, ready_since: now, ..NodeObject::unregistered() };
                }
                self.version = *version;
                self.registered = now;
            }
            Change::NodeStatus { ready, .. } => {
                if self.ready != *ready {
                    self.ready = *ready;
                    self.ready_since = now;
                }
            }
            Change::NodeTaints { no_schedule, no_execute, .. } => {
                self.no_schedule = *no_schedule;
                self.no_execute = no_execute.then(|| self.no_execute.unwrap_or(now));
            }
            Change::Cordon { unschedulable, .. } => self.unschedulable = *unschedulable,
            Change::PreferNoSchedule { tainted, .. } => self.prefer_no_schedule = *tainted,
            Change::ExcludeFromBalancers { excluded, .. } => self.excluded_from_balancers = *excluded,
            Change::DeleteNode { .. } => self.exists = false,
            Change::CreatePod { .. }
            | Change::CreatePodAt { .. }
            | Change::Preempt { .. }
            | Change::RolloutStalls { .. }
            | Change::AttachVolume { .. }
            | Change::DetachVolume { .. }
            | Change::Bind { .. }
            | Change::PodStatus { .. }
            | Change::DeletePod { .. }
            | Change::RemovePod { .. }
            | Change::Evict { .. }
            | Change::Endpoints { .. }
            | Change::BudgetStatus { .. }
            | Change::CreateSet { .. }
            | Change::ScaleSet { .. }
            | Change::NewTemplate { .. }
            | Change::Deliver { .. }
            | Change::Scale { .. }
            | Change::Renew { .. }
            | Change::Lease { .. } => {}
        }
    }
}
