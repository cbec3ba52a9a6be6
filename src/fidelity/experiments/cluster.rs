//! The measured cluster, and what the parameters shared by experiments change in its app and its clients.

use super::super::line::Line;
use super::super::params::Params;
use super::super::requests::{LEAD, Load, Sending};
use super::ACT;
use crate::base::{Span, Time};

/// The scenario of the cluster.
pub(super) const TEXT: &str = include_str!("../../../scenarios/measured-cluster.toml");
/// Its name.
pub(super) const NAME: &str = "measured-cluster";

/// From the start of a run to its act.
pub(super) fn before_act() -> Span {
    ACT.since(Time::ZERO)
}

/// No plan runs before the experiment is over; the run ends so long after the act.
pub(super) fn bare(after: Span) -> Vec<String> {
    vec!["strategy.start=\"10h\"".to_owned(), format!("limits.horizon=\"{}ms\"", millis(before_act() + after))]
}

/// The app: replicas, what it does at SIGTERM, its hook and its budget.
pub(super) fn app(params: &Params<'_>) -> Vec<String> {
    let replicas = params.count("replicas", 6, (1, 100));
    let on_sigterm = match params.choice("mode", &["graceful", "abrupt"]) {
        "abrupt" => "exit",
        _ => "close-idle",
    };
    let pre_stop = params.span("prestop", Span::ZERO);
    let mut overrides = vec![
        format!("app.web.replicas={replicas}"),
        format!("app.web.on_sigterm=\"{on_sigterm}\""),
        format!("app.web.pre_stop=\"{}ms\"", millis(pre_stop)),
    ];
    overrides.extend(budget(params));
    overrides
}

/// `minAvailable:5`, `maxUnavailable:20%`, or nothing.
fn budget(params: &Params<'_>) -> Option<String> {
    let text = params.text("pdb");
    if text.is_empty() {
        return None;
    }
    let (key, amount) = match text.split_once(':') {
        Some(("minAvailable", amount)) => ("min_available", amount),
        Some(("maxUnavailable", amount)) => ("max_unavailable", amount),
        Some(_) | None => ("", text),
    };
    let number = amount.strip_suffix('%').unwrap_or(amount);
    if key.is_empty() || number.parse::<u16>().is_err() {
        params.refuse_text("pdb", text, "give \"minAvailable:N\" or \"maxUnavailable:N\", N a number or a percentage");
        return None;
    }
    let quote = if number == amount { "" } else { "\"" };
    Some(format!("app.web.pdb={{{key}={quote}{amount}{quote}}}"))
}

/// The clients: only one of the cluster's two groups sends.
pub(super) fn clients(params: &Params<'_>, line: &Line) -> (Vec<String>, Sending) {
    let rps = params.count("rps", 100, (1, 10_000));
    let kept = params.flag("keepalive", true);
    // Where the time is not a parameter, it follows from what was sent: the rate was constant.
    let sent = line.result.get("load").and_then(|load| serde_json::from_value::<Load>(load.clone()).ok());
    let lasting = sent.map_or(Span::ZERO, |load| Span::millis(load.sent * 1000 / rps.max(1)));
    let lasting = params.span("secs", lasting);
    let sending = Sending { rps, lasting, kept };
    let (group, other) = if kept { ("kept", "new") } else { ("new", "kept") };
    let mut overrides = sending.overrides(&format!("app.web.traffic.{group}"), before_act());
    overrides.push(format!("app.web.traffic.{other}.rps=0"));
    (overrides, sending)
}

/// The end of what clients send, counted from the act.
pub(super) fn end_of(sending: &Sending) -> Span {
    sending.lasting.saturating_sub(LEAD)
}

pub(super) fn millis(span: Span) -> u64 {
    span.as_nanos() / 1_000_000
}
