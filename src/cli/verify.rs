//! `rollproof verify`: whether a certificate still holds.

use std::sync::atomic::{AtomicU64, Ordering};

use rollproof::prove::certificate::{Certificate, Verifier};
use rollproof::prove::{self, Failed, Work};
use rollproof::report::figures::{count, counted};
use rollproof::report::safe::escaped;
use serde_json::json;

use super::args::{Args, Form, Verify};
use super::exit::{Exit, Failure};
use super::progress::Told;
use super::prove::failure;
use super::terminal::Terminal;

/// Runs batches again, and says whether all agrees.
pub(crate) fn verify(args: &Args, asked: &Verify, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let name = asked.certificate.to_string_lossy().into_owned();
    let unusable = |why: String| {
        let help = "give a certificate.json that `rollproof prove` of this version has written";
        Failure::Input(format!("error: `{}`: {}\n  help: {help}", escaped(&name), escaped(&why)))
    };
    let text = std::fs::read_to_string(&asked.certificate).map_err(|error| unusable(error.to_string()))?;
    let certificate: Certificate = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    let (plan, ask) = certificate.question().map_err(|why| unusable(why.to_string()))?;
    if let Some(why) = certificate.forged(&plan) {
        return told(args, terminal, &certificate, &plan.name, (0, 0), Some(&why));
    }
    let progress = Told::new(terminal.shows_progress());
    let shown = |what: &str, done, of| progress.set(what, done, of);
    // The time was over where it was over then, so that a proof that was cut short can be checked, too.
    let looks = AtomicU64::new(0);
    let over = || certificate.was_over(looks.fetch_add(1, Ordering::Relaxed));
    let mut verifier = Verifier::new(&certificate, asked.every as usize);
    let jobs = asked.jobs.unwrap_or_default() as usize;
    let stop = terminal.interrupt().flag();
    let mut work = Work { jobs, progress: &shown, stop, over: &over, journal: &mut verifier };
    let again = prove::prove(&plan, &ask, &mut work);
    drop(progress);
    let wrong = match (verifier.differing.first(), again) {
        (_, Err(stopped @ (Failed::Stopped | Failed::Threads(_) | Failed::Journal(_)))) => {
            return Err(failure(stopped));
        }
        (Some(batch), _) => Some(format!("batch {batch} finds something else")),
        // What was run again agrees, so it is a batch that was not which holds a run that nobody can repeat.
        (None, Err(Failed::Broken { why, .. })) if asked.every > 1 => {
            Some(format!("a run of it does not replay: {why}"))
        }
        (None, Err(broken)) => return Err(failure(broken)),
        (None, Ok(again)) => certificate.disagreement(&again),
    };
    told(args, terminal, &certificate, &plan.name, (verifier.again, verifier.runs), wrong.as_deref())
}

/// Prints whether it holds, with how many batches and runs again; `wrong` says why not.
fn told(
    args: &Args,
    terminal: &mut Terminal,
    certificate: &Certificate,
    plan: &str,
    (batches, runs): (u64, u64),
    wrong: Option<&str>,
) -> Result<Exit, Failure> {
    let all = certificate.batches.len();
    let page = match args.output {
        Form::Json => {
            let page = json!({
                "schema": 1, "holds": wrong.is_none(), "why": wrong, "verdict": certificate.verdict,
                "batches": all, "batches_again": batches, "runs_again": runs, "digest": certificate.digest,
            });
            format!("{page:#}\n")
        }
        Form::Text => {
            let told =
                format!("{} of {} batches run again, {}", count(batches), count(all as u64), counted(runs, "run"));
            match wrong {
                None => {
                    format!("✓ THE CERTIFICATE HOLDS: {} is {} ({told})\n", escaped(plan), certificate.verdict)
                }
                Some(why) => format!("✗ THE CERTIFICATE DOES NOT HOLD: {} ({told})\n", escaped(why)),
            }
        }
    };
    terminal.print(&page)?;
    Ok(if wrong.is_none() { Exit::Holds } else { Exit::Refuted })
}
