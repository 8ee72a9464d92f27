//! Everything declared in the binary is listed, in every format, and nothing is run for it.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use health_core::__private_v1 as private;
use health_core::{
    Failure, Format, HealthCheck, HealthComponent, Location, Outcome, Parts, Probe, ProbeSet, Scope, Spec,
    catalog, health_check,
};
use health_tests::programs;
use serde_json::{Value, json};

static RAN: AtomicBool = AtomicBool::new(false);

/// The primary | answers `SELECT 1`.
#[health_check(name = "db", probe = ["ready", "startup"], timeout = "1m 30s", depends_on = ["network", "elsewhere"])]
async fn database(_pool: &Pool) {
    RAN.store(true, Ordering::SeqCst);
}

#[health_check(
    scope = "shared",
    enabled = false,
    interval = "never",
    failure_threshold = 3,
    blocking = false
)]
fn network() {
    RAN.store(true, Ordering::SeqCst);
}

#[health_check(probe = "none", depends_on = ["billing/shards/eu"], blocking = true)]
fn informational() {
    RAN.store(true, Ordering::SeqCst);
}

/// Everything billing needs.
#[derive(HealthComponent)]
#[health(name = "billing", group = "payments")]
struct Billing {
    #[health(check, scope = "local", probe = "live", idle = "1m 30s", backoff = "10m")]
    ledger: Part,
    /// One for each region.
    #[health(each, critical = false, depends_on = ["billing/ledger"])]
    shards: BTreeMap<String, Part>,
}

struct Pool;
struct Part;

impl HealthCheck for Part {
    async fn check(&self) -> Result<Outcome, Failure> {
        RAN.store(true, Ordering::SeqCst);
        Ok(Outcome::healthy())
    }
}

const HOSTILE_NAME: &str = "\"]:::x --> %%{init}%% `#quot;` <b>|\\";
const HOSTILE_TEXT: &str = "one\ntwo\r\u{1b}[31m\u{9b}2J\u{202e} | end\nsubgraph \"x\" `_*<script>*_`\0";

/// What no attribute accepts and only `build()` refuses: a listing meets it first.
struct Hostile(Part);

impl HealthComponent for Hostile {
    const NAME: &'static str = "zz";

    fn parts(parts: &mut Parts<'_, Self>) {
        let spec = Spec::named(HOSTILE_NAME)
            .describe(HOSTILE_TEXT)
            .group(HOSTILE_TEXT)
            .depends_on([HOSTILE_TEXT, "db", "db"])
            .probe(ProbeSet::of(&[Probe::Ready]))
            .scope(Scope::Local);
        parts.check(spec, |this| &this.0);
    }
}

private::submit! { private::ComponentRecord::of::<Hostile>(Location::new(file!(), line!(), column!())) }

fn listed(format: Format) -> String {
    catalog().listing(format).to_string()
}

fn objects() -> Vec<Value> {
    serde_json::from_str(&listed(Format::Json)).expect("the listing is JSON")
}

fn object(name: &str) -> Value {
    objects()
        .into_iter()
        .find(|object| object["name"] == name)
        .unwrap_or_else(|| panic!("{name} is not listed"))
}

/// No line break but the listing's own, and nothing that a terminal obeys.
fn assert_harmless(text: &str) {
    let harmful =
        text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{2028}'..='\u{202e}'));
    assert_eq!(harmful, None, "in {text}");
    assert!(text.ends_with('\n') && !text.contains("\ntwo") && !text.contains("\nsubgraph"), "{text}");
}

#[test]
fn nothing_is_run_and_no_runtime_is_needed() {
    for format in Format::ALL {
        assert!(!listed(*format).is_empty());
    }
    assert!(!RAN.load(Ordering::SeqCst));
}

#[test]
fn text_of_authors_is_harmless_in_every_format() {
    for format in Format::ALL {
        assert_harmless(&listed(*format));
    }
}

