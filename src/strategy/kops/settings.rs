//! What can be set of a kops rolling update, and what no flag sets but its release did.

use crate::base::{IntOrPercent, Span};
use crate::config::{Kind, Setting, Values};
use crate::strategy::start::START;

/// Time between two validations that fail. Source: kops `cmd/kops/rolling-update_cluster.go`, ValidateTickDuration.
pub(super) const VALIDATE_TICK: Span = Span::secs(30);
/// Time between two validations that pass. Source: the same file, ValidateSuccessDuration (kops PR 8088).
pub(super) const VALIDATE_AGAIN: Span = Span::secs(10);

/// What differs between releases of kops beside the defaults of its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era {
    /// Requests a second and burst of its API client: 20/50 now (kops `configureRESTConfig`), client-go's 5/10 before.
    pub(super) api_rate: (u32, u32),
    /// Nodes to be replaced get a soft taint first. From 1.18 (kops PR 8021).
    pub(super) soft_taint: bool,
    /// A drain labels the node out of external load balancers, and takes it out of the cloud's. From 1.24.
    pub(super) deregisters: bool,
    /// The validation before a group is tried again until it passes or times out. Before 1.18: one try.
    pub(super) retries_first_validation: bool,
    /// The gate gives up exactly at its time-out. Before 1.18; since then at the first failing try after it.
    pub(super) exact_timeout: bool,
    /// Failures of other groups of workers do not count.
    pub(super) ignores_other_groups: bool,
    /// A validation that times out, or a failure to deregister, in a group of workers stops the run (`isExitableError`).
    pub(super) exits_on_timeout: bool,
    /// An error in a master's group stops the run. Before 1.10 it did not.
    pub(super) master_error_stops: bool,
}

impl Era {
    /// kops as of today (1.24 and later).
    pub(super) const NOW: Era = Era {
        api_rate: (20, 50),
        soft_taint: true,
        deregisters: true,
        retries_first_validation: true,
        exact_timeout: false,
        ignores_other_groups: true,
        exits_on_timeout: true,
        master_error_stops: true,
    };
    /// kops 1.15.
    pub(super) const OF_1_15: Era = Era {
        api_rate: (5, 10),
        soft_taint: false,
        deregisters: false,
        retries_first_validation: false,
        exact_timeout: true,
        ignores_other_groups: false,
        exits_on_timeout: false,
        master_error_stops: true,
    };
    /// kops 1.9 to 1.12, with 1.9's loop over the masters.
    pub(super) const OF_2018: Era = Era { master_error_stops: false, ..Era::OF_1_15 };
}

/// Which groups are rolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roles {
    All,
    ControlPlane,
    Node,
}

/// The settings of a rolling update, as its parts read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) start: Span,
    pub(super) control_plane_interval: Span,
    pub(super) node_interval: Span,
    pub(super) post_drain_delay: Span,
    pub(super) validation_timeout: Span,
    pub(super) validate_count: u64,
    /// `None`: no deadline.
    pub(super) drain_timeout: Option<Span>,
    pub(super) fail_on_drain_error: bool,
    pub(super) fail_on_validate_error: bool,
    pub(super) cloudonly: bool,
    pub(super) force: bool,
    pub(super) max_surge: IntOrPercent,
    pub(super) max_unavailable: IntOrPercent,
    pub(super) drain_and_terminate: bool,
    pub(super) deregister_control_plane: bool,
    /// Names; empty for all.
    pub(super) instance_groups: Vec<String>,
    pub(super) roles: Roles,
    pub(super) era: Era,
}

