//! The arguments. Each option of a run can also be given in the environment as `ROLLPROOF_` and its name.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use rollproof::prove::ask::{FAULTS_MAX, RATE_MAX, SEEDS_MAX};
use rollproof::report::formats::{self, Format};

/// Proves or refutes that a Kubernetes upgrade plan stays zero-downtime.
#[derive(Debug, Parser)]
#[command(name = "rollproof", version, max_term_width = 80, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Form of the result on stdout
    #[arg(short, long, global = true, value_enum, default_value_t = Form::Text, env = "ROLLPROOF_OUTPUT")]
    pub(crate) output: Form,

    /// Colour on stdout; `auto` obeys NO_COLOR, CLICOLOR_FORCE and TERM=dumb
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, env = "ROLLPROOF_COLOR")]
    pub(crate) color: When,

    /// The verdict only; nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// More about the run on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
    0  the plan holds; the certificate holds; the model fits
    1  refuted: a law broke or the objective was missed; the certificate or the
       model does not hold
    2  bad usage, bad scenario or unreadable data
    3  undecided: a limit was reached before an answer
    5  an output could not be written
   70  internal error
  130  interrupted";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one seed of a scenario: timeline, losses by cause, verdict
    Run(Run),
    /// Prove or refute a plan: seeds, every single fault, pairs; with its scope
    Prove(Prove),
    /// Compare strategies, or values of one key, on the same seeds
    Compare(Compare),
    /// Estimate how likely something is that plain runs hardly ever show
    Rare(Rare),
    /// Check the certificate of a proof: run its batches again, or a sample of them
    Verify(Verify),
    /// Show the causal chain of what a run or a proof found
    Explain(Explain),
    /// Show how close the simulator is to a measured cluster, row by row
    Fidelity(Fidelity),
    /// Say everything that is wrong with a scenario, without running it
    Check(Check),
    /// Exercises on upgrades: list, start, check, hint, status
    Lab(Labs),
    /// List what is there by name
    List(List),
    /// Show how a strategy, fault or law works, and its settings
    Show(Show),
    /// Print a page of the guide, or what pages there are
    Guide {
        /// The page
        page: Option<String>,
    },
    /// Print the JSON Schema of a scenario, or of a result
    Schema {
        /// Of what
        #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
        of: SchemaOf,
    },
}

/// `rollproof run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) plan: Plan,

    /// The seed of all chance; equal seeds give equal runs
    #[arg(long, default_value_t = 1, env = "ROLLPROOF_SEED", value_name = "N")]
    pub(crate) seed: u64,

    /// More files for the folder, for other programs: `rollproof list formats` names them
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = format)]
    pub(crate) write: Vec<&'static Format>,

    /// Folder for result.json, report.txt and the drawings
    #[arg(long, default_value = "output", env = "ROLLPROOF_OUT", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Threads; never changes a result (one seed is one thread)
    #[arg(long, env = "ROLLPROOF_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) jobs: Option<u32>,
}