#[test]
fn json_has_every_key_for_every_check() {
    let names: Vec<_> = objects().iter().map(|object| object["name"].as_str().unwrap().to_owned()).collect();
    let hostile = format!("zz/{HOSTILE_NAME}");
    assert_eq!(names, ["billing/ledger", "billing/shards/*", "db", "informational", "network", &hostile]);

    let keys = "name description probes timeout interval cache max_age failure_threshold success_threshold backoff idle \
                critical scope group depends_on enabled kind location";
    let keys: Vec<_> = keys.split(' ').collect();
    for object in objects() {
        let object = object.as_object().unwrap();
        assert_eq!(object.len(), keys.len(), "{object:?}");
        assert!(keys.iter().all(|key| object.contains_key(*key)), "{object:?}");
    }
    // Escaped on the way out, and whole again for who reads it.
    assert_eq!(object(&hostile)["description"], HOSTILE_TEXT);
}

#[test]
fn json_says_what_is_declared_and_what_applies() {
    let mut db = object("db");
    let location = db["location"].take();
    assert_eq!(
        db,
        json!({
            "name": "db", "description": "The primary | answers `SELECT 1`.", "probes": ["ready", "startup"],
            "timeout": "1m 30s", "interval": "10s", "cache": "10s", "max_age": "2m", "failure_threshold": 1,
            "success_threshold": 1, "backoff": null, "idle": null, "critical": true, "scope": null, "group": null,
            "depends_on": ["network", "elsewhere"], "enabled": true, "kind": "check", "location": null,
        })
    );
    let line =
        include_str!("listing.rs").lines().position(|line| line.starts_with("async fn database")).unwrap()
            + 1;
    assert!(location.as_str().unwrap().ends_with(&format!("listing.rs:{line}:10")), "{location}");

    // Shared is not critical unless that is declared; the timeout is the default; without a doc comment no description.
    let network = object("network");
    let stated = ["description", "timeout", "critical", "scope", "enabled"].map(|key| network[key].clone());
    assert_eq!(Value::from_iter(stated), json!([null, "700ms", false, "shared", false]));
    let stated = ["interval", "cache", "max_age", "failure_threshold"].map(|key| network[key].clone());
    assert_eq!(Value::from_iter(stated), json!(["never", "1s", "30s 700ms", 3]));

    assert_eq!(object("informational")["probes"], json!([]));
    let ledger = object("billing/ledger");
    assert_eq!([&ledger["kind"], &ledger["group"], &ledger["scope"]], ["component", "payments", "local"]);
    // A canary: what it does not declare follows from its idle time and its backoff.
    let stated = ["idle", "interval", "cache", "backoff", "max_age"].map(|key| ledger[key].clone());
    assert_eq!(Value::from_iter(stated), json!(["1m 30s", "1m 30s", "1m 30s", "10m", "30m 700ms"]));
    let shards = object("billing/shards/*");
    assert_eq!([&shards["kind"], &shards["description"]], ["each", "One for each region."]);
    assert_eq!(shards["critical"], false);
}

#[test]
fn the_table_is_aligned() {
    let table = listed(Format::Table);
    let mut lines = table.lines();
    let heading = lines.next().unwrap();
    let titles = "NAME|PROBES|CRITICAL|TIMEOUT|INTERVAL|FAILURE THRESHOLD|BACKOFF|IDLE|SCOPE|GROUP|DEPENDS ON|ENABLED|KIND";
    let start = |title| heading.find(title).unwrap_or_else(|| panic!("no {title} in {heading}"));
    let starts: Vec<_> = titles.split('|').map(start).collect();
    assert!(starts.is_sorted());
    let db: Vec<_> = lines.find(|line| line.starts_with("db ")).unwrap().chars().collect();
    let cells =
        "db |ready,startup |yes |1m 30s |10s |1 |- |- |- |- |network, elsewhere |yes |check ".split('|');
    assert_eq!(cells.clone().count(), starts.len());
    for (start, cell) in starts.into_iter().zip(cells) {
        assert!(db[start..].iter().collect::<String>().starts_with(cell), "{cell} in {table}");
        assert!(start == 0 || db[start - 1] == ' ');
    }
    assert!(table.ends_with("\n\n6 checks are declared.\n"), "{table}");
    assert!(table.lines().all(|line| line.trim_end() == line));
}

