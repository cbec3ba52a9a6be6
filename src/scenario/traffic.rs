//! `[app.NAME.traffic.NAME]`: groups of clients.

use super::app::ReadApp;
use super::app_records::{GROUP, WAVE};
use super::lower::{Lower, quoted};
use super::pool::ReadPool;
use super::section::{Fields, reference};
use crate::base::{Id, Ratio};
use crate::config::printed::{printed_key, printed_value};
use crate::config::quantity::is_label;
use crate::config::{Item, Problem, Reader, code};
use crate::world::ids::{AppId, PoolId};
use crate::world::spec::{Arrivals, Connections, GroupSpec, Place, RateStep, ServiceKind, Settling, Wave};

/// All groups of all apps, in the order of apps, then of the text.
pub(super) fn groups(lower: &mut Lower<'_>, apps: &[ReadApp<'_>], pools: &[ReadPool]) -> Vec<GroupSpec> {
    let mut groups = Vec::new();
    for (index, app) in apps.iter().enumerate() {
        for (key, item) in app.traffic.entries() {
            if !is_label(&key.name) {
                let message = format!("a group of clients cannot be called \"{}\"", key.name);
                let help = "a name has lower-case letters, digits and `-`";
                lower.problems.report(Problem::error(code::VALUE, message, key.place).help(help));
            }
            let Some(reader) = item.table() else { continue };
            lower.page.header(&format!("[{}.traffic.{}]", app.header, printed_key(&key.name)));
            let known = Known { app: AppId::from_index(index), apps, pools };
            groups.push(group(lower, key.name.clone(), reader, &known));
        }
    }
    groups
}

/// What a group's table may refer to.
struct Known<'k, 'a> {
    app: AppId,
    apps: &'k [ReadApp<'a>],
    pools: &'k [ReadPool],
}

fn group(lower: &mut Lower<'_>, name: String, mut reader: Reader<'_>, known: &Known<'_, '_>) -> GroupSpec {
    let from = reader.required("from");
    let via = via(lower, &reader.optional("via"), known);
    let place = place(lower, &from, via, known).unwrap_or(Place::Outside);
    let fields = Fields::read(&GROUP, &mut reader);
    let steps = steps(lower, &reader.optional("steps"));
    let wave = reader.optional("wave");
    reader.finish();
    if via.is_some() && fields.values.choice("connections") == "stream" {
        let message = "long streams through another app are not modelled";
        lower.problems.report(Problem::error(code::VALUE, message, from.place()));
    }
    lower.page.lines(&fields.lines());
    let wave = wave_of(lower, &wave);
    let values = &fields.values;
    GroupSpec {
        name,
        app: known.app,
        via,
        connections: match values.choice("connections") {
            "kept-alive" if values.choice("pool") == "last-used" => Connections::LastUsed,
            "kept-alive" => Connections::KeptAlive { pool: values.count("pool_size") as u32 },
            "stream" => Connections::Stream { count: values.count("streams") as u32 },
            _ => Connections::New,
        },
        place,
        rate: values.rate("rps"),
        steps,
        wave,
        arrivals: match values.choice("arrivals") {
            "constant" => Arrivals::Constant,
            _ => Arrivals::Poisson,
        },
        timeout: values.span("timeout"),
        retries: values.count("retries") as u32,
        retry_backoff: values.span("retry_backoff"),
        retry_budget: fields.optional("retry_budget").map(|values| values.ratio("retry_budget")),
        idempotent: values.flag("idempotent"),
        settling: match values.choice("mode") {
            "per-request" => Settling::PerRequest,
            _ => Settling::Interval,
        },
    }
}

