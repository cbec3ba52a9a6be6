//! Floor 10: people. The only floor that reads arguments, writes files and knows a terminal.
//!
//! Results go to stdout through [`terminal::Terminal`], everything else to stderr; every way to end is in
//! [`exit::Exit`].

mod args;
mod baseline;
mod catalogue;
mod check;
mod compare;
mod exit;
mod explain;
mod fidelity;
mod files;
mod guard;
mod index;
mod interrupt;
mod journal;
mod lab;
mod progress;
mod prove;
mod rare;
mod run;
mod terminal;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::{Exit, Failure};
use terminal::Terminal;

/// Reads the arguments, does what they ask for, and says how it ended.
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error).into(),
    };
    let mut terminal = Terminal::new(args.color, args.quiet);
    let seed = match &args.command {
        Command::Run(run) => Some(run.seed),
        Command::Prove(_)
        | Command::Compare(_)
        | Command::Rare(_)
        | Command::Verify(_)
        | Command::Explain(_)
        | Command::Fidelity(_)
        | Command::Check(_)
        | Command::Lab(_)
        | Command::List(_)
        | Command::Show(_)
        | Command::Guide { .. }
        | Command::Schema { .. } => None,
    };
    let ended = guard::guarded(seed, || dispatch(&args, &mut terminal));
    let exit = match ended {
        // It came too late to stop anything: all is kept, and the caller still hears of it.
        Ok(_) if terminal.interrupt().happened() => Exit::Interrupted,
        Ok(exit) => exit,
        Err(failure) => {
            terminal.say(&failure.to_string());
            failure.exit()
        }
    };
    exit.into()
}

fn dispatch(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &args.command {
        Command::Run(run) => run::run(args, run, terminal),
        Command::Prove(prove) => prove::prove(args, prove, terminal),
        Command::Compare(compare) => compare::compare(args, compare, terminal),
        Command::Rare(rare) => rare::rare(args, rare, terminal),
        Command::Verify(verify) => verify::verify(args, verify, terminal),
        Command::Explain(explain) => explain::explain(args, explain, terminal),
        Command::Fidelity(fidelity) => fidelity::fidelity(args, fidelity, terminal),
        Command::Check(check) => check::check(args, check, terminal),
        Command::Lab(asked) => lab::lab(asked, terminal),
        Command::List(list) => catalogue::list(args, list, terminal),
        Command::Show(show) => catalogue::show(args, show, terminal),
        Command::Guide { page } => catalogue::guide(page.as_deref(), terminal),
        Command::Schema { of } => catalogue::schema(*of, terminal),
    }
}

/// Prints help, a version or what is wrong with the arguments. A closed pipe is no error here either.
fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() { Exit::BadInput } else { Exit::Holds }
}