#[test]
fn a_table_says_when_a_check_runs() {
    let table = listed(Format::Table);
    for (name, cells) in [
        ("network", "network ready no 700ms never 3 - - shared - - no check"),
        (
            "billing/ledger",
            "billing/ledger live yes 700ms 1m 30s 1 10m 1m 30s local payments - yes component",
        ),
    ] {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert!(words.join(" ").starts_with(cells), "{cells} in {table}");
    }
}

#[test]
fn a_table_leaves_out_what_no_check_declares() {
    for (format, [shown, left_out]) in [
        (Format::Table, ["BACKOFF", "CACHE"]),
        (Format::Table, ["FAILURE THRESHOLD", "SUCCESS THRESHOLD"]),
        (Format::Markdown, ["| idle |", "| max age |"]),
    ] {
        let text = listed(format);
        let heading = text.lines().next().unwrap();
        assert!(heading.contains(shown) && !heading.contains(left_out), "{heading}");
    }
}

#[test]
fn a_check_that_weighs_nowhere_is_not_shown_as_critical() {
    let table = listed(Format::Table);
    let line = table.lines().find(|line| line.starts_with("informational")).unwrap();
    assert_eq!(line.split_whitespace().take(3).collect::<Vec<_>>(), ["informational", "none", "-"]);
}

#[test]
fn markdown_keeps_its_cells() {
    let markdown = listed(Format::Markdown);
    let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let mut lines = markdown.lines();
    let heading = lines.next().unwrap();
    assert!(heading.starts_with("| name | probes |"), "{heading}");
    assert_eq!(lines.next().unwrap().replace("| --- ", ""), "|");
    assert_eq!(markdown.lines().count(), 2 + 6);
    for line in markdown.lines() {
        assert_eq!(cells(line), cells(heading), "{line}");
    }
    assert!(markdown.contains(r"The primary \| answers \`SELECT 1\`."), "{markdown}");
    // Without what is escaped, nothing is left that means something.
    let mut plain = String::new();
    let mut characters = markdown.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            characters.next();
        } else {
            plain.push(character);
        }
    }
    assert!(!plain.contains(['`', '*', '_', '[', ']', '<', '>', '~', '&', '$']), "{plain}");
}

#[test]
fn mermaid_draws_what_depends_on_what() {
    let mermaid = listed(Format::Mermaid);
    let mut lines = mermaid.lines();
    assert_eq!(lines.next(), Some("flowchart TD"));
    let identifier = |name: &str| {
        let label = format!("[\"{name}\"]");
        let line =
            mermaid.lines().find(|line| line.contains(&label)).unwrap_or_else(|| panic!("{name}\n{mermaid}"));
        line.trim().rsplit(' ').next().unwrap().split('[').next().unwrap().to_owned()
    };
    let [db, network, ledger, shards] =
        ["db", "network", "billing/ledger", "billing/shards/#42;"].map(identifier);
    let [informational, elsewhere] = ["informational", "elsewhere"].map(identifier);
    for (from, to) in [(&db, &network), (&shards, &ledger), (&informational, &shards)] {
        assert_eq!(mermaid.matches(&format!("    {from} --> {to}\n")).count(), 1, "{mermaid}");
    }
    assert!(mermaid.contains(&format!("{db} --> {elsewhere}[\"elsewhere\"]:::missing\n")), "{mermaid}");
    assert_eq!(mermaid.matches(&format!("--> {db}\n")).count(), 1, "an edge is drawn once: {mermaid}");

    for (name, class) in [("db", "critical"), ("network", "disabled"), ("informational", "optional")] {
        assert!(mermaid.contains(&format!("[\"{name}\"]:::{class}\n")), "{name} is {class}: {mermaid}");
        assert!(mermaid.contains(&format!("classDef {class} ")), "{mermaid}");
    }
    let group = "    subgraph group2[\"payments\"]\n";
    let (_, members) = mermaid.split_once(group).unwrap_or_else(|| panic!("no {group} in {mermaid}"));
    let (members, _) = members.split_once("    end\n").unwrap();
    assert!(members.contains("billing/ledger") && members.contains("billing/shards/"), "{mermaid}");
    assert_eq!(members.lines().count(), 2, "{mermaid}");
}

