//! What the parameters shared by experiments change in the measured cluster's app and clients.

use super::super::line::Line;
use super::super::params::Params;
use super::super::requests::{LEAD, Load, Sending};
use super::ACT;
use crate::base::{Span, Time};

/// From the start of a run to its act.
pub(super) fn before_act() -> Span {
    ACT.since(Time::ZERO)
}

/// The run ends so long after the act.
pub(super) fn ends(after: Span) -> String {
    format!("limits.horizon=\"{}ms\"", millis(before_act() + after))
}

/// The app: replicas, what it does at SIGTERM, its hook and its budget; what is not given stays as the scenario has it.
pub(super) fn app(params: &Params<'_>) -> Vec<String> {
    let mut overrides = Vec::new();
    if params.has("replicas") {
        overrides.push(format!("app.web.replicas={}", params.count("replicas", 1, (1, 100))));
    }
    if params.has("mode") {
        let on_sigterm = match params.choice("mode", &["graceful", "abrupt"]) {
            "abrupt" => "exit",
            _ => "close-idle",
        };
        overrides.push(format!("app.web.on_sigterm=\"{on_sigterm}\""));
    }
    // No hook and a hook that sleeps for no time are nearly the same, and the measurement had none at 0.
    let pre_stop = params.span("prestop", Span::ZERO);
    overrides.push(format!("app.web.pre_stop=\"{}ms\"", millis(pre_stop)));
    overrides.push(format!("app.web.pdb={}", budget(params).unwrap_or_else(|| "\"none\"".to_owned())));
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
    Some(format!("{{{key}={quote}{amount}{quote}}}"))
}

/// The clients send from [`LEAD`] before the act on.
pub(super) fn clients(params: &Params<'_>, line: &Line) -> (Vec<String>, Sending) {
    let rps = params.count("rps", 100, (1, 10_000));
    let kept = params.has("keepalive").then(|| params.flag("keepalive", true));
    // Where the time is not a parameter, it follows from what was sent: the rate was constant.
    let sent = line.result.get("load").and_then(|load| serde_json::from_value::<Load>(load.clone()).ok());
    let lasting = sent.map_or(Span::ZERO, |load| Span::millis(load.sent.min(1_000_000_000) * 1000 / rps));
    let lasting = params.span("secs", lasting).max(LEAD + Span::secs(1));
    let sending = Sending { rps, lasting, kept };
    (sending.overrides("app.web.traffic.load", before_act()), sending)
}

/// The end of what clients send, counted from the act.
pub(super) fn end_of(sending: &Sending) -> Span {
    sending.lasting.saturating_sub(LEAD)
}

pub(super) fn millis(span: Span) -> u64 {
    span.as_nanos() / 1_000_000
}

/// `w2` for `workers-2`, `m2` for `master-2`, as the measurement calls them.
pub(super) fn short(label: &str) -> String {
    match label.rsplit_once('-') {
        Some(("workers", number)) => format!("w{number}"),
        Some(("master", number)) => format!("m{number}"),
        Some(_) | None => label.to_owned(),
    }
}
