//! What people get wrong, through the command itself: every mistake is told, nothing is written, nothing hangs.
#![cfg(feature = "cli")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A command that still runs after this many looks, ten seconds, hangs: refusals take milliseconds.
const LOOKS: u32 = 2_000;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A folder with a scenario in it, and room for output.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        Desk { folder: tempfile::tempdir().expect("there is room") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path("plan.toml");
        std::fs::write(&path, bytes).expect("it can be written");
        path
    }

    /// `rollproof run` with `--out` in this folder.
    fn run(&self, scenario: &Path, more: &[&str]) -> Output {
        let mut command = rollproof();
        command.arg("run").arg(scenario).args(more).arg("--out").arg(self.path("out"));
        within_patience(command)
    }

    /// Runs what must be refused, and returns what is said of it.
    fn refusal(&self, scenario: &Path, more: &[&str]) -> String {
        let ended = self.run(scenario, more);
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{more:?}: {said}");
        assert!(ended.stdout.is_empty(), "{more:?}: {}", text(&ended.stdout));
        assert!(!self.path("out").exists(), "{more:?} left output");
        assert!(said.contains("error") && !said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
        said
    }
}

/// What is said, without the breaks of its lines.
fn unwrapped(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn rollproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["OUTPUT", "COLOR", "SEED", "OUT", "JOBS", "STRATEGY"] {
        command.env_remove(format!("ROLLPROOF_{name}"));
    }
    command
}

