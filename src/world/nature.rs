//! What nature does to the cluster.

use crate::base::Span;
use crate::world::cluster::{World, ctx};
use crate::world::command::NodeProcess;
use crate::world::components::kubelet::KubeletFlaw;
use crate::world::disturbance::{Disturbance, Doomed};
use crate::world::effects::Notice;
use crate::world::ids::{NodeId, PodId, ZoneId};
use crate::world::reported::Instance;
use crate::world::store::Change;

impl World {
    /// Nature acts.
    pub fn disturb(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::CrashPod(pod) => {
                self.traffic.sigkill(pod, &mut ctx!(self));
                self.kubelets.container_exited(pod, &mut ctx!(self));
            }
            Disturbance::ContainersEnd { whom, after, at_once } => self.containers_end(whom, after, at_once),
            Disturbance::ContainersLive(whom) => self.kubelets.spare(whom),
            Disturbance::CrashSandbox(pod) => self.kubelets.sandbox_died(pod, &mut ctx!(self)),
            Disturbance::DeletePod(pod) => self.delete_pod(pod),
            // The tool stands outside the cluster: whoever drives it stops and starts it.
            Disturbance::StopPlan | Disturbance::StartPlan => return,
            other => self.disturb_shared(other),
        }
        self.changes.all();
        self.settle_effects();
    }

    /// What befalls the control plane, the cloud, or something that all share.
    fn disturb_shared(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::StopProcess { master, process, signal } => self.stop_process(master, process, signal),
            Disturbance::StartProcess { master, process } => self.start_process(master, process),
            Disturbance::CloudTrouble(trouble) => self.cloud.trouble_begins(trouble),
            Disturbance::CloudMends(trouble) => self.cloud.trouble_ends(trouble),
            Disturbance::FlawedImage { pool, flaw, is } => self.cloud.image_is_flawed(pool, flaw, is),
            Disturbance::HangBoot(node) => self.cloud.boot_hangs(node, self.net.host(node).powered),
            Disturbance::MendBoot(node) => self.cloud.boot_is_mended(node, &mut ctx!(self)),
            Disturbance::CutApi { from_etcd } => self.cut_api(from_etcd, true),
            Disturbance::MendApi { from_etcd } => self.cut_api(from_etcd, false),
            Disturbance::LoseEtcd => self.lose_etcd(),
            Disturbance::RestoreEtcd => {
                let _ = self.restore(None);
            }
            Disturbance::ClockPace { master, pace } => {
                self.controllers.set_pace(master, pace);
                self.schedulers.set_pace(master, pace);
            }
            Disturbance::Deaf { app, is } => self.traffic.set_deaf(app, is, &mut ctx!(self)),
            Disturbance::Dns { answers } => self.traffic.set_dns(answers, &mut ctx!(self)),
            Disturbance::Flatter { false_health } => self.flattered = false_health,
            Disturbance::RegistryIs(registry) => self.kubelets.set_registry(registry),
            Disturbance::SlowDisk { master, fsync } => self.etcd.set_slow_disk(master, fsync, &mut ctx!(self)),
            Disturbance::EtcdFull { full } => self.api.set_etcd_full(full, &mut ctx!(self)),
            Disturbance::EtcdPeers { master, linked } => {
                let node = self.masters[master].node;
                self.net.host_mut(node).peers = linked;
                self.out.notices.push(Notice::HostChanged(node));
            }
            Disturbance::CutFromLeader(master) => self.etcd.cut_from_leader(master, &mut ctx!(self)),
            Disturbance::MendPaths(master) => self.etcd.mend_paths(master, &mut ctx!(self)),
            Disturbance::CorruptMember { master, corrupt: true } => self.etcd.corrupt(master),
            Disturbance::CorruptMember { master, corrupt: false } => self.etcd.mend_data(master, &mut ctx!(self)),
            Disturbance::BalancerLags(by) => self.api.balancer_lags(by),
            Disturbance::Overload { master, wait } => self.api.set_queue(master, wait),
            Disturbance::BalancerFlaps { master, turns } => {
                self.api.balancer_flaps(master, turns, &mut ctx!(self));
            }
            other => self.disturb_machines(other),
        }
    }

    /// What befalls machines, and what runs on each.
    fn disturb_machines(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::PowerOff(node) => self.power_off(node),
            Disturbance::PowerOn(node) => self.cloud.boots(node, &mut ctx!(self)),
            Disturbance::ZoneOff(zone) => {
                for node in self.standing_in(zone, true) {
                    self.power_off(node);
                }
            }
            Disturbance::ZoneOn(zone) => {
                for node in self.standing_in(zone, false) {
                    self.cloud.boots(node, &mut ctx!(self));
                }
            }
            Disturbance::ZoneLinked { zone, linked } => {
                for node in self.standing_in(zone, true) {
                    self.net.host_mut(node).linked = linked;
                    self.out.notices.push(Notice::HostChanged(node));
                }
            }
            Disturbance::CutLink(node) | Disturbance::MendLink(node) => {
                self.net.host_mut(node).linked = matches!(disturbance, Disturbance::MendLink(_));
                self.out.notices.push(Notice::HostChanged(node));
            }
            Disturbance::FailKubelet(node) => {
                self.stop_node_process(node, NodeProcess::Kubelet);
                self.kubelets.set_flaw(node, Some(KubeletFlaw::NeverStarts));
            }
            Disturbance::MendKubelet(node) => {
                self.kubelets.set_flaw(node, None);
                self.start_node_process(node, NodeProcess::Kubelet);
            }
            Disturbance::Flap { node, down, up } => self.cloud.flaps(node, (down, up), &mut ctx!(self)),
            Disturbance::MendFlap(node) => self.cloud.settles(node, &mut ctx!(self)),
            Disturbance::SlowNode { node, factor } => {
                self.kubelets.set_pace(node, factor);
                self.traffic.set_slow(node, factor > 1, &mut ctx!(self));
            }
            Disturbance::VolumesHang { node, hang } => self.controllers.volumes_hang(node, hang, &mut ctx!(self)),
            Disturbance::RestartKubelet(node) => self.kubelets.restart(node, &mut ctx!(self)),
            Disturbance::RestartProxy(node) => {
                let version = self.cloud.instances()[node].version;
                self.proxies.stops(node);
                self.proxies.starts(node, version, &mut ctx!(self));
            }
            other => debug_assert!(false, "{other:?} befalls somebody else"),
        }
    }

    fn delete_pod(&mut self, pod: PodId) {
        let done = self.commit(&Change::DeletePod { pod, grace: None });
        debug_assert!(done.is_ok() || self.store.pods().now(pod).gone, "only a pod that is gone cannot be deleted");
    }

    fn containers_end(&mut self, whom: Doomed, after: Span, at_once: bool) {
        self.kubelets.doom(whom, after);
        let pods = match whom {
            Doomed::App(app) => self.store.pods_of(app).to_vec(),
            Doomed::Pod(pod) => vec![pod],
        };
        for pod in pods.into_iter().filter(|_| at_once) {
            self.out.notices.extend([Notice::Sigkill(pod), Notice::ContainerExited(pod)]);
        }
    }

    fn power_off(&mut self, node: NodeId) {
        self.cloud.power_off(node, &mut ctx!(self));
        self.machine_off(node);
    }

    /// The machines of a failure domain that nobody has terminated, with power or without, in order of their ids.
    fn standing_in(&self, zone: ZoneId, powered: bool) -> Vec<NodeId> {
        let here = |(node, instance): (NodeId, &Instance)| {
            let inside = instance.zone == zone && instance.running;
            (inside && self.net.host(node).powered == powered).then_some(node)
        };
        self.cloud.instances().entries().filter_map(here).collect()
    }

    fn cut_api(&mut self, from_etcd: bool, cut: bool) {
        match from_etcd {
            true => {
                self.net.etcd_cut = cut;
                for master in self.masters.ids() {
                    let serves = self.etcd.serves(master);
                    self.api.etcd_serves(master, serves, &mut ctx!(self));
                }
                if !cut {
                    self.api.etcd_reached(&mut ctx!(self));
                }
            }
            false => {
                self.net.api_cut = cut;
                self.api.path_changed(&mut ctx!(self));
            }
        }
    }
}
