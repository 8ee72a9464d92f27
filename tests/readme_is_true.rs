//! What the README shows is what there is.

use health_core::{Exposure, Format, Health, Outcome, Probe, Spec, catalog};

const README: &str = include_str!("../README.md");

/// The content of the first fenced block of this language that contains the words.
fn block(language: &str, words: &str) -> &'static str {
    let opening = format!("```{language}\n");
    let blocks = README.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .into_iter()
        .find(|block| block.contains(words))
        .unwrap_or_else(|| panic!("no {language} block with {words}"))
}

#[test]
fn the_kubernetes_snippet_is_what_the_listing_writes() {
    assert_eq!(block("yaml", "livenessProbe"), catalog().listing(Format::Kubernetes).to_string());
}

#[test]
fn the_haproxy_snippet_is_the_file_that_is_tested() {
    assert_eq!(block("haproxy", "option httpchk"), include_str!("../docs/haproxy.cfg"));
}

#[test]
fn the_attribute_table_has_every_key_and_no_other() {
    let unknown = include_str!("fixtures/mistakes/ui/unknown_key.stderr");
    let (_, known) = unknown.split_once("known keys are ").expect("the error lists the known keys");
    let known = known.lines().next().expect("a line");
    let mut known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    let (_, table) = README.split_once("## The attribute").expect("a chapter");
    let (table, _) = table.split_once("\n## ").expect("another chapter");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut shown: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    known.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, known);
}

#[tokio::test]
async fn the_json_sample_has_the_fields_of_a_real_answer_in_their_order() {
    // A failing check with everything that the sample shows: an earlier success, a group, a cause.
    let well = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let flag = std::sync::Arc::clone(&well);
    let cause = move || {
        let well = flag.load(std::sync::atomic::Ordering::SeqCst);
        std::future::ready(if well { Outcome::healthy() } else { Outcome::unhealthy("x") })
    };
    // Asked anew by every poll.
    let spec = |name: &'static str| Spec::named(name).interval("never").cache("1ns");
    let builder = Health::builder().check_fn(spec("a"), cause.clone());
    let builder = builder.check_fn(spec("b").group("g").depends_on(["a"]), cause);
    let health = builder.build().expect("valid").start();
    health.report(Probe::Ready).await;
    well.store(false, std::sync::atomic::Ordering::SeqCst);
    let report = health.report(Probe::Ready).await;
    let real = serde_json::to_string(&report.view(Exposure::Checks)).expect("serialises");

    let sample = block("json", "failing");
    let keys = |json: &str| {
        let quoted = json.split('"').collect::<Vec<_>>();
        quoted
            .windows(2)
            .filter(|pair| pair[1].starts_with(':'))
            .map(|pair| pair[0].to_owned())
            .collect::<Vec<_>>()
    };
    let (top, entries) = real.split_once("\"checks\":").expect("checks");
    let (sample_top, sample_entries) = sample.split_once("\"checks\":").expect("checks");
    assert_eq!(keys(sample_top), keys(top));
    let whole: Vec<_> = keys(entries.split('}').nth(1).expect("the entry of `b`"));
    assert_eq!(whole.last().map(String::as_str), Some("because_of"));
    for entry in sample_entries.split("},") {
        let mut rest = whole.iter();
        for key in keys(entry) {
            assert!(rest.any(|known| *known == key), "`{key}` is unknown or out of order in {entry}");
        }
    }
}