/// `rollproof prove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    pub(crate) plan: Plan,

    /// Up to so many faults at once
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u32).range(0..=i64::from(FAULTS_MAX)))]
    pub(crate) faults: u32,

    /// Kinds of faults, or sets of them: core, independent, correlated
    #[arg(long, default_value = "independent", value_name = "KIND", value_delimiter = ',')]
    pub(crate) kinds: Vec<String>,

    /// Laws that the verdict goes by; those of the objectives if not given
    #[arg(long, value_name = "LAW", value_delimiter = ',')]
    pub(crate) laws: Vec<String>,

    /// Most seeds for each number of faults
    #[arg(long, default_value_t = 10_000, env = "ROLLPROOF_SEEDS", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    pub(crate) seeds: u64,

    /// The rate of failure that seeds are to exclude
    #[arg(long, default_value_t = 0.001, value_name = "RATE", value_parser = share)]
    pub(crate) bound: f64,

    /// With which confidence
    #[arg(long, default_value_t = 0.95, value_name = "P", value_parser = share)]
    pub(crate) confidence: f64,

    /// Weigh numbers of faults: so many faults an hour of the upgrade, at random
    #[arg(long, value_name = "RATE", value_parser = per_hour)]
    pub(crate) faults_per_hour: Option<f64>,

    /// Skip the checks of the scenario itself
    #[arg(long)]
    pub(crate) no_static: bool,

    /// Stop after this long, such as 90s or 10m; what is missing is said
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) time_budget: Option<std::time::Duration>,

    /// A file of accepted results: what is worse than it ends in 1, what is not in 0
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Accept what is found now: write it to the baseline
    #[arg(long, requires = "baseline")]
    pub(crate) update_baseline: bool,

    /// More files for the folder, for other programs: `rollproof list formats` names them
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = proof_format)]
    pub(crate) write: Vec<&'static Format>,

    /// Folder for result.json, report.txt and the counterexample
    #[arg(long, default_value = "output", env = "ROLLPROOF_OUT", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Threads; never changes a result
    #[arg(long, env = "ROLLPROOF_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) jobs: Option<u32>,
}

/// A form of runs by its name.
fn format(name: &str) -> Result<&'static Format, String> {
    format_among(name, |_| true)
}

/// A form of proofs by its name.
fn proof_format(name: &str) -> Result<&'static Format, String> {
    format_among(name, |format| format.of_proofs)
}

fn format_among(name: &str, has: impl Fn(&Format) -> bool) -> Result<&'static Format, String> {
    let names = formats::CATALOG.iter().filter(|format| has(format)).map(|format| format.name);
    let names = names.collect::<Vec<_>>().join(", ");
    formats::find(name).filter(|format| has(format)).ok_or_else(|| format!("formats are {names}"))
}

/// A share, above 0 and below 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        Ok(_) | Err(_) => Err("it must be above 0 and below 1, such as 0.001".to_owned()),
    }
}

fn per_hour(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= RATE_MAX => Ok(rate),
        Ok(_) | Err(_) => Err(format!("it must be above 0 and at most {RATE_MAX}, such as 0.1")),
    }
}

/// `rollproof compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) plan: Plan,

    /// Strategies to compare
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "vary")]
    pub(crate) strategies: Vec<String>,

    /// A key of the scenario and the values to compare, such as app.web.replicas=2,4
    #[arg(long, value_name = "PATH=A,B")]
    pub(crate) vary: Option<String>,

    /// Seeds of each plan, the same for all
    #[arg(long, default_value_t = 200, env = "ROLLPROOF_SEEDS", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) seeds: u64,

    /// Confidence of the intervals
    #[arg(long, default_value_t = 0.95, value_name = "P", value_parser = share)]
    pub(crate) confidence: f64,

    /// Folder for result.json, report.txt and the drawing
    #[arg(long, default_value = "output", env = "ROLLPROOF_OUT", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Threads; never changes a result
    #[arg(long, env = "ROLLPROOF_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) jobs: Option<u32>,
}

/// `rollproof rare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Rare {
    #[command(flatten)]
    pub(crate) plan: Plan,

    /// The probability of what: etcd-quorum, or ready:APP (no pod of APP is ready)
    #[arg(long, default_value = "etcd-quorum", value_name = "WHAT")]
    pub(crate) of: String,

    /// Runs at each level of a replicate
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    pub(crate) effort: u64,

    /// Independent replicates, which the interval is made of
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000))]
    pub(crate) replicates: u64,

    /// Confidence of the interval
    #[arg(long, default_value_t = 0.95, value_name = "P", value_parser = share)]
    pub(crate) confidence: f64,

    /// Hold the probability against this: exit 0 if it is below, 1 if above, 3 if that is open
    #[arg(long, value_name = "P", value_parser = share)]
    pub(crate) bound: Option<f64>,

    /// Threads; never changes a result
    #[arg(long, env = "ROLLPROOF_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) jobs: Option<u32>,
}