impl Settings {
    pub(super) fn of(values: &Values, era: Era) -> Settings {
        let names = values.text("instance_groups").split(',').map(str::trim);
        Settings {
            start: values.span("start"),
            control_plane_interval: values.span("control_plane_interval"),
            node_interval: values.span("node_interval"),
            post_drain_delay: values.span("post_drain_delay"),
            validation_timeout: values.span("validation_timeout"),
            validate_count: values.count("validate_count"),
            drain_timeout: Some(values.span("drain_timeout")).filter(|timeout| !timeout.is_zero()),
            fail_on_drain_error: values.flag("fail_on_drain_error"),
            fail_on_validate_error: values.flag("fail_on_validate_error"),
            cloudonly: values.flag("cloudonly"),
            force: values.flag("force"),
            max_surge: values.int_or_percent("max_surge"),
            max_unavailable: values.int_or_percent("max_unavailable"),
            drain_and_terminate: values.flag("drain_and_terminate"),
            deregister_control_plane: values.flag("deregister_control_plane"),
            instance_groups: names.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            roles: match values.choice("instance_group_roles") {
                "control-plane" => Roles::ControlPlane,
                "node" => Roles::Node,
                _ => Roles::All,
            },
            era,
        }
    }
}

/// The defaults that differ between presets, as TOML.
pub(super) struct Defaults {
    pub(super) control_plane_interval: &'static str,
    pub(super) node_interval: &'static str,
    pub(super) post_drain_delay: &'static str,
    pub(super) validation_timeout: &'static str,
    pub(super) validate_count: &'static str,
    pub(super) drain_timeout: &'static str,
    pub(super) max_surge: &'static str,
    pub(super) max_unavailable: &'static str,
    pub(super) deregister_control_plane: &'static str,
}

const FLAGS: &str = "kops cmd/kops/rolling-update_cluster.go";
const FIELDS: &str = "kops pkg/instancegroups/settings.go";

const SPAN: Kind = Kind::Duration { min: Span::ZERO, max: Span::mins(7 * 24 * 60) };

const fn setting(key: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting { key, about, kind, default, unit: "", source: FLAGS }
}

const fn field(key: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting { key, about, kind, default, unit: "", source: FIELDS }
}

/// All settings, with these defaults.
pub(super) const fn settings(own: &Defaults) -> [Setting; 17] {
    [
        START,
        setting(
            "control_plane_interval",
            SPAN,
            own.control_plane_interval,
            "Least time between the end of a master's termination call and what follows.",
        ),
        setting("node_interval", SPAN, own.node_interval, "The same for a worker."),
        setting("post_drain_delay", SPAN, own.post_drain_delay, "Wait after a drain that succeeded."),
        setting(
            "validation_timeout",
            SPAN,
            own.validation_timeout,
            "A gate that has not passed by then fails; kops looks every 30 s and may be that late.",
        ),
        Setting {
            unit: "successes",
            ..setting(
                "validate_count",
                Kind::Count { min: 0, max: 1000 },
                own.validate_count,
                "Validations in a row, 10 s apart, that pass a gate; 0 skips it.",
            )
        },
        setting("drain_timeout", SPAN, own.drain_timeout, "Deadline of a drain; 0s, as in kubectl, for none."),
        setting(
            "fail_on_drain_error",
            Kind::Bool,
            "true",
            "Whether a failed drain abandons the group; if not, the machine is terminated all the same.",
        ),
        setting("fail_on_validate_error", Kind::Bool, "true", "Whether a failed validation fails the group."),
        setting("cloudonly", Kind::Bool, "false", "Neither drains nor validates."),
        setting("force", Kind::Bool, "false", "Rolls machines that are up to date, too."),
        field("max_surge", Kind::IntOrPercent, own.max_surge, "Workers of a group detached, and replaced, ahead."),
        field(
            "max_unavailable",
            Kind::IntOrPercent,
            own.max_unavailable,
            "Workers of a group out of service at a time, beyond the surge; at least 1 where max_surge is 0.",
        ),
        field("drain_and_terminate", Kind::Bool, "true", "If not, the group's roll ends after taints and surge."),
        Setting {
            source: "kops pkg/instancegroups/instancegroups.go",
            ..setting(
                "deregister_control_plane",
                Kind::Bool,
                own.deregister_control_plane,
                "Takes a master out of the API's load balancer before its drain, if it has others.",
            )
        },
        setting(
            "instance_groups",
            Kind::Text,
            "\"\"",
            "Only these groups, comma-separated; a master is its own group.",
        ),
        setting(
            "instance_group_roles",
            Kind::Choice(&["all", "control-plane", "node"]),
            "\"all\"",
            "Only groups of this role.",
        ),
    ]
}
