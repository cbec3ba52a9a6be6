//! `app.NAME.uses_apis`: API versions that an app's processes read, and what an upgrade that removes them means.

use super::app::ReadApp;
use super::lower::Lower;
use crate::base::Version;
use crate::config::{Diagnostics, Item, Problem, code, nearest};
use crate::world::removed_apis::{REMOVED_APIS, RemovedApi, removed_api};

/// Reads the list. A version that was never removed cannot matter, so it is a mistake.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>) -> Vec<&'static RemovedApi> {
    let mut uses = Vec::new();
    for item in item.items() {
        let Some(name) = item.string() else { continue };
        match removed_api(name) {
            Some(api) => uses.push(api),
            None => {
                let help = match nearest(name, REMOVED_APIS.iter().map(|api| api.name)) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => "it is named as \"extensions/v1beta1/Ingress\" is; versions that are still served need not be listed".to_owned(),
                };
                let message = format!("no version of Kubernetes has removed \"{name}\"");
                lower.problems.report(Problem::error(code::UNKNOWN_CHOICE, message, item.place()).help(help));
            }
        }
    }
    if !uses.is_empty() {
        let names: Vec<String> = uses.iter().map(|api| format!("\"{}\"", api.name)).collect();
        lower.page.line(&format!("uses_apis = [{}]", names.join(", ")));
    }
    uses
}

/// Says which apps will not start any more once the control plane is at the version after.
pub(super) fn warn(app: &ReadApp<'_>, (from, to): (Version, Version), problems: &Diagnostics) {
    for api in &app.spec.uses_apis {
        let (before, after) = (!from.at_least(1, api.minor), to.at_least(1, api.minor));
        let message = match (before, after) {
            (true, true) => format!(
                "`{}` reads {}, which 1.{} serves no more: its pods run on, and those that start then never get ready",
                app.spec.name, api.name, api.minor
            ),
            (false, _) => format!("`{}` reads {}, which is gone since 1.{}", app.spec.name, api.name, api.minor),
            (true, false) => continue,
        };
        let help = format!("move it to {} before the upgrade", api.instead);
        problems.report(Problem::warning(code::VALUE, message, app.place).help(help));
    }
}
