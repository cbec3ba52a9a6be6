//! Admission webhooks: who is asked before a write is stored, and what happens when nobody answers.

use crate::base::Span;
use crate::world::ids::AppId;

/// What a rule of a webhook matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRule {
    /// `CREATE`, `UPDATE`, `DELETE`, or `*`.
    pub operation: String,
    /// `pods`, `pods/eviction`, `nodes`, ...; `*` for all but subresources, `pods/*` for a kind's subresources, `*/*`.
    pub resource: String,
}

impl WebhookRule {
    /// Whether a write of this kind is matched. Source: `k8s.io/apiserver pkg/admission/plugin/webhook/predicates/rules`.
    pub fn matches(&self, operation: &str, resource: &str) -> bool {
        let kind = match (self.resource.as_str(), resource.split_once('/')) {
            ("*/*", _) => true,
            ("*", subresource) => subresource.is_none(),
            (wanted, Some((of, _))) if wanted.ends_with("/*") => wanted.strip_suffix("/*") == Some(of),
            (wanted, _) => wanted == resource,
        };
        kind && (self.operation == "*" || self.operation == operation)
    }
}

/// An admission webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSpec {
    /// Name, unique.
    pub name: String,
    /// Mutating webhooks are asked in sequence, validating ones at the same time.
    pub mutating: bool,
    /// The app whose pods answer, behind its Service.
    pub app: AppId,
    /// What is asked about.
    pub rules: Vec<WebhookRule>,
    /// `failurePolicy`: Fail refuses the write when nobody answers, Ignore lets it pass.
    pub fails: bool,
    /// `timeoutSeconds`.
    pub timeout: Span,
    /// Apps whose namespace `namespaceSelector` leaves out.
    pub exempt: Vec<AppId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_all_kinds_but_no_subresource() {
        let rule = |operation: &str, resource: &str| WebhookRule {
            operation: operation.to_owned(),
            resource: resource.to_owned(),
        };
        assert!(rule("*", "*").matches("CREATE", "pods") && !rule("*", "*").matches("CREATE", "pods/eviction"));
        assert!(rule("CREATE", "pods/*").matches("CREATE", "pods/eviction"));
        assert!(!rule("CREATE", "pods/*").matches("CREATE", "pods"));
        assert!(rule("CREATE", "*/*").matches("CREATE", "pods/eviction"));
        assert!(!rule("CREATE", "pods").matches("DELETE", "pods"));
    }
}
