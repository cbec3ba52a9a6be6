//! The fewest keys with which a case is still valid and fails.

use super::cases::Case;
use crate::config::{Table, Value, ValueKind};
use crate::scenario;

/// Leaves out keys and items of arrays, whole tables first, until each that is left is needed.
pub(super) fn fewest(mut case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    let (mut place, mut changed) = (0, false);
    loop {
        let mut table = case.scenario.table.clone();
        if !leave_out(&mut table, &mut place.clone()) {
            if !changed {
                return case;
            }
            (place, changed) = (0, false);
            continue;
        }
        match read(&case, table).filter(&fails) {
            Some(smaller) => (case, changed) = (smaller, true),
            None => place += 1,
        }
    }
}

/// The case with this table, if it is valid.
fn read(case: &Case, table: Table) -> Option<Case> {
    let scenario = scenario::from_table(&case.scenario.name, table, &case.scenario.own).ok()?;
    Some(Case { scenario, seed: case.seed })
}

/// Leaves out the entry at this place, in the order of the text; `false`: there is none, and `place` is less by all.
fn leave_out(table: &mut Table, place: &mut usize) -> bool {
    for index in 0..table.entries.len() {
        if *place == 0 {
            table.entries.remove(index);
            return true;
        }
        *place -= 1;
        if leave_out_within(&mut table.entries[index].1, place) {
            return true;
        }
    }
    false
}

fn leave_out_within(value: &mut Value, place: &mut usize) -> bool {
    match &mut value.kind {
        ValueKind::Table(table) => leave_out(table, place),
        ValueKind::Array(items) => {
            for index in 0..items.len() {
                if *place == 0 {
                    items.remove(index);
                    return true;
                }
                *place -= 1;
                if leave_out_within(&mut items[index], place) {
                    return true;
                }
            }
            false
        }
        ValueKind::String(_)
        | ValueKind::Integer(_)
        | ValueKind::Float(_)
        | ValueKind::Bool(_)
        | ValueKind::Datetime(_)
        | ValueKind::Invalid => false,
    }
}
