//! `rollproof prove --baseline FILE`: what was accepted of a plan, and whether it is worse now.

use std::path::Path;

use rollproof::prove::Proof;
use rollproof::prove::baseline::{Accepted, Baseline, plan_of};
use rollproof::report::json;
use rollproof::report::safe::escaped;
use rollproof::sim::outcome::Verdict;

use super::exit::{Exit, Failure};
use super::files::RunFolder;

/// What the baseline says of a proof, in lines, and how the command ends by it.
pub(crate) struct Judged {
    pub(crate) lines: Vec<String>,
    pub(crate) exit: Exit,
}

/// Holds a proof against the file.
///
/// # Errors
/// When the file cannot be read, or what it has of the plan answers another question.
pub(crate) fn judge(file: &Path, proof: &Proof) -> Result<Judged, Failure> {
    let (now, plan) = (Accepted::of(proof), plan_of(proof));
    let baseline = read(file)?;
    let Some(before) = baseline.plans.get(&plan) else {
        let line = "the baseline has nothing of this plan; --update-baseline accepts what was found".to_owned();
        return Ok(Judged { lines: vec![line], exit: proof.verdict.into() });
    };
    if before.asked != now.asked {
        let help = format!("ask again with: {}\n        or accept the new question by --update-baseline", before.asked);
        let shown = escaped(&file.to_string_lossy()).into_owned();
        return Err(Failure::Input(format!("error: `{shown}` answers another question\n  help: {help}")));
    }
    let worse = before.worse(&now);
    let exit = match (worse.is_empty(), proof.verdict) {
        (false, _) => Exit::Refuted,
        (true, Verdict::Undecided) => Exit::Undecided,
        (true, Verdict::Holds | Verdict::Refuted) => Exit::Holds,
    };
    let lines = match worse.is_empty() {
        true if *before == now => vec!["as the baseline has it".to_owned()],
        true => vec!["no worse than the baseline, and better somewhere; --update-baseline accepts it".to_owned()],
        false => worse.into_iter().map(|line| format!("worse: {line}")).collect(),
    };
    Ok(Judged { lines, exit })
}

/// Accepts what a proof has found.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn accept(file: &Path, proof: &Proof) -> Result<Judged, Failure> {
    let mut baseline = if file.exists() { read(file)? } else { Baseline::default() };
    baseline.plans.insert(plan_of(proof), Accepted::of(proof));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    RunFolder::existing(folder).write(&name, json::render(&baseline).as_bytes())?;
    Ok(Judged { lines: vec!["accepted as the baseline".to_owned()], exit: Exit::Holds })
}

fn read(file: &Path) -> Result<Baseline, Failure> {
    let shown = escaped(&file.to_string_lossy()).into_owned();
    let bad = |why: String, help: &str| Failure::Input(format!("error: `{shown}`: {}\n  help: {help}", escaped(&why)));
    let text = std::fs::read_to_string(file)
        .map_err(|error| bad(error.to_string(), "--update-baseline makes one from what is found now"))?;
    let read: Baseline = serde_json::from_str(&text)
        .map_err(|error| bad(error.to_string(), "it is no baseline; delete it, and make one by --update-baseline"))?;
    match read.schema {
        1 => Ok(read),
        other => Err(bad(format!("schema {other} is not known"), "a newer rollproof has written it")),
    }
}