#[test]
fn mermaid_labels_are_plain() {
    let allowed = |c: char| c.is_alphanumeric() || " -_/#;".contains(c);
    for line in listed(Format::Mermaid).lines().filter(|line| line.contains("[\"")) {
        let (_, label) = line.split_once("[\"").unwrap();
        let (label, rest) = label.split_once("\"]").unwrap();
        assert!(label.chars().all(allowed), "{line}");
        assert!(
            rest.is_empty() || rest.strip_prefix(":::").unwrap().chars().all(char::is_alphabetic),
            "{line}"
        );
    }
}

#[test]
fn an_unknown_format_lists_the_known_ones() {
    let error = "jsno".parse::<Format>().unwrap_err();
    let known =
        "the known formats are `table`, `json`, `markdown`, `mermaid`, `kubernetes`, `prometheus-rules`";
    assert_eq!(error.to_string(), format!("unknown format `jsno`: did you mean `json`? {known}"));
    // What `main` prints when it returns the error.
    assert_eq!(format!("{error:?}"), error.to_string());

    let far = "\u{1b}xyz".parse::<Format>().unwrap_err();
    assert_eq!(far.to_string(), format!("unknown format `\\u{{1b}}xyz`; {known}"));
    let _: &dyn std::error::Error = &far;

    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().as_ref(), Ok(format));
        assert!(error.to_string().contains(format.as_str()));
    }
}

fn run(example: &str, args: &[&str]) -> Output {
    Command::new(programs::example(example)).args(args).output().expect("the example runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_example_lists_its_own_checks_in_every_format() {
    for format in Format::ALL {
        let Output { status, stdout, stderr } = run("list_checks", &["--format", format.as_str()]);
        assert!(status.success() && stderr.is_empty(), "{format}: {}", text(&stderr));
        let telling = if *format == Format::Kubernetes { "startupProbe:" } else { "billing/ledger" };
        assert!(text(&stdout).contains(telling), "{format}: {}", text(&stdout));
    }
    let json: Value = serde_json::from_slice(&run("list_checks", &["--format=json"]).stdout).unwrap();
    let kinds: Vec<_> = json.as_array().unwrap().iter().map(|object| &object["kind"]).collect();
    for kind in ["check", "component", "each"] {
        assert!(kinds.contains(&&json!(kind)), "{kind} in {json}");
    }
    assert_eq!(run("list_checks", &[]).stdout, run("list_checks", &["--format", "table"]).stdout);
}

#[test]
fn the_example_refuses_what_it_does_not_know() {
    let known = Format::ALL.iter().map(|format| format.as_str());
    let cases: [(&[&str], &str); 5] = [
        (&["--format", "jsno"], "error: unknown format `jsno`: did you mean `json`?"),
        (&["--format="], "error: `--format` needs a value"),
        (&["--format"], "error: `--format` needs a value"),
        (&["--frmat=json"], "error: unexpected argument `--frmat=json`"),
        (&["json"], "error: unexpected argument `json`"),
    ];
    for (args, message) in cases {
        let Output { status, stdout, stderr } = run("list_checks", args);
        assert!(!status.success() && stdout.is_empty(), "{args:?}: {}", text(&stdout));
        assert!(text(&stderr).starts_with(message), "{args:?}: {}", text(&stderr));
        assert!(known.clone().all(|word| text(&stderr).contains(word)), "{args:?}: {}", text(&stderr));
    }
}

#[test]
fn the_example_of_components_reports_all_of_them() {
    let Output { status, stdout, stderr } = run("components", &[]);
    assert!(status.success(), "{}", text(&stderr));
    for line in [
        "[~]billing/invoices degraded: falls behind",
        "[~]billing/shards/us failed: offline for maintenance",
        "[+]billing/archive/volume ok",
        "[+]billing/ledger ok",
        "[+]billing/shards/eu ok",
        "[+]spare/volume ok",
        "ready check passed",
    ] {
        assert!(text(&stdout).lines().any(|printed| printed == line), "{line} in {}", text(&stdout));
    }
}
