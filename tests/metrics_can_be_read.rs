//! Whatever is checked and whatever it says, the metrics can be read: by the letter, by promtool, and by the parser of
//! Prometheus' own client for Python.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use health_actix::Metrics;
use health_core::{Failure, Gate, Health, Outcome, Probe, Spec, Status};
use health_tests::exposition::{read_open_metrics, read_text, samples};
use health_tests::scripts::Script;
use health_tests::servers::installed;
use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time::advance;

/// Says how many families it has read, and ends badly where the format does not allow something.
const PARSER: &str = "\
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(len(list(text_string_to_metric_families(sys.stdin.read()))))
";

/// One of everything a check can come to.
fn of_every_kind() -> Health {
    let gate = Gate::new("migrations");
    gate.open();
    let never = Script::new(Status::Healthy);
    never.hangs(true);
    let health = Health::builder()
        .gate(&gate)
        .gate(&Gate::new("warm-up"))
        .check_fn(Spec::named("db/primary").group("storage"), || async {})
        .check_fn(Spec::named("disk").probe([]), || async { Outcome::degraded("91 %\n# EOF\n") })
        .check_fn(Spec::named("queue").critical(false), || async { Err::<(), _>(Failure::new("\"gone\"")) })
        .check_fn(Spec::named("never"), never.check())
        .build()
        .unwrap()
        .start();
    health.mute("disk", "1h", "at work").unwrap();
    health
}

fn of_many() -> Health {
    let spec = |n| Spec::named(format!("shards/{n}")).interval("1h");
    let builder = (0..250).fold(Health::builder(), |builder, n| builder.check_fn(spec(n), || async {}));
    builder.build().unwrap().start()
}

/// Runs a program with this as its input; what it said, if it ended well.
fn fed(command: &mut Command, input: &str) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // In a thread: it may say something before it has read everything.
    let (mut stdin, owned) = (child.stdin.take().unwrap(), input.to_owned());
    let writing = std::thread::spawn(move || stdin.write_all(owned.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{input}");
    said.into_owned()
}

#[tokio::test(start_paused = true)]
async fn promtool_has_nothing_to_say() {
    let Some(promtool) = installed("promtool") else {
        return;
    };
    for health in [of_every_kind(), of_many(), Health::builder().build().unwrap().start()] {
        let before = Metrics::of(&health).text();
        health.report(Probe::Ready).await;
        for text in [before, Metrics::of(&health).text(), Metrics::of(&health).histograms(false).text()] {
            assert_eq!(fed(Command::new(&promtool).args(["check", "metrics"]), &text), "");
        }
    }
}

/// A Python that has the parser; Debian's is not always the first.
fn python() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).map(|folder| folder.join("python3"));
    let import = |python: &Path| {
        Command::new(python).args(["-c", "import prometheus_client.openmetrics.parser"]).output()
    };
    let knows = |python: &PathBuf| import(python).is_ok_and(|output| output.status.success());
    let found = candidates.filter(|python| python.is_file()).find(knows);
    if found.is_none() {
        let message = "prometheus_client for python3 is not installed";
        assert!(std::env::var("HEALTH_REQUIRE_SERVERS").as_deref() != Ok("1"), "{message}");
        drop(writeln!(std::io::stderr(), "skipped: {message}"));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_strict_parser_reads_open_metrics() {
    let Some(python) = python() else {
        return;
    };
    for health in [of_every_kind(), of_many(), Health::builder().build().unwrap().start()] {
        health.report(Probe::Ready).await;
        for metrics in [Metrics::of(&health), Metrics::of(&health).histograms(false)] {
            let text = metrics.open_metrics() + "# EOF\n";
            let families = read_open_metrics(&text).len();
            assert_eq!(fed(Command::new(&python).args(["-c", PARSER]), &text).trim(), families.to_string());
        }
    }
}

#[derive(Clone, Debug)]
struct Declared {
    name: String,
    group: Option<String>,
    critical: Option<bool>,
    finds: u8,
    says: String,
}

fn declared() -> impl Strategy<Value = Declared> {
    let name = "[a-z0-9-]{1,12}(/[a-z0-9-]{1,12}){0,3}";
    let says = prop_oneof![any::<String>(), "(\\\\|\"|\n|\r|#|\\{|\\}| |EOF|=){0,40}"];
    (name, proptest::option::of("[a-z0-9-]{1,20}"), any::<Option<bool>>(), 0_u8..5, says)
        .prop_map(|(name, group, critical, finds, says)| Declared { name, group, critical, finds, says })
}

fn assembled(all: &[Declared]) -> Health {
    let mut builder = Health::builder();
    let mut seen = std::collections::HashSet::new();
    for one in all.iter().filter(|one| seen.insert(&one.name)) {
        let mut spec = Spec::named(one.name.clone()).describe(one.says.clone()).interval("1h");
        if let Some(group) = &one.group {
            spec = spec.group(group.clone());
        }
        if let Some(critical) = one.critical {
            spec = spec.critical(critical);
        }
        let one = one.clone();
        builder = builder.check_fn(spec, move || {
            let says = one.says.clone();
            async move {
                match one.finds {
                    0 => Ok(Outcome::healthy()),
                    1 => Ok(Outcome::degraded(says.clone()).data(says.clone(), says)),
                    2 => Ok(Outcome::unhealthy(says)),
                    3 => Err(Failure::new(says.clone()).because(says)),
                    _ => std::panic::panic_any(says),
                }
            }
        });
    }
    builder.build().unwrap().start()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_checks_can_be_read(all in prop::collection::vec(declared(), 0..30), has_histograms: bool) {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let health = assembled(&all);
            for _ in 0..2 {
                let metrics = Metrics::of(&health).histograms(has_histograms);
                let old = read_text(&metrics.text());
                let new = read_open_metrics(&(metrics.open_metrics() + "# EOF\n"));
                assert_eq!(samples(&old), samples(&new));
                health.report(Probe::Ready).await;
                advance(Duration::from_secs(1)).await;
            }
        });
    }
}

#[test]
fn the_reader_of_these_tests_reads_by_the_letter() {
    let sound = "# HELP a_total What it is for.\n# TYPE a_total counter\na_total{b=\"c\\n\\\"\\\\\"} 1\n";
    assert_eq!(read_text(sound)[0].samples[0].label("b"), Some("c\n\"\\"));
    let mut accepted = String::new();
    for (was, is) in [
        ("a_total{", "b_total{"),
        ("counter", "stateset"),
        ("\\n", "\\t"),
        ("\\n", "\n"),
        ("\"}", "}"),
        ("} 1", "} one"),
        ("} 1", "} 1 1763704800"),
        ("} 1", "} -1"),
        ("} 1\n", "} 1"),
        ("} 1\n", "} 1\n\n"),
        ("} 1\n", "} 1\n# EOF\n"),
        ("# TYPE a_total counter\n", ""),
        ("{b=", "{0b="),
        ("{b=", "{b=\"\",b="),
        ("a_total{b=\"c\\n\\\"\\\\\"} 1\n", ""),
    ] {
        assert!(sound.contains(was), "{was}");
        let odd = sound.replacen(was, is, 1);
        if std::panic::catch_unwind(|| read_text(&odd)).is_ok() {
            writeln!(accepted, "{was:?} {is:?}").unwrap();
        }
    }
    assert_eq!(accepted, "");
}