/// Waits for the end; a command that waits for something that never comes is a failure, not a test without end.
fn within_patience(mut command: Command) -> Output {
    let mut child = command.spawn().expect("the command starts");
    let mut looks = 0;
    // What is refused says little, so that no pipe fills before the end.
    while child.try_wait().expect("it can be waited for").is_none() && looks < LOOKS {
        looks += 1;
        std::thread::sleep(LOOK_EVERY);
    }
    if child.try_wait().expect("it can be waited for").is_none() {
        child.kill().expect("it can be stopped");
        panic!("{command:?} does not end");
    }
    child.wait_with_output().expect("it has ended")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn shipped(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.toml"))
}

/// The smallest scenario that loads, with these lines after it.
fn small(more: &str) -> String {
    format!(
        "schema = 1\n[cluster]\nversion = {{ from = \"1.14.10\", to = \"1.15.7\" }}\n[strategy]\nname = \"kops-1.15\"\n\
         [[node_pool]]\nname = \"workers\"\n[app.web]\nreplicas = 2\n{more}"
    )
}

const TEN_MISTAKES: &str = r#"schema = 1
[cluster]
version = { from = "1.14.10", to = "1.14" }
[cluster.control_plane]
replicas = 0
zonez = 3
[[node_pool]]
name = "workers"
count = "three"
[app.web]
replicas = -1
grace = "-5s"
on_sigterm = "drian"
traffic.all = { from = "pool:worker", rps = inf }
[strategy]
name = "kops-1.51"
[[fault]]
kind = "node-poweroff"
"#;

#[test]
fn ten_mistakes_are_told_in_one_go_with_place_caret_and_help() {
    let desk = Desk::new();
    let said = desk.refusal(&desk.file(TEN_MISTAKES), &[]);
    let places = ["3:36", "5:12", "6:1", "9:9", "11:12", "12:9", "13:14", "14:24", "14:45", "16:8", "18:8"];
    for place in places {
        assert!(said.contains(&format!("plan.toml:{place}: error[E")), "{place} in:\n{said}");
    }
    assert_eq!(said.matches(": error[E").count(), places.len(), "{said}");
    assert!(said.matches("  ^").count() + said.matches(" ^").count() >= places.len(), "{said}");
    for meant in ["zones", "workers", "kops-1.15", "node-power-off", "drain"] {
        assert!(
            said.contains(&format!("did you mean `{meant}`?")) || said.contains(&format!("did you mean \"{meant}\"?")),
            "{meant} in:\n{said}"
        );
    }
}

#[test]
fn diagnostics_fit_into_80_columns() {
    let desk = Desk::new();
    let said = desk.refusal(&desk.file(TEN_MISTAKES), &["--set", "cluster.version.to=\"1.19.0\""]);
    for line in said.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_file_that_says_nothing_lacks_all_that_is_required() {
    let desk = Desk::new();
    for nothing in ["", "\n", "# only a comment\n"] {
        let said = desk.refusal(&desk.file(nothing), &[]);
        for key in ["schema", "cluster", "strategy"] {
            assert!(said.contains(&format!("`{key}` is missing")), "{said}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let desk = Desk::new();
    let utf_16: Vec<u8> = "\u{feff}schema = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, word) in
        [(b"schema = \xff1\n".to_vec(), "UTF-8"), (utf_16, "UTF-16"), (b"schema\0 = 1".to_vec(), "1:7")]
    {
        let said = desk.refusal(&desk.file(bytes), &[]);
        assert!(said.contains(word), "{word} in:\n{said}");
    }
}

#[test]
fn size_and_depth_have_limits() {
    let desk = Desk::new();
    let said = desk.refusal(&desk.file(vec![b'#'; (4 << 20) + 1]), &[]);
    assert!(said.contains("MiB") || said.contains("bytes"), "{said}");
    for deep in ["[".repeat(100_000), "{a=".repeat(100_000)] {
        let said = desk.refusal(&desk.file(format!("a = {deep}")), &[]);
        assert!(said.contains("nested deeper"), "{said}");
    }
    let many = (0..10_001).map(|index| format!("[app.a{index}]\nreplicas = 0\n")).collect::<String>();
    let said = desk.refusal(&desk.file(small(&many)), &[]);
    assert!(said.contains("MAX_APPS"), "{said}");
}

#[test]
fn a_value_that_cannot_be_is_refused_in_the_file() {
    let desk = Desk::new();
    for (lines, said) in [
        ("cpu = nan", "finite"),
        ("traffic.all = { from = \"pool:workers\", rps = inf }", "finite"),
        ("traffic.all = { from = \"outside\" }", "LoadBalancer"),
        ("grace = \"-1s\"", "negative"),
        ("grace = \"99999999999999999999s\"", "too large"),
        ("grace = \"200y\"", "200y"),
        ("grace = 30", "write \"30s\""),
        ("gracee = \"1s\"", "did you mean `grace`?"),
        ("cpu = 1\ncpu = 2", "duplicate key `cpu`"),
        ("cpu = \"much\"", "whole number"),
        ("cpu = 1000000", "no machine it may run on"),
        ("pdb = { min_available = 1, max_unavailable = 1 }", "exclude each other"),
        ("pdb = {}", "min_available"),
        ("pool = \"worker\"", "did you mean `workers`?"),
        ("[objective]\nlaws = [\"no-expsure\"]", "did you mean `no-exposure`?"),
        ("[[fault]]\nkind = \"pod-crsh\"\ntarget = \"web-0\"\nat = \"1m\"", "did you mean `pod-crash`?"),
        ("[[node_pool]]\nname = \"workers\"", "two pools are called `workers`"),
        ("[limits]\nhorizon = \"0s\"", "at least 1ms"),
    ] {
        let found = desk.refusal(&desk.file(small(lines)), &[]);
        assert!(unwrapped(&found).contains(said), "{lines}: {said} in:\n{found}");
        assert_eq!(found.matches(": error[E").count(), 1, "{lines}:\n{found}");
    }
}

#[test]
fn an_argument_is_refused_at_its_own_place() {
    let desk = Desk::new();
    for (argument, said) in [
        ("cluster.control_plane.replicas=0", "from 1 to 9"),
        ("node_pool.workers.count=1000000", "MAX_NODES"),
        ("app.web.replicas=4000000", "MAX_PODS"),
        ("app.web", "`=` and a value are missing"),
        ("a..b=1", "a key is expected"),
        ("=1", "a key is expected"),
        ("app.wep.replicas=1.5", "replicas"),
        ("app.web.replicas=many", "not a value"),
        ("node_pool.wokers.count=3", "did you mean `workers`?"),
        ("strategy.name=\"kobs\"", "did you mean `kops`?"),
        ("cluster.version.to=\"1.14.9\"", "go back"),
        ("cluster.version.to=\"2.0.0\"", "major version"),
    ] {
        let found = desk.refusal(&shipped("book-ch18"), &["--set", argument]);
        assert!(found.contains("--set #1:1:") && unwrapped(&found).contains(said), "{argument}: {said} in:\n{found}");
        assert!(found.contains('^'), "{found}");
    }
}

#[test]
fn a_skipped_minor_is_refused_before_time_zero_with_its_rule() {
    let desk = Desk::new();
    let said = unwrapped(&desk.refusal(&shipped("book-ch18"), &["--set", "cluster.version.to=\"1.16.0\""]));
    assert!(said.starts_with("--set #1:1:20: error[E0202]: "), "{said}");
    assert!(said.contains("version skew policy") && said.contains("upgrade to 1.15 first"), "{said}");
    assert!(said.contains("^^^^^^^^"), "{said}");
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let desk = Desk::new();
    for path in [desk.folder.path().to_path_buf(), desk.path("missing.toml"), PathBuf::from("")] {
        let said = desk.refusal(&path, &[]);
        assert!(said.lines().count() <= 6, "{said}");
    }
}

#[test]
#[cfg(unix)]
fn pipes_and_devices_are_refused_without_being_read() {
    let desk = Desk::new();
    let pipe = desk.path("pipe.toml");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("Unix has mkfifo");
    assert!(made.success());
    for path in [pipe, PathBuf::from("/dev/zero"), PathBuf::from("/dev/null")] {
        let said = desk.refusal(&path, &[]);
        assert!(said.contains("not a regular file"), "{said}");
    }
}

#[test]
fn every_answer_has_its_exit_code() {
    for (scenario, more, code) in [
        ("book-ch18", &[][..], 0),
        ("no-prestop", &[][..], 1),
        ("book-ch18", &["--set", "limits.horizon=\"5m\""][..], 3),
        ("book-ch18", &["--set", "limits.events=100"][..], 3),
    ] {
        let desk = Desk::new();
        let ended = desk.run(&shipped(scenario), more);
        assert_eq!(ended.status.code(), Some(code), "{scenario} {more:?}: {}", text(&ended.stderr));
        assert!(!ended.stdout.is_empty() && desk.path("out").exists(), "{scenario} {more:?}");
    }
    let desk = Desk::new();
    std::fs::write(desk.path("out"), "").expect("it can be written");
    let ended = desk.run(&shipped("book-ch18"), &[]);
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(5), 0), "{}", text(&ended.stderr));
}

#[test]
#[cfg(unix)]
fn a_run_whose_reader_goes_away_ends_quietly() {
    let desk = Desk::new();
    let line = "\"$0\" run scenarios/book-ch18.toml --quiet --out \"$1\" -o json | head -1";
    let mut command = Command::new("sh");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-c", line, env!("CARGO_BIN_EXE_rollproof")]);
    let ended = command.arg(desk.path("out")).output().expect("there is a shell");
    assert_eq!((text(&ended.stdout).as_str(), text(&ended.stderr).as_str()), ("{\n", ""));
}

#[test]
fn hostile_names_never_reach_a_terminal_or_a_page_as_they_are() {
    const HOSTILE: [&str; 4] = ["<script>", "\u{1b}[31m", "\u{202e}", "\u{2066}"];
    let desk = Desk::new();
    let about = small("[app.\"<script>\\u001b[31m\\u202e\"]\nreplicas = 1\n");
    let said = desk.refusal(&desk.file(about), &[]);
    assert!(HOSTILE[1..].iter().all(|hostile| !said.contains(hostile)), "{said:?}");
    let name = format!("x{}.toml", HOSTILE.concat());
    let path = desk.path(&name);
    std::fs::write(&path, small("traffic.all = { from = \"pool:workers\" }\n")).expect("it can be written");
    let ended = desk.run(&path, &["-o", "json"]);
    assert!(matches!(ended.status.code(), Some(0 | 1)), "{}", text(&ended.stderr));
    for written in [text(&ended.stdout), text(&ended.stderr)] {
        assert!(HOSTILE[1..].iter().all(|hostile| !written.contains(hostile)), "{written:?}");
    }
    let mut found = 0;
    for file in files_below(&desk.path("out")) {
        let Ok(page) = std::fs::read_to_string(&file) else { continue };
        assert!(HOSTILE[1..].iter().all(|hostile| !page.contains(hostile)), "{file:?}");
        let markup = file.extension().is_some_and(|end| end == "svg");
        assert!(!markup || !page.contains("<script>"), "{file:?}");
        found += 1;
    }
    assert!(found >= 3, "{found} files");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is there").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files_below(&path)),
            path => found.push(path),
        }
    }
    found
}

#[test]
fn every_shipped_scenario_passes_check_and_its_printed_form_runs_the_same() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let all: Vec<PathBuf> =
        files_below(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert!(all.len() >= 9);
    for path in all {
        let check =
            |more: &[&str]| rollproof().arg("check").arg(&path).args(more).output().expect("the command starts");
        let plain = check(&[]);
        assert_eq!(plain.status.code(), Some(0), "{path:?}: {}", text(&plain.stderr));
        let printed = check(&["--resolved"]);
        assert_eq!(printed.status.code(), Some(0), "{path:?}: {}", text(&printed.stderr));
        if path.parent() != Some(&folder) {
            // Scenarios for measurements are large; that they load is enough.
            continue;
        }
        let desk = Desk::new();
        let digest = |path: &Path| {
            let ended = rollproof().args(["run", "-o", "json"]).arg(path).arg("--out").arg(desk.path("out")).output();
            let ended = ended.expect("the command starts");
            let result: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("the result is JSON");
            result["digest"].as_str().expect("there is one").to_owned()
        };
        assert_eq!(digest(&path), digest(&desk.file(&printed.stdout)), "{path:?}");
    }
}