/// `rollproof verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The certificate that `prove` has written
    pub(crate) certificate: PathBuf,

    /// Run each n-th batch again; 1: all
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) every: u32,

    /// Threads; never changes a result
    #[arg(long, env = "ROLLPROOF_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) jobs: Option<u32>,
}

/// `rollproof explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A folder that `run` or `prove` has written, or its result.json
    pub(crate) result: PathBuf,
}

/// `rollproof fidelity`.
#[derive(Debug, clap::Args)]
pub(crate) struct Fidelity {
    /// Measured files, one JSON object a line; those of the program if not given
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) measured: Vec<PathBuf>,

    /// Seeds simulated for each setting of each experiment
    #[arg(long, default_value_t = 1000, env = "ROLLPROOF_SEEDS", value_name = "N", value_parser = clap::value_parser!(u64).range(20..=100_000))]
    pub(crate) seeds: u64,

    /// Only experiments of this name
    #[arg(long, value_name = "FAMILY")]
    pub(crate) only: Option<String>,

    /// Folder for result.json, report.txt and the drawings
    #[arg(long, default_value = "output", env = "ROLLPROOF_OUT", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Threads; never changes a result
    #[arg(long, env = "ROLLPROOF_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) jobs: Option<u32>,
}

/// `rollproof check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) plan: Plan,

    /// Print the scenario with every default filled in, and where each comes from
    #[arg(long)]
    pub(crate) resolved: bool,
}

/// A scenario and what the command line changes in it.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// The scenario, a TOML file
    pub(crate) scenario: PathBuf,

    /// Set a key of the scenario to a TOML value; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Use this strategy instead of the scenario's
    #[arg(long, env = "ROLLPROOF_STRATEGY", value_name = "NAME")]
    pub(crate) strategy: Option<String>,
}

/// `rollproof lab`.
#[derive(Debug, clap::Args)]
pub(crate) struct Labs {
    /// What to do; lists the labs if not given
    #[command(subcommand)]
    pub(crate) action: Option<LabAction>,
}

/// What to do with a lab.
#[derive(Debug, Subcommand)]
pub(crate) enum LabAction {
    /// Put the plan of a lab into a folder, and say what to do with it
    Start {
        /// The lab's number
        number: usize,
        /// The folder
        dir: PathBuf,
    },
    /// Check what was edited: 0 passes, 1 still fails, 2 bad file
    Check {
        /// The folder
        dir: PathBuf,
    },
    /// Give the next hint
    Hint {
        /// The folder
        dir: PathBuf,
    },
    /// Which lab a folder holds, or the folders inside it, and how far each has come
    Status {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
}

/// `rollproof list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Of what; all kinds if not given; `strategies -v`: what tells them apart
    #[arg(value_enum)]
    pub(crate) kind: Option<Kind>,
}

/// `rollproof show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// A name that `rollproof list` shows
    pub(crate) name: String,
}

/// What a JSON Schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// A scenario, for editors.
    Scenario,
    /// The result of a run, for those who read it.
    Result,
}

/// Form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Kinds of things with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Ways to upgrade.
    Strategies,
    /// Scenarios that come with the program.
    Scenarios,
    /// Ways to bring a new version of an app to its users.
    Rollouts,
    /// What nature does.
    Faults,
    /// Who else acts beside the strategy.
    Actors,
    /// What a plan must keep.
    Laws,
    /// Forms of results for other programs.
    Formats,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_option_of_a_run_is_understood() {
        let line = "rollproof run plan.toml --seed 7 --set a=1 --set b.c=\"x\" --strategy kops-1.15 -o json --out o --jobs 2 -q";
        let args = Args::try_parse_from(line.split(' ')).expect("it parses");
        let Command::Run(run) = args.command else { panic!("it is a run") };
        assert_eq!((run.seed, run.plan.overrides.len(), run.jobs), (7, 2, Some(2)));
        assert_eq!((args.output, args.quiet), (Form::Json, true));
    }
}