/// The app whose pods stand in between.
fn via(lower: &mut Lower<'_>, item: &Item<'_>, known: &Known<'_, '_>) -> Option<AppId> {
    let name = item.string()?;
    lower.page.line(&format!("via = {}", quoted(name)));
    let names = known.apps.iter().map(|app| app.spec.name.as_str());
    let via = AppId::from_index(reference(lower.problems, item, name, "app", names)?);
    let refused = if via == known.app {
        Some("an app cannot stand in front of itself")
    } else if known.apps[via.index()].spec.concurrency.is_some() {
        Some("an app that passes requests on cannot have a `concurrency`: its queue is not modelled")
    } else {
        None
    };
    if let Some(message) = refused {
        lower.problems.report(Problem::error(code::VALUE, message, item.place()));
    }
    Some(via)
}

/// Where clients stand: `pool:NAME`, `app:NAME` or `outside`.
fn place(lower: &mut Lower<'_>, item: &Item<'_>, via: Option<AppId>, known: &Known<'_, '_>) -> Option<Place> {
    let text = item.string()?;
    lower.page.line(&format!("from = {}", quoted(text)));
    let problems = lower.problems;
    match text.split_once(':') {
        Some(("pool", name)) => {
            let names = known.pools.iter().map(|pool| pool.spec.name.as_str());
            let pool = PoolId::from_index(reference(problems, item, name, "node pool", names)?);
            let spec = &known.pools[pool.index()].spec;
            if spec.upgrade {
                let message = format!(
                    "the clients stand in the pool `{name}`, which the plan rolls: they go away with its nodes, and \
                     what they see then is not the app's doing"
                );
                let help = format!("put them in a pool of their own, or set `upgrade = false` for `{name}`");
                problems.report(Problem::warning(code::VALUE, message, item.place()).help(help));
            }
            Some(Place::Pool(pool))
        }
        Some(("app", name)) => {
            let names = known.apps.iter().map(|app| app.spec.name.as_str());
            reference(problems, item, name, "app", names).map(|index| Place::App(AppId::from_index(index)))
        }
        None if text == "outside" => {
            if known.apps[via.unwrap_or(known.app).index()].spec.service != ServiceKind::LoadBalancer {
                let message = "clients outside need a service of type LoadBalancer";
                let help = "set `service = \"LoadBalancer\"` for the app";
                problems.report(Problem::error(code::VALUE, message, item.place()).help(help));
            }
            Some(Place::Outside)
        }
        Some(_) | None => {
            let message = format!("`{}` cannot be \"{text}\"", item.path());
            let help = "write \"pool:NAME\", \"app:NAME\" or \"outside\"";
            problems.report(Problem::error(code::VALUE, message, item.place()).help(help));
            None
        }
    }
}

fn steps(lower: &mut Lower<'_>, item: &Item<'_>) -> Vec<RateStep> {
    let mut steps: Vec<RateStep> = Vec::new();
    for mut reader in item.tables() {
        let at = reader.required("at");
        let (begin, rate) = (at.span(), reader.required("rps").rate());
        reader.finish();
        let (Some(begin), Some(rate)) = (begin, rate) else { continue };
        if steps.last().is_some_and(|last| last.at >= begin) {
            let message = format!("the step at {begin} must come after the one before it");
            lower.problems.report(Problem::error(code::VALUE, message, at.place()));
        }
        steps.push(RateStep { at: begin, rate });
    }
    if let Some(value) = item.value() {
        lower.page.line(&format!("steps = {}", printed_value(value)));
    }
    steps
}

fn wave_of(lower: &mut Lower<'_>, item: &Item<'_>) -> Option<Wave> {
    if !item.is_given() || (item.is_string() && item.string() == Some("none")) {
        let comment = if item.is_given() { "" } else { "  # default: rollproof: a constant rate" };
        lower.page.line(&format!("wave = \"none\"{comment}"));
        return None;
    }
    let fields = Fields::within(&WAVE, item);
    let wave = Wave { period: fields.values.span("period"), amplitude: fields.values.ratio("amplitude") };
    let header = item.path().to_owned();
    lower.page.table(&format!("[{header}]"), &fields.lines());
    (wave.amplitude > Ratio::ZERO).then_some(wave)
}
