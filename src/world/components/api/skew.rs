//! The version skew policy, connection by connection.
//!
//! Source: Kubernetes documentation, "Version Skew Policy".

use crate::base::Version;
use crate::world::behaviour::Behaviour;
use crate::world::watch::ClientKind;

/// How many minors a controller manager or scheduler may be older than the API server it talks to.
const ELECTED_SKEW: u16 = 1;
/// How many minors two API servers of one cluster may be apart.
const SERVERS_SKEW: u16 = 1;

/// Whether a process of this kind and version may talk to an API server of that version.
pub(super) fn allows(kind: ClientKind, client: Version, server: Version) -> bool {
    let older = match kind {
        ClientKind::Kubelet(_) | ClientKind::Proxy(_) => Behaviour::of(client).kubelet_skew,
        ClientKind::Elected(..) => ELECTED_SKEW,
        ClientKind::Router(..) | ClientKind::Operator(_) => return true,
    };
    client.minor <= server.minor && server.minor - client.minor <= older
}

/// Whether two API servers may serve one cluster.
pub(super) fn allows_servers(one: Version, other: Version) -> bool {
    one.minor.abs_diff(other.minor) <= SERVERS_SKEW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ids::{MasterId, NodeId};
    use crate::world::store::Component;

    fn v(minor: u16) -> Version {
        Version::new(1, minor, 0)
    }

    #[test]
    fn a_kubelet_is_never_newer_and_at_most_two_or_from_1_25_three_minors_older() {
        let kubelet = ClientKind::Kubelet(NodeId(0));
        assert!(allows(kubelet, v(14), v(16)) && !allows(kubelet, v(14), v(17)));
        assert!(allows(kubelet, v(25), v(28)) && !allows(kubelet, v(25), v(29)));
        assert!(!allows(kubelet, v(15), v(14)));
    }

    #[test]
    fn a_controller_manager_is_at_most_one_minor_older() {
        let manager = ClientKind::Elected(Component::ControllerManager, MasterId(0));
        assert!(allows(manager, v(14), v(15)) && !allows(manager, v(14), v(16)) && !allows(manager, v(15), v(14)));
    }

    #[test]
    fn api_servers_are_at_most_one_minor_apart() {
        assert!(allows_servers(v(14), v(15)) && !allows_servers(v(14), v(16)));
    }
}
