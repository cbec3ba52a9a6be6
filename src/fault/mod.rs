//! Floor 4, second wall: what nature does. Each kind of fault is one file with its record; [`CATALOG`] lists them.
//!
//! A [`FaultSpec`] says what, when and whom. Roles such as `etcd-leader` are kept open until the fault strikes: the
//! run then says who that is, and [`FaultSpec::strike`] answers with the disturbance and its repair.

mod api_cut;
mod api_overload;
mod api_server_crash;
mod bad_image;
pub mod catalog;
mod clock_drift;
mod controller_manager_crash;
mod dns_down;
mod etcd_corrupt_data;
mod etcd_data_loss;
mod etcd_leader_cut;
mod etcd_member_stop;
mod etcd_no_space;
mod etcd_peer_cut;
mod etcd_slow_disk;
mod false_health;
mod image_crash_loop;
mod image_never_ready;
mod kube_proxy_restart;
mod kubelet_restart;
mod kubelet_start_failure;
mod load_balancer_flap;
mod load_balancer_lag;
mod memory_kill;
mod node_flapping;
mod node_link_cut;
mod node_power_off;
mod orchestrator_crash;
mod pod_crash;
mod pod_delete;
mod process;
mod provisioning_failure;
mod quota_refused;
mod reboot_never_returns;
mod registry_down;
mod registry_throttled;
mod sandbox_crash;
mod scheduler_crash;
mod slow_node;
pub mod spec;
pub mod target;
pub mod trigger;
mod volume_stuck;
mod webhook_backend_down;
mod zone_capacity;
mod zone_cut;
mod zone_outage;

pub use catalog::{CATALOG, FaultEntry, FaultSet, Lasting, UnknownFault, find};
pub use spec::{FaultSpec, Strike};
pub use target::{Aim, Target, UnknownTarget, Victim};
pub use trigger::{PlanUnit, Trigger, UnknownMoment};
