//! Presets of load balancers: in front of the API servers, and in front of a Service.

use super::record::{count, dist, estimate, flag, period, setting, span, table};
use super::section::{Presets, Section};
use crate::config::{Kind, Setting};

/// `[cluster.control_plane.load_balancer]`.
pub(super) static API_BALANCERS: Presets = Presets {
    about: "The load balancer that all API clients but the masters' own processes go through.",
    all: &[&ELB_CLASSIC, &NLB, &HAPROXY, &NO_BALANCER],
    source: "kops release-1.18 pkg/model/awsmodel/api_loadbalancer.go: a classic ELB",
};

/// What differs between load balancers of the API, as TOML.
struct Api {
    source: &'static str,
    balance: &'static str,
    balance_source: &'static str,
    check: &'static str,
    interval: &'static str,
    timeout: &'static str,
    threshold: &'static str,
    connect_retry: &'static str,
    propagation: &'static str,
    propagation_source: &'static str,
    deregistration: &'static str,
    on_down: &'static str,
    fail_open: &'static str,
}

const fn api(own: &Api) -> [Setting; 11] {
    let source = own.source;
    [
        setting(
            "balance",
            Kind::Choice(&["random", "round-robin"]),
            own.balance,
            "Which target in use a new connection gets: any, or the next in turn.",
            own.balance_source,
        ),
        setting(
            "check",
            Kind::Choice(&["tcp", "healthz", "readyz"]),
            own.check,
            "What a check asks: a connection, /healthz, or /readyz, which alone turns red at SIGTERM.",
            source,
        ),
        period("interval", own.interval, "Time between two checks of one target.", source),
        period("timeout", own.timeout, "A check without an answer fails after this long.", source),
        count(
            ("unhealthy_threshold", "failures"),
            (1, 100),
            own.threshold,
            "Failures in a row that mark a target down.",
            source,
        ),
        count(
            ("healthy_threshold", "successes"),
            (1, 100),
            own.threshold,
            "Successes in a row that mark it up.",
            source,
        ),
        span(
            "connect_retry",
            own.connect_retry,
            "How long a target that refuses is tried again before the client hears of it.",
            source,
        ),
        dist("propagation", own.propagation, "From a mark until new connections follow it.", own.propagation_source),
        dist(
            "deregistration",
            own.deregistration,
            "From the wish to deregister a target until new connections avoid it.",
            own.propagation_source,
        ),
        setting(
            "on_down",
            Kind::Choice(&["keep", "cut"]),
            own.on_down,
            "What happens to the connections of a target that is marked down.",
            source,
        ),
        flag(
            "fail_open",
            own.fail_open,
            "With every target down: whether new connections go to any of them, or are refused.",
            source,
        ),
    ]
}

static ELB_CLASSIC: Section = Section {
    entry: &table(
        "elb-classic",
        "A classic ELB of AWS, as kops made it up to 1.18.",
        &ELB_CLASSIC_SETTINGS,
        &[KOPS_ELB],
    ),
    optionals: &[],
};
const KOPS_ELB: &str = "kops release-1.18 pkg/model/awsmodel/api_loadbalancer.go";
static ELB_CLASSIC_SETTINGS: [Setting; 11] = api(&Api {
    source: KOPS_ELB,
    balance: "\"random\"",
    balance_source: "AWS Classic Load Balancers user guide: TCP connections in turn, on each of several balancer nodes by itself",
    check: "\"tcp\"",
    interval: "\"10s\"",
    timeout: "\"5s\"",
    threshold: "2",
    connect_retry: "\"0s\"",
    propagation: "{ uniform = [\"1s\", \"3s\"] }",
    propagation_source: estimate!("a classic ELB follows its checks within seconds"),
    deregistration: "{ uniform = [\"1s\", \"5s\"] }",
    on_down: "\"keep\"",
    fail_open: "false",
});

static NLB: Section = Section {
    entry: &table(
        "nlb",
        "A network load balancer of AWS, as kops makes it now.",
        &NLB_SETTINGS,
        &[KOPS_NLB, "aws/containers-roadmap issue 470", "kubernetes-sigs/cluster-api-provider-aws issue 5475"],
    ),
    optionals: &[],
};
const KOPS_NLB: &str = "kops pkg/model/awsmodel/api_loadbalancer.go; AWS NLB documentation";
static NLB_SETTINGS: [Setting; 11] = api(&Api {
    source: KOPS_NLB,
    balance: "\"random\"",
    balance_source: "AWS Network Load Balancers user guide: a hash of the flow",
    check: "\"tcp\"",
    interval: "\"10s\"",
    timeout: "\"10s\"",
    threshold: "2",
    connect_retry: "\"0s\"",
    propagation: "{ uniform = [\"30s\", \"40s\"] }",
    propagation_source: "aws/containers-roadmap issue 470: 30 to 40 s after the mark, some 120 s after deregistration",
    deregistration: "{ uniform = [\"100s\", \"140s\"] }",
    on_down: "\"cut\"",
    fail_open: "true",
});

static HAPROXY: Section = Section {
    entry: &table(
        "haproxy",
        "HAProxy with a readiness check, which cuts the sessions of a server that is down.",
        &HAPROXY_SETTINGS,
        &[HAPROXY_DOC],
    ),
    optionals: &[],
};
const HAPROXY_DOC: &str =
    "HAProxy 2.6 configuration manual: inter 2s, retries 3 a second apart; fall 2, on-marked-down shutdown-sessions";
