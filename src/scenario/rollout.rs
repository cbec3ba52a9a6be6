//! `[[rollout]]`: new versions of apps that a delivery tool brings to their users.

use super::app::ReadApp;
use super::lower::{Lower, quoted};
use super::section::reference;
use crate::base::{Id, Time};
use crate::config::{Item, Problem, Reader, code, resolved};
use crate::strategy::delivery::{Asked, CATALOG, Rollout, find};
use crate::world::ids::AppId;

/// Reads all rollouts; their apps learn whether a tool owns their ReplicaSets.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, apps: &mut [ReadApp<'_>]) -> Vec<Rollout> {
    let mut rollouts: Vec<Rollout> = Vec::new();
    for reader in item.tables() {
        let Some(rollout) = one(lower, reader, apps, &rollouts) else { continue };
        apps[rollout.asked.app.index()].spec.delivered = rollout.entry.owns_sets;
        rollouts.push(rollout);
    }
    rollouts
}

fn one(lower: &mut Lower<'_>, mut reader: Reader<'_>, apps: &[ReadApp<'_>], before: &[Rollout]) -> Option<Rollout> {
    let (app_item, tool_item, at) = (reader.required("app"), reader.required("tool"), reader.required("at"));
    let tool = tool_item.string();
    let Some(entry) = tool.and_then(|name| known(lower, &tool_item, name)) else {
        // Without it nobody knows which settings there are.
        reader.abandon();
        return None;
    };
    let values = crate::config::read(entry.entry, &mut reader);
    reader.finish();
    if let Err(why) = (entry.check)(&values) {
        lower.problems.report(Problem::error(code::VALUE, why, tool_item.place()));
    }
    let (name, at) = (app_item.string()?, at.span()?);
    let known = apps.iter().map(|app| app.spec.name.as_str());
    let index = reference(lower.problems, &app_item, name, "app", known)?;
    let app = AppId::from_index(index);
    if before.iter().any(|rollout| rollout.asked.app == app) {
        let message = format!("two rollouts of `{name}`: a second new version is not modelled");
        lower.problems.report(Problem::error(code::DUPLICATE, message, app_item.place()));
    }
    if apps[index].spec.is_daemon() || apps[index].spec.is_stateful() {
        let message = format!("`{name}` is no Deployment: delivery tools bring new versions of Deployments only");
        lower.problems.report(Problem::error(code::VALUE, message, app_item.place()));
    }
    if apps[index].spec.restart_at.is_some() {
        let message = format!("`{name}` has a rollout and `restart_at`, which would make two new versions");
        let help = "keep one of them";
        lower.problems.report(Problem::error(code::VALUE, message, app_item.place()).help(help));
    }
    lower.page.header("[[rollout]]");
    lower.page.line(&format!("app = {}", quoted(name)));
    lower.page.line(&format!("tool = {}", quoted(entry.entry.name)));
    lower.page.line(&format!("at = \"{at}\""));
    lower.page.lines(&resolved(&values));
    Some(Rollout { asked: Asked { app, name: name.to_owned(), at: Time::ZERO + at }, entry, values })
}

fn known(lower: &Lower<'_>, item: &Item<'_>, name: &str) -> Option<&'static crate::strategy::delivery::DeliveryEntry> {
    find(name)
        .map_err(|nearest| {
            let help = match nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    let names: Vec<String> = CATALOG.iter().map(|tool| format!("`{}`", tool.entry.name)).collect();
                    format!("tools are {}", names.join(", "))
                }
            };
            let message = format!("no delivery tool is called `{name}`");
            lower.problems.report(Problem::error(code::UNKNOWN_CHOICE, message, item.place()).help(help));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use crate::base::{Span, Time};
    use crate::scenario::{Scenario, parse, resolved};

    fn with(rollout: &str) -> Result<Scenario, String> {
        let text = format!(
            "schema = 1\ncluster.version = {{ from = \"1.30.2\", to = \"1.30.2\" }}\nstrategy.name = \"none\"\n\
             [[node_pool]]\nname = \"workers\"\ncount = 3\n[app.web]\nreplicas = 4\n{rollout}"
        );
        parse("rollouts", &text, &[], None).map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_rollout_reads_back_from_the_resolved_scenario_as_it_was_written() {
        let text = "[[rollout]]\napp = \"web\"\ntool = \"argo-canary\"\nat = \"2m\"\nsteps = \"weight 50, pause 1m\"\n";
        let scenario = with(text).expect("it is sound");
        let rollout = &scenario.rollouts[0];
        assert_eq!((rollout.asked.at, rollout.entry.entry.name), (Time::ZERO + Span::mins(2), "argo-canary"));
        assert!(scenario.spec.apps.iter().all(|app| app.delivered));
        let again = parse("rollouts", resolved(&scenario), &[], None).expect("the resolved form is sound");
        assert_eq!(again.spec, scenario.spec);
        assert_eq!(format!("{:?}", again.rollouts[0].actor()), format!("{:?}", rollout.actor()));
    }

    #[test]
    fn a_rollout_that_cannot_be_is_refused_with_its_reason() {
        let of = |more: &str| format!("[[rollout]]\napp = \"web\"\nat = \"2m\"\n{more}\n");
        for (text, says) in [
            (of("tool = \"flager\""), "did you mean `flagger`?"),
            (of("tool = \"flagger\"\ninterval = \"5s\""), "at least 10s"),
            (of("tool = \"argo-canary\"\nsteps = \"weigh 5\""), "is no step"),
            (of("tool = \"flagger\"").replace("web", "wob"), "there is no app `wob`"),
            (of("tool = \"flagger\"").repeat(2), "two rollouts"),
        ] {
            let refused = with(&text).expect_err("it is wrong");
            assert!(refused.contains(says), "{refused}");
        }
    }
}
