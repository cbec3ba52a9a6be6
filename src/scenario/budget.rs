//! Budgets: `pdb` of an app, and `[[budget]]` over several apps.

use super::app::ReadApp;
use super::app_records::BUDGET;
use super::lower::{Lower, quoted};
use super::section::{Fields, reference};
use crate::base::{Id, IntOrPercent};
use crate::config::printed::printed_value;
use crate::config::{Item, Problem, Reader, code};
use crate::world::ids::AppId;
use crate::world::spec::{BudgetRule, BudgetSpec, UnhealthyEviction};

/// What a budget demands, and its lines.
pub(super) struct Demand {
    pub(super) rule: BudgetRule,
    pub(super) unhealthy: UnhealthyEviction,
    pub(super) lines: Vec<String>,
}

/// Reads the rule, of which there must be exactly one. Source: policy/v1, PodDisruptionBudgetSpec.
pub(super) fn demand(reader: &mut Reader<'_>) -> Option<Demand> {
    let fields = Fields::read(&BUDGET, reader);
    let (key, item) = reader.one_of(&["min_available", "max_unavailable"])?;
    let bound: IntOrPercent = item.int_or_percent()?;
    let rule = match key {
        "min_available" => BudgetRule::MinAvailable(bound),
        _ => BudgetRule::MaxUnavailable(bound),
    };
    let unhealthy = match fields.values.choice("unhealthy_pod_eviction") {
        "AlwaysAllow" => UnhealthyEviction::AlwaysAllow,
        _ => UnhealthyEviction::IfHealthyBudget,
    };
    let mut lines = vec![format!("{key} = {}", item.value().map(printed_value).unwrap_or_default())];
    lines.extend(fields.lines());
    Some(Demand { rule, unhealthy, lines })
}

/// All budgets: each app's own, then those of `[[budget]]`.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, apps: &[ReadApp<'_>]) -> Vec<BudgetSpec> {
    let own = apps.iter().enumerate().filter_map(|(index, app)| {
        let demand = app.pdb.as_ref()?;
        let apps = vec![AppId::from_index(index)];
        Some(BudgetSpec { name: app.spec.name.clone(), apps, rule: demand.rule, unhealthy: demand.unhealthy })
    });
    let mut budgets: Vec<BudgetSpec> = own.collect();
    for mut reader in item.tables() {
        let name_item = reader.required("name");
        let name = name_item.name().unwrap_or_default().to_owned();
        let selected = reader.required("apps");
        let known = apps.iter().map(|app| app.spec.name.as_str());
        let chosen: Vec<(String, Option<usize>)> = selected
            .items()
            .iter()
            .filter_map(|item| Some((item, item.string()?)))
            .map(|(item, name)| (quoted(name), reference(lower.problems, item, name, "app", known.clone())))
            .collect();
        let demand = demand(&mut reader);
        reader.finish();
        if !name.is_empty() && budgets.iter().any(|budget| budget.name == name) {
            let message = format!("two budgets are called `{name}`; an app's own has the app's name");
            lower.problems.report(Problem::error(code::DUPLICATE, message, name_item.place()));
        }
        if selected.is_given() && selected.items().is_empty() {
            lower.problems.report(Problem::error(code::VALUE, "a budget needs at least one app", selected.place()));
        }
        let Some(demand) = demand else { continue };
        lower.page.header("[[budget]]");
        lower.page.line(&format!("name = {}", quoted(&name)));
        let names: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        lower.page.line(&format!("apps = [{}]", names.join(", ")));
        lower.page.lines(&demand.lines);
        let apps = chosen.iter().filter_map(|(_, index)| index.map(AppId::from_index)).collect();
        budgets.push(BudgetSpec { name, apps, rule: demand.rule, unhealthy: demand.unhealthy });
    }
    budgets
}
