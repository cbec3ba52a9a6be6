//! OpenMetrics text: the run's figures, and its series with their simulated times, which `promtool tsdb
//! create-blocks-from openmetrics` takes in.
//!
//! Source: OpenMetrics 1.0.0, "Text format". Seconds of the run stand as seconds since 1970.

use std::fmt::Write;

use super::{Format, Found, Origin};
use crate::report::safe::escaped;
use crate::report::series;

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "openmetrics",
    file: "metrics.txt",
    about: "OpenMetrics text: ready pods and etcd's margin over time, requests by client and cause",
    of_proofs: false,
    render,
};

fn render(found: Found<'_>, _: Origin<'_>) -> Option<String> {
    let Found::Run(outcome, trace) = found else { return None };
    let mut page = Page::default();
    let end = outcome.sim_seconds;
    page.family("rollproof_requests", "counter", "Requests sent.");
    for (client, share) in &outcome.requests.by_client {
        page.sample("rollproof_requests_total", &[("client", client)], share.sent as f64, end);
    }
    page.family("rollproof_requests_lost", "counter", "Requests lost, by mechanism.");
    for (client, share) in &outcome.requests.by_client {
        for (cause, lost) in &share.by_cause {
            page.sample("rollproof_requests_lost_total", &[("client", client), ("cause", cause)], *lost as f64, end);
        }
    }
    page.family("rollproof_exposed_seconds", "gauge", "Time in which a request could have been lost.");
    for (client, share) in &outcome.requests.by_client {
        page.sample("rollproof_exposed_seconds", &[("client", client)], share.exposed_s, end);
    }
    page.family("rollproof_upgrade_seconds", "gauge", "From the operator's start to the end.");
    page.sample("rollproof_upgrade_seconds", &[("strategy", &outcome.strategy)], outcome.upgrade.seconds, end);
    if let Some(trace) = trace {
        page.family("rollproof_ready_pods", "gauge", "Pods that are Ready and not on their way out.");
        for app in series::ready(trace, 0.0) {
            page.series("rollproof_ready_pods", &[("app", &app.app)], &app.steps);
        }
        page.family("rollproof_etcd_spare_members", "gauge", "Voters up beyond a majority; below 0: no quorum.");
        page.series("rollproof_etcd_spare_members", &[], &series::etcd_margin(trace));
    }
    page.text.push_str("# EOF\n");
    Some(page.text)
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64, at: f64) {
        let label = |(key, value): &(&str, &str)| format!("{key}=\"{}\"", label_value(value));
        let labels: Vec<String> = labels.iter().map(label).collect();
        let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{braces} {value} {at:.3}");
    }
    /// The last value of each millisecond: times of one series rise.
    fn series(&mut self, name: &str, labels: &[(&str, &str)], steps: &[(f64, i64)]) {
        let millis = |at: f64| (at * 1000.0).round() as i64;
        for (place, (at, value)) in steps.iter().enumerate() {
            if steps.get(place + 1).is_none_or(|(next, _)| millis(*next) > millis(*at)) {
                self.sample(name, labels, *value as f64, *at);
            }
        }
    }
}

/// A label's value: what a terminal would act on is escaped, then what the format escapes.
fn label_value(value: &str) -> String {
    escaped(value).replace('\\', "\\\\").replace('"', "\\\"")
}
