//! What is refused before a run begins: version changes that no strategy may make.

use crate::base::Version;

/// A version change that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A minor version of the control plane is left out.
    #[error(
        "the control plane would go from {from} to {to}: the version skew policy lets no API server skip a minor \
         version, not even a single instance"
    )]
    SkippedMinor {
        /// Version before.
        from: Version,
        /// Version after.
        to: Version,
    },
    /// The version after is older.
    #[error("the control plane would go back from {from} to {to}: etcd may hold what the older version cannot read")]
    Downgrade {
        /// Version before.
        from: Version,
        /// Version after.
        to: Version,
    },
    /// Another major version.
    #[error("the control plane would go from {from} to {to}: no policy covers a change of the major version")]
    OtherMajor {
        /// Version before.
        from: Version,
        /// Version after.
        to: Version,
    },
}

impl Refusal {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Refusal::SkippedMinor { from, .. } => format!(
                "upgrade to {}.{} first and run the next hop from there, or walk each minor with \
                 `strategy.hops = \"each-minor\"`. rollproof refuses a skipped minor for every strategy, as the tools do \
                 themselves; only kops would just have advised against it",
                from.major,
                from.minor + 1
            ),
            Refusal::Downgrade { .. } => {
                "restore a snapshot of etcd taken before the upgrade; the control plane cannot be rolled back in place"
                    .to_owned()
            }
            Refusal::OtherMajor { from, .. } => format!("stay within {}.x", from.major),
        }
    }
}

/// Whether a control plane may be upgraded from one version to the other in one go. The same version is allowed: then
/// nothing needs an update.
///
/// Source: Kubernetes documentation, "Version Skew Policy", section "kube-apiserver".
///
/// # Errors
/// With the rule that forbids it.
pub fn plan_check(from: Version, to: Version) -> Result<(), Refusal> {
    if from.major != to.major {
        return Err(Refusal::OtherMajor { from, to });
    }
    if to < from {
        return Err(Refusal::Downgrade { from, to });
    }
    if to.minor - from.minor > 1 {
        return Err(Refusal::SkippedMinor { from, to });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str) -> Result<(), Refusal> {
        plan_check(from.parse().expect("a version"), to.parse().expect("a version"))
    }

    #[test]
    fn one_minor_a_patch_or_nothing_may_be_walked() {
        assert_eq!(check("1.14.10", "1.15.7"), Ok(()));
        assert_eq!(check("1.15.7", "1.15.10"), Ok(()));
        assert_eq!(check("1.15.7", "1.15.7"), Ok(()));
    }

    #[test]
    fn a_skipped_minor_is_refused_with_the_rule_and_the_next_hop() {
        let refusal = check("1.14.10", "1.16.0").expect_err("it skips 1.15");
        assert!(refusal.to_string().contains("no API server skip a minor version, not even a single instance"));
        assert!(refusal.help().contains("upgrade to 1.15 first") && refusal.help().contains("only kops would just"));
    }

    #[test]
    fn no_control_plane_goes_back() {
        assert!(matches!(check("1.15.7", "1.14.10"), Err(Refusal::Downgrade { .. })));
        assert!(matches!(check("1.15.7", "1.15.6"), Err(Refusal::Downgrade { .. })));
        assert!(matches!(check("1.15.7", "2.0.0"), Err(Refusal::OtherMajor { .. })));
    }
}
