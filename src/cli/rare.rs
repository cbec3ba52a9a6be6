//! `rollproof rare`: the probability of something that plain runs hardly ever show.

use rollproof::prove::rare::{Distance, NoDistance, RareAsk, has_rates, rare as estimate};
use rollproof::prove::{NoJournal, Work};
use rollproof::report::safe::escaped;
use rollproof::report::{json, rare_text};

use super::args::{Args, Form, Rare};
use super::exit::{Exit, Failure};
use super::progress::Told;
use super::prove::failure;
use super::run::load;
use super::terminal::Terminal;

/// Estimates, and prints the result.
pub(crate) fn rare(args: &Args, asked: &Rare, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let plan = load(&asked.plan)?;
    if !plan.warnings.is_empty() {
        terminal.note(&format!("{:#}", plan.warnings));
    }
    let distance = Distance::named(&asked.of, &plan).map_err(|none| {
        let help = match &none {
            NoDistance::Unknown { nearest: Some(meant), .. } => format!("did you mean `{}`?", escaped(meant)),
            NoDistance::Unknown { nearest: None, .. } => {
                "write `etcd-quorum`, or `ready:` and an app's name".to_owned()
            }
            NoDistance::Hidden { .. } => "ask for `ready:` and an app's name".to_owned(),
        };
        Failure::Input(format!("error: {}\n  help: {help}", escaped(&none.to_string())))
    })?;
    if !has_rates(&plan) {
        let help = "give a [[fault]] a mean time between failures, such as target = \"each\", every = \"90d\"";
        return Err(Failure::Input(format!("error: no fault of this scenario comes by a rate\n  help: {help}")));
    }
    let Rare { effort, replicates, confidence, bound, .. } = *asked;
    let ask = RareAsk { distance, effort, replicates, confidence, bound };
    let progress = Told::new(terminal.shows_progress());
    let told = |what: &str, done, of| progress.set(what, done, of);
    let stop = terminal.interrupt().flag();
    let jobs = asked.jobs.unwrap_or_default() as usize;
    let mut work = Work { jobs, progress: &told, stop, over: &|| false, journal: &mut NoJournal };
    let found = estimate(&plan, &ask, &mut work).map_err(failure)?;
    drop(progress);
    let page = match args.output {
        Form::Json => json::render(&found),
        Form::Text => rare_text::render(&found, terminal.color()),
    };
    let first = page.split_inclusive('\n').next().unwrap_or_default();
    terminal.print(if terminal.is_quiet() && args.output == Form::Text { first } else { &page })?;
    Ok(found.verdict.into())
}
