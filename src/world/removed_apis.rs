//! API versions that Kubernetes has stopped to serve.
//!
//! Objects stay as they are in etcd, and are read through the versions that are left. A client that asks for a version
//! that is gone gets 404: one that is running goes on with what it knows, and one that starts cannot fill its caches.
//! Source: Kubernetes documentation, "Deprecated API Migration Guide".

/// A version of a kind that is served no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedApi {
    /// Group, version and kind, such as `extensions/v1beta1/Ingress`.
    pub name: &'static str,
    /// The minor of Kubernetes 1 that serves it no more.
    pub minor: u16,
    /// What to use instead.
    pub instead: &'static str,
}

const fn gone(name: &'static str, minor: u16, instead: &'static str) -> RemovedApi {
    RemovedApi { name, minor, instead }
}

/// Those that controllers, ingresses and webhooks of real clusters used, oldest first.
pub static REMOVED_APIS: [RemovedApi; 26] = [
    gone("extensions/v1beta1/Deployment", 16, "apps/v1"),
    gone("extensions/v1beta1/DaemonSet", 16, "apps/v1"),
    gone("extensions/v1beta1/ReplicaSet", 16, "apps/v1"),
    gone("extensions/v1beta1/NetworkPolicy", 16, "networking.k8s.io/v1"),
    gone("extensions/v1beta1/PodSecurityPolicy", 16, "policy/v1beta1"),
    gone("apps/v1beta1/Deployment", 16, "apps/v1"),
    gone("apps/v1beta2/Deployment", 16, "apps/v1"),
    gone("apps/v1beta2/StatefulSet", 16, "apps/v1"),
    gone("extensions/v1beta1/Ingress", 22, "networking.k8s.io/v1"),
    gone("networking.k8s.io/v1beta1/Ingress", 22, "networking.k8s.io/v1"),
    gone("apiextensions.k8s.io/v1beta1/CustomResourceDefinition", 22, "apiextensions.k8s.io/v1"),
    gone("admissionregistration.k8s.io/v1beta1/ValidatingWebhookConfiguration", 22, "admissionregistration.k8s.io/v1"),
    gone("admissionregistration.k8s.io/v1beta1/MutatingWebhookConfiguration", 22, "admissionregistration.k8s.io/v1"),
    gone("rbac.authorization.k8s.io/v1beta1/ClusterRole", 22, "rbac.authorization.k8s.io/v1"),
    gone("coordination.k8s.io/v1beta1/Lease", 22, "coordination.k8s.io/v1"),
    gone("certificates.k8s.io/v1beta1/CertificateSigningRequest", 22, "certificates.k8s.io/v1"),
    gone("batch/v1beta1/CronJob", 25, "batch/v1"),
    gone("discovery.k8s.io/v1beta1/EndpointSlice", 25, "discovery.k8s.io/v1"),
    gone("events.k8s.io/v1beta1/Event", 25, "events.k8s.io/v1"),
    gone("autoscaling/v2beta1/HorizontalPodAutoscaler", 25, "autoscaling/v2"),
    gone("policy/v1beta1/PodDisruptionBudget", 25, "policy/v1"),
    gone("policy/v1beta1/PodSecurityPolicy", 25, "Pod Security Admission"),
    gone("autoscaling/v2beta2/HorizontalPodAutoscaler", 26, "autoscaling/v2"),
    gone("storage.k8s.io/v1beta1/CSIStorageCapacity", 27, "storage.k8s.io/v1"),
    gone("flowcontrol.apiserver.k8s.io/v1beta2/FlowSchema", 29, "flowcontrol.apiserver.k8s.io/v1"),
    gone("flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema", 32, "flowcontrol.apiserver.k8s.io/v1"),
];

/// The removed version of this name.
pub fn removed_api(name: &str) -> Option<&'static RemovedApi> {
    REMOVED_APIS.iter().find(|api| api.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_that_is_gone_is_found_by_its_name() {
        assert_eq!(removed_api("policy/v1beta1/PodDisruptionBudget").map(|api| api.minor), Some(25));
        assert_eq!(removed_api("extensions/v1beta1/Deployment").map(|api| api.minor), Some(16));
        assert_eq!(removed_api("apps/v1/Deployment"), None);
        assert!(REMOVED_APIS.is_sorted_by_key(|api| api.minor));
    }
}
