//! An operator's shell: every command takes a while until its first request or signal goes out.

use super::actor::NotYet;
use super::turn::Turn;
use crate::base::{Span, Time};
use crate::config::{Kind, Setting};
use crate::engine::Dist;

/// `command_time`.
pub(super) const COMMAND_TIME: Setting = Setting {
    key: "command_time",
    about: "From the start of each command until its first request or signal: the process, its configuration, a \
            connection with TLS, discovery.",
    kind: Kind::Dist,
    default: "{ uniform = [\"40ms\", \"100ms\"] }",
    unit: "",
    source: "estimate: kubectl with its discovery cached (kubectl pkg/cmd, cli-runtime pkg/genericclioptions)",
};

/// `drain_by`.
pub(super) const DRAIN_BY: Setting = Setting {
    key: "drain_by",
    about: "One `kubectl drain`, which evicts all pods of a node at once, or a script with a command for each request, \
            one pod after another.",
    kind: Kind::Choice(&["command", "requests"]),
    default: "\"command\"",
    unit: "",
    source: "kubectl pkg/drain/drain.go, evictPods; the API's eviction subresource needs no kubectl",
};

/// `retry_time`.
pub(super) const RETRY_TIME: Setting = Setting {
    key: "retry_time",
    about: "What a script does between its pause after a refused eviction and its next try, beyond `command_time`; \
            without meaning where one command drains.",
    kind: Kind::Dist,
    default: "\"0s\"",
    unit: "",
    source: "rollproof: a script that does nothing else",
};

/// The time of a script's own work, which a drain by one command does not have.
pub(super) fn of_a_script(drain_by: &str, time: Dist) -> Dist {
    if drain_by == "requests" { time } else { Dist::Fixed(Span::ZERO) }
}

/// A command on its way to its first request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Launch(Option<Time>);

impl Launch {
    /// Whether the command has come to its first request. The first call starts it; the call after it is through starts
    /// the next.
    pub(super) fn is_through(&mut self, time: Dist, turn: &mut Turn<'_, '_>) -> bool {
        let now = turn.now();
        let at = *self.0.get_or_insert_with(|| now + turn.command_time(time));
        let through = now >= at;
        if through {
            self.0 = None;
        }
        through
    }

    /// Waits for it; whether there is one.
    pub(super) fn arm(self, turn: &mut Turn<'_, '_>) -> bool {
        if let Some(at) = self.0 {
            turn.until(at);
            turn.blocked(NotYet::Pause);
        }
        self.0.is_some()
    }
}
