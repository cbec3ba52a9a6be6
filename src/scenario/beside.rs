//! `[[actor]]`: who else acts on the cluster while the plan runs.

use super::lower::{Lower, quoted};
use crate::config::{Item, Problem, Reader, Values, code, resolved};
use crate::strategy::Actor;
use crate::strategy::beside::{BesideEntry, CATALOG, find};
use crate::world::spec::Spec;

/// An actor beside the strategy, with its settings.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Its entry in the catalogue, which builds the actor.
    pub entry: &'static BesideEntry,
    /// Its settings.
    pub values: Values,
}

impl Beside {
    /// The actor, before its first call.
    pub fn actor(&self) -> Box<dyn Actor> {
        (self.entry.build)(&self.values)
    }
}

/// Reads all actors.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, spec: &Spec) -> Vec<Beside> {
    item.tables().into_iter().filter_map(|reader| one(lower, reader, spec)).collect()
}

fn one(lower: &mut Lower<'_>, mut reader: Reader<'_>, spec: &Spec) -> Option<Beside> {
    let item = reader.required("name");
    let Some(entry) = item.string().and_then(|name| named(lower, &item, name)) else {
        reader.abandon();
        return None;
    };
    let scales = spec.pools.iter().any(|pool| pool.size.is_some());
    if entry.entry.name == "cluster-autoscaler" && !scales {
        let message = "the cluster-autoscaler has nothing to scale: no pool has a `max_size`";
        let help = "give a `[[node_pool]]` its `min_size` and `max_size`";
        lower.problems.report(Problem::warning(code::VALUE, message, item.place()).help(help));
    }
    lower.page.header("[[actor]]");
    lower.page.line(&format!("name = {}", quoted(entry.entry.name)));
    let values = crate::config::read(entry.entry, &mut reader);
    reader.finish();
    lower.page.lines(&resolved(&values));
    Some(Beside { entry, values })
}

fn named(lower: &Lower<'_>, item: &Item<'_>, name: &str) -> Option<&'static BesideEntry> {
    match find(name) {
        Ok(entry) => Some(entry),
        Err(unknown) => {
            let help = match unknown.nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    let names: Vec<String> = CATALOG.iter().map(|actor| format!("`{}`", actor.entry.name)).collect();
                    format!("actors are {}", names.join(", "))
                }
            };
            let problem = Problem::error(code::UNKNOWN_CHOICE, unknown.to_string(), item.place());
            lower.problems.report(problem.help(help));
            None
        }
    }
}