static HAPROXY_SETTINGS: [Setting; 11] = api(&Api {
    source: HAPROXY_DOC,
    balance: "\"round-robin\"",
    balance_source: "HAProxy 2.6 configuration manual, balance: roundrobin unless said otherwise",
    check: "\"readyz\"",
    interval: "\"2s\"",
    timeout: "\"2s\"",
    threshold: "2",
    connect_retry: "\"3s\"",
    propagation: "\"0s\"",
    propagation_source: HAPROXY_DOC,
    deregistration: "\"0s\"",
    on_down: "\"cut\"",
    fail_open: "false",
});

static NO_BALANCER: Section = Section {
    entry: &table(
        "none",
        "No load balancer: clients find the masters by DNS, and keep to what they have heard for a minute.",
        &NO_BALANCER_SETTINGS,
        &[DNS],
    ),
    optionals: &[],
};
const DNS: &str = "kops dns-controller/pkg/dns/dnscontroller.go: records with a time to live of 60 s";
static NO_BALANCER_SETTINGS: [Setting; 11] = api(&Api {
    source: DNS,
    balance: "\"random\"",
    balance_source: "DNS round robin: the order of answers changes from one to the next",
    check: "\"tcp\"",
    interval: "\"5s\"",
    timeout: "\"5s\"",
    threshold: "1",
    connect_retry: "\"0s\"",
    propagation: "{ uniform = [\"0s\", \"60s\"] }",
    propagation_source: DNS,
    deregistration: "{ uniform = [\"0s\", \"60s\"] }",
    on_down: "\"keep\"",
    fail_open: "true",
});

/// `[app.NAME.load_balancer]`.
pub(super) static SERVICE_BALANCERS: Presets = Presets {
    about: "The load balancer of a Service of type LoadBalancer.",
    all: &[&SERVICE_ELB, &SERVICE_NLB, &SERVICE_NLB_IP],
    source: "kubernetes cloud-provider aws.go: a classic ELB unless annotated otherwise",
};

struct Service {
    source: &'static str,
    interval: &'static str,
    timeout: &'static str,
    unhealthy: &'static str,
    healthy: &'static str,
    lag_source: &'static str,
    propagation: &'static str,
    deregistration: &'static str,
    registration: &'static str,
    to_pods: &'static str,
}

const fn service(own: &Service) -> [Setting; 9] {
    let (source, lag) = (own.source, own.lag_source);
    [
        setting(
            "external_traffic_policy",
            Kind::Choice(&["Cluster", "Local"]),
            "\"Cluster\"",
            "Whether any node forwards to any endpoint, or only to its own.",
            "kubernetes pkg/apis/core/v1/defaults.go",
        ),
        period("interval", own.interval, "Time between two checks of one target.", source),
        period("timeout", own.timeout, "A check without an answer fails after this long.", source),
        count(
            ("unhealthy_threshold", "failures"),
            (1, 100),
            own.unhealthy,
            "Failures in a row that mark a target down.",
            source,
        ),
        count(("healthy_threshold", "successes"), (1, 100), own.healthy, "Successes in a row that mark it up.", source),
        dist("propagation", own.propagation, "From a mark until new connections follow it.", lag),
        dist(
            "deregistration",
            own.deregistration,
            "From the service controller's call until new connections avoid the target.",
            lag,
        ),
        dist(
            "registration",
            own.registration,
            "From the service controller's call until a new target takes connections, checks included.",
            lag,
        ),
        flag("to_pods", own.to_pods, "Whether targets are pods, or nodes.", source),
    ]
}

static SERVICE_ELB: Section = Section {
    entry: &table(
        "elb-classic",
        "A classic ELB as the in-tree cloud provider makes it.",
        &SERVICE_ELB_SETTINGS,
        &[INTREE],
    ),
    optionals: &[],
};
const INTREE: &str = "kubernetes staging/src/k8s.io/legacy-cloud-providers/aws/aws_loadbalancer.go";
static SERVICE_ELB_SETTINGS: [Setting; 9] = service(&Service {
    source: INTREE,
    interval: "\"10s\"",
    timeout: "\"5s\"",
    unhealthy: "6",
    healthy: "2",
    lag_source: estimate!("a classic ELB follows within seconds; a new target passes two checks 10 s apart"),
    propagation: "{ uniform = [\"1s\", \"3s\"] }",
    deregistration: "{ uniform = [\"1s\", \"5s\"] }",
    registration: "{ uniform = [\"12s\", \"30s\"] }",
    to_pods: "false",
});

static SERVICE_NLB: Section = Section {
    entry: &table(
        "nlb",
        "A network load balancer of AWS with nodes as targets.",
        &SERVICE_NLB_SETTINGS,
        &[INTREE, NLB_LAG],
    ),
    optionals: &[],
};
const NLB_LAG: &str = "aws/containers-roadmap issue 470 and kubernetes-sigs/aws-load-balancer-controller issue 1834";
const fn nlb(to_pods: &'static str) -> [Setting; 9] {
    service(&Service {
        source: INTREE,
        interval: "\"30s\"",
        timeout: "\"10s\"",
        unhealthy: "3",
        healthy: "3",
        lag_source: NLB_LAG,
        propagation: "{ uniform = [\"30s\", \"40s\"] }",
        deregistration: "{ uniform = [\"100s\", \"140s\"] }",
        registration: "{ uniform = [\"180s\", \"300s\"] }",
        to_pods,
    })
}
static SERVICE_NLB_SETTINGS: [Setting; 9] = nlb("false");

static SERVICE_NLB_IP: Section = Section {
    entry: &table(
        "nlb-ip",
        "A network load balancer of AWS with pods as targets.",
        &SERVICE_NLB_IP_SETTINGS,
        &[INTREE, NLB_LAG],
    ),
    optionals: &[],
};
static SERVICE_NLB_IP_SETTINGS: [Setting; 9] = nlb("true");
