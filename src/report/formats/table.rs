//! Tables of comma-separated values that a spreadsheet may open: no cell of text begins like a formula.

use crate::report::safe::escaped;

/// A table with its head. Cells are text.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [Cell; N]>) -> Option<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(head).ok()?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| cell.0.as_str())).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// One cell.
pub(super) struct Cell(String);

impl Cell {
    /// Of text, which is shown as it is. Source: OWASP, "CSV injection": cells that begin with one of these are formulas.
    /// What a terminal would act on is escaped.
    pub(super) fn text(text: &str) -> Cell {
        let text = escaped(text);
        match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            true => Cell(format!("'{text}")),
            false => Cell(text.into_owned()),
        }
    }
    /// Of seconds; empty where there are none.
    pub(super) fn seconds(seconds: Option<f64>) -> Cell {
        Cell(seconds.map(|seconds| format!("{seconds:.6}")).unwrap_or_default())
    }
    /// Of a count.
    pub(super) fn count(count: u64) -> Cell {
        Cell(count.to_string())
    }
}
