//! `[[webhook]]`: admission webhooks, whose backends are pods of an app.

use super::app::ReadApp;
use super::lower::{Lower, quoted};
use super::record::{setting, table};
use super::section::{Fields, Section, reference};
use crate::base::{Id, Span};
use crate::config::printed::printed_value;
use crate::config::{Item, Kind, Problem, Reader, Setting, code};
use crate::world::ids::AppId;
use crate::world::spec::{WebhookRule, WebhookSpec};

/// `[[webhook]]`, its name, app, rules and exemptions excepted.
pub(super) static WEBHOOK: Section = Section {
    entry: &table("webhook", "An admission webhook, answered by the pods of an app.", &WEBHOOK_SETTINGS, &[V1]),
    optionals: &[],
};
const V1: &str = "kubernetes pkg/apis/admissionregistration/v1/defaults.go";
static WEBHOOK_SETTINGS: [Setting; 3] = [
    setting(
        "type",
        Kind::Choice(&["validating", "mutating"]),
        "\"validating\"",
        "Validating webhooks are asked at the same time, mutating ones before them, one after the other.",
        "rollproof: the commoner kind",
    ),
    setting(
        "failure_policy",
        Kind::Choice(&["Fail", "Ignore"]),
        "\"Fail\"",
        "failurePolicy: whether a write is refused, or passes, when nobody answers.",
        V1,
    ),
    setting(
        "timeout",
        Kind::Duration { min: Span::secs(1), max: Span::secs(30) },
        "\"10s\"",
        "timeoutSeconds: how long a server waits for an answer.",
        V1,
    ),
];

/// What rules can name.
const OPERATIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "*"];
const RESOURCES: [&str; 16] = [
    "pods",
    "pods/eviction",
    "pods/binding",
    "pods/status",
    "pods/*",
    "nodes",
    "nodes/status",
    "nodes/*",
    "replicasets",
    "deployments",
    "endpointslices",
    "poddisruptionbudgets/status",
    "poddisruptionbudgets/*",
    "leases",
    "*",
    "*/*",
];

/// Reads all webhooks.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, apps: &[ReadApp<'_>]) -> Vec<WebhookSpec> {
    let mut webhooks: Vec<WebhookSpec> = Vec::new();
    for reader in item.tables() {
        webhooks.extend(one(lower, reader, apps, &webhooks));
    }
    webhooks
}

fn one(
    lower: &mut Lower<'_>,
    mut reader: Reader<'_>,
    apps: &[ReadApp<'_>],
    before: &[WebhookSpec],
) -> Option<WebhookSpec> {
    let (name_item, app_item) = (reader.required("name"), reader.required("app"));
    let (rules_item, exempt_item) = (reader.required("rules"), reader.optional("exempt"));
    let fields = Fields::read(&WEBHOOK, &mut reader);
    reader.finish();
    let rules: Vec<WebhookRule> = rules_item.items().iter().filter_map(|item| rule(lower, item)).collect();
    let of = |lower: &Lower<'_>, item: &Item<'_>| {
        let known = apps.iter().map(|app| app.spec.name.as_str());
        reference(lower.problems, item, item.string()?, "app", known).map(AppId::from_index)
    };
    let exempt: Vec<AppId> = exempt_item.items().iter().filter_map(|item| of(lower, item)).collect();
    let name = name_item.name()?.to_owned();
    if before.iter().any(|webhook| webhook.name == name) {
        let message = format!("two webhooks are called `{name}`");
        lower.problems.report(Problem::error(code::DUPLICATE, message, name_item.place()));
    }
    let app = of(lower, &app_item)?;
    lower.page.header("[[webhook]]");
    lower.page.line(&format!("name = {}", quoted(&name)));
    lower.page.line(&format!("app = {}", quoted(app_item.string().unwrap_or_default())));
    for (key, item) in [("rules", &rules_item), ("exempt", &exempt_item)] {
        if let Some(value) = item.value() {
            lower.page.line(&format!("{key} = {}", printed_value(value)));
        }
    }
    lower.page.lines(&fields.lines());
    Some(WebhookSpec {
        name,
        mutating: fields.values.choice("type") == "mutating",
        app,
        rules,
        fails: fields.values.choice("failure_policy") == "Fail",
        timeout: fields.values.span("timeout"),
        exempt,
    })
}

/// `CREATE pods/eviction`.
fn rule(lower: &Lower<'_>, item: &Item<'_>) -> Option<WebhookRule> {
    let text = item.string()?;
    let words = text.split_once(' ').map(|(operation, resource)| (operation, resource.trim()));
    match words.filter(|(operation, resource)| OPERATIONS.contains(operation) && RESOURCES.contains(resource)) {
        Some((operation, resource)) => {
            Some(WebhookRule { operation: operation.to_owned(), resource: resource.to_owned() })
        }
        None => {
            let message = format!("`{text}` is no rule of a webhook");
            let help = format!(
                "write an operation ({}) and a resource ({}), such as \"CREATE pods\"; of leases only those of nodes \
                 are asked about here",
                OPERATIONS.join(", "),
                RESOURCES.join(", ")
            );
            lower.problems.report(Problem::error(code::VALUE, message, item.place()).help(help));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Scenario, parse, resolved};
    use crate::world::ids::WebhookId;

    fn with(webhook: &str) -> Result<Scenario, String> {
        let text = format!(
            "schema = 1\ncluster.version = {{ from = \"1.30.2\", to = \"1.30.2\" }}\nstrategy.name = \"none\"\n\
             [[node_pool]]\nname = \"workers\"\ncount = 3\n[app.web]\n[app.policy]\n[[webhook]]\nname = \"policy\"\n\
             app = \"policy\"\n{webhook}"
        );
        parse("webhooks", &text, &[], None).map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_webhook_reads_back_from_the_resolved_scenario_as_it_was_written() {
        let text = "rules = [\"CREATE pods\", \"* nodes\"]\nexempt = [\"policy\"]\ntimeout = \"5s\"\n";
        let scenario = with(text).expect("it is sound");
        let webhook = &scenario.spec.webhooks[WebhookId(0)];
        assert!(webhook.fails && !webhook.mutating && webhook.rules.len() == 2 && webhook.exempt.len() == 1);
        let again = parse("webhooks", resolved(&scenario), &[], None).expect("the resolved form is sound");
        assert_eq!(again.spec, scenario.spec);
    }

    #[test]
    fn what_is_no_rule_is_refused_and_says_what_is() {
        for text in ["rules = [\"UPDATE secrets\"]\n", "rules = [\"pods\"]\n"] {
            let refused = with(text).expect_err("it is wrong");
            assert!(refused.contains("is no rule of a webhook") && refused.contains("leases"), "{refused}");
        }
    }
}
