//! Requests of each client group as a table, their losses by cause.

use super::table::{Cell, table};
use super::{Format, Found, Origin};

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "csv-requests",
    file: "requests.csv",
    about: "requests by client group and cause of loss; an empty cause is the whole group",
    of_proofs: false,
    render,
};

fn render(found: Found<'_>, _: Origin<'_>) -> Option<String> {
    let Found::Run(outcome, _) = found else { return None };
    let rows = outcome.requests.by_client.iter().flat_map(|(client, share)| {
        let whole = [
            Cell::text(client),
            Cell::text(""),
            Cell::count(share.sent),
            Cell::count(share.lost),
            Cell::seconds(Some(share.exposed_s)),
        ];
        let cause = move |(cause, lost): (&String, &u64)| {
            let none = Cell::seconds(None);
            [Cell::text(client), Cell::text(cause), Cell::text(""), Cell::count(*lost), none]
        };
        std::iter::once(whole).chain(share.by_cause.iter().map(cause))
    });
    table(["client", "cause", "sent", "lost", "exposed_s"], rows)
}
