//! SARIF 2.1.0, which code scanning shows at the scenario's file: a result for each broken law.

use serde_json::{Value as Json, json};

use super::{Format, Found, Origin};
use crate::observe::laws;
use crate::report::json;

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "sarif",
    file: "result.sarif",
    about: "SARIF 2.1.0 for code scanning: a result for each broken law, at the scenario's file",
    of_proofs: true,
    render,
};

fn render(found: Found<'_>, origin: Origin<'_>) -> Option<String> {
    let rules: Vec<Json> = laws::CATALOG.iter().map(|law| rule(law.entry.name, law.entry.about)).collect();
    let results: Vec<Json> = match found {
        Found::Run(outcome, _) => {
            outcome.reasons.iter().map(|reason| result(&reason.law, &reason.message, &reason.cause, origin)).collect()
        }
        Found::Proof(proof) => {
            let law = |found: &crate::prove::counterexample::Counterexample| {
                result(&found.law, &proof.finding, &found.chain, origin)
            };
            proof.counterexample.iter().map(law).collect()
        }
    };
    let driver = json!({
        "name": "rollproof", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules,
        "informationUri": "https://docs.rs/rollproof",
    });
    let invocation = json!({ "commandLine": origin.command, "executionSuccessful": true });
    Some(json::render(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "invocations": [invocation], "results": results }],
    })))
}

fn rule(name: &str, about: &str) -> Json {
    json!({ "id": name, "shortDescription": { "text": about } })
}

fn result(law: &str, message: &str, cause: &[String], origin: Origin<'_>) -> Json {
    let place = json!({ "physicalLocation": { "artifactLocation": { "uri": uri(origin.path) }, "region": { "startLine": 1 } } });
    let step = |line: &String| json!({ "location": { "message": { "text": line } } });
    let mut found = json!({
        "ruleId": law, "level": "error", "message": { "text": message }, "locations": [place],
    });
    if !cause.is_empty() {
        let steps: Vec<Json> = cause.iter().map(step).collect();
        found["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    found
}

/// A path as a relative URI reference: what is not allowed in one is percent-encoded (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~');
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
