//! What a scenario shows without a run, for a person at a terminal.

use super::page::Page;
use crate::prove::checks::Finding;

/// The findings, two paragraphs each; nothing where there is none.
pub fn render(findings: &[Finding]) -> String {
    let mut page = Page::new(false);
    lines(&mut page, findings);
    page.finish()
}

/// The findings on a page: what is so, and the way out.
pub(super) fn lines(page: &mut Page, findings: &[Finding]) {
    for finding in findings {
        page.paragraph("  look: ", &format!("{} ({})", finding.message, finding.rule));
        page.paragraph("        → ", &finding.help);
    }
}
