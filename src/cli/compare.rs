//! `rollproof compare`: strategies, or values of one key, on the same seeds.

use rollproof::prove::compare::{Comparison, Variant, compare as run_all};
use rollproof::prove::{NoJournal, Work};
use rollproof::report::safe::escaped;
use rollproof::report::sweep_plot::Pictures;
use rollproof::report::{compare_plot, compare_text, json, pairs_plot};
use rollproof::sim::MODEL_VERSION;
use serde_json::json;

use super::args::{Args, Compare, Form, Plan};
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::index;
use super::progress::Told;
use super::prove::failure;
use super::run::load;
use super::terminal::Terminal;

/// Compares, writes the folder, prints the result.
pub(crate) fn compare(args: &Args, asked: &Compare, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let base = load(&asked.plan)?;
    let variants = variants(asked)?;
    for variant in variants.iter().filter(|variant| !variant.plan.warnings.is_empty()) {
        terminal.note(&format!("{}:\n{:#}", escaped(&variant.name), variant.plan.warnings));
    }
    let progress = Told::new(terminal.shows_progress());
    let told = |what: &str, done, of| progress.set(what, done, of);
    let jobs = asked.jobs.unwrap_or_default() as usize;
    let stop = terminal.interrupt().flag();
    let mut work = Work { jobs, progress: &told, stop, over: &|| false, journal: &mut NoJournal };
    let found = run_all(&base, &variants, (asked.seeds, asked.confidence), &mut work).map_err(failure)?;
    drop(progress);
    let folder = RunFolder::prepare_search(&asked.out, &base.name, &base.hash, &name(&variants, asked))?;
    keep(&folder, &found)?;
    index::keep(&asked.out)?;
    terminal.note(&format!("written: {}", escaped(&folder.path().to_string_lossy())));
    let page = match args.output {
        Form::Json => json::render(&found),
        Form::Text => compare_text::render(&found, terminal.color()),
    };
    let first = page.split_inclusive('\n').next().unwrap_or_default();
    terminal.print(if terminal.is_quiet() && args.output == Form::Text { first } else { &page })?;
    Ok(Exit::Holds)
}

/// The end of the folder's name, which tells comparisons of other plans, or of more seeds, apart.
fn name(variants: &[Variant], asked: &Compare) -> String {
    let plans: Vec<(&str, &str)> =
        variants.iter().map(|variant| (variant.name.as_str(), variant.plan.hash.as_str())).collect();
    let question = json!({
        "plans": plans, "seeds": asked.seeds, "confidence": asked.confidence, "model": MODEL_VERSION,
        "program": env!("CARGO_PKG_VERSION"),
    });
    format!("compare-{}", &blake3::hash(question.to_string().as_bytes()).to_hex()[..8])
}

/// A plan for each strategy, or for each value of the key.
fn variants(asked: &Compare) -> Result<Vec<Variant>, Failure> {
    let plan = |overrides: Vec<String>, strategy: Option<String>| Plan {
        scenario: asked.plan.scenario.clone(),
        overrides,
        strategy: strategy.or_else(|| asked.plan.strategy.clone()),
    };
    let own = || asked.plan.overrides.clone();
    let plans: Vec<(String, Plan)> = match &asked.vary {
        Some(vary) => {
            let Some((path, values)) = vary.split_once('=') else {
                let help = "write it as app.web.replicas=2,4,8";
                return Err(Failure::Input(format!("error: `--vary {}` has no values\n  help: {help}", escaped(vary))));
            };
            let named = |value: String| {
                let setting = format!("{path}={value}");
                (format!("{path}={value}"), plan([own(), vec![setting]].concat(), None))
            };
            split(values).into_iter().map(named).collect()
        }
        None => asked.strategies.iter().map(|name| (name.clone(), plan(own(), Some(name.clone())))).collect(),
    };
    if plans.len() < 2 {
        let help = "name two or more: --strategies kops,gke-surge or --vary app.web.replicas=2,4";
        return Err(Failure::Input(format!("error: there is nothing to compare\n  help: {help}")));
    }
    plans.into_iter().map(|(name, plan)| Ok(Variant { name, plan: load(&plan)? })).collect()
}

/// The values between commas that stand in no quotes and no brackets.
fn split(values: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_u32, None);
    for c in values.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

/// Writes the files; `result.json` last, so that it is there only if all the others are.
fn keep(folder: &RunFolder, found: &Comparison) -> Result<(), Failure> {
    let defect = |error: compare_plot::DrawError| Failure::Internal { message: error.to_string(), seed: None };
    folder.write("report.txt", compare_text::render(found, false).as_bytes())?;
    folder.write("compare.svg", compare_plot::svg(found).map_err(defect)?.as_bytes())?;
    folder.write("compare.png", &compare_plot::png(found).map_err(defect)?)?;
    folder.write("pairs.svg", pairs_plot::svg(found).map_err(defect)?.as_bytes())?;
    folder.write("pairs.png", &pairs_plot::png(found).map_err(defect)?)?;
    if let Some(pictures) = Pictures::of_comparison(found) {
        folder.write("sweep.svg", pictures.svg().map_err(defect)?.as_bytes())?;
        folder.write("sweep.png", &pictures.png().map_err(defect)?)?;
    }
    folder.write("result.json", json::render(found).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_commas_outside_of_quotes_and_brackets() {
        assert_eq!(split("2,4"), ["2", "4"]);
        assert_eq!(split(r#""a,b",{ x = 1, y = 2 },[1,2]"#), [r#""a,b""#, "{ x = 1, y = 2 }", "[1,2]"]);
    }
}
