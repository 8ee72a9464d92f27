//! Texts that somebody wrote at run time: short, one line, and without the password in an address.
#![no_main]

use std::sync::OnceLock;

use health_core::{Failure, Health, Probe, Reporter, Spec};
use health_fuzz::answers::is_deceptive;
use libfuzzer_sys::fuzz_target;

/// The longest text that leaves, in bytes.
const LONGEST: usize = 1024;

/// In no text before it is planted.
const SECRET: &str = "s3cr3t";

struct Said {
    reporter: Reporter,
    health: Health,
}

static SAID: OnceLock<Said> = OnceLock::new();

fn said() -> &'static Said {
    SAID.get_or_init(|| {
        let reporter = Reporter::new(Spec::named("it").max_age("1h"));
        let health = Health::builder().reporter(&reporter).build().expect("a valid health");
        Said { reporter, health: health.start() }
    })
}

/// What becomes of a cause and a summary.
async fn clean(raw: &str) -> (String, String) {
    let Said { reporter, health } = said();
    reporter.unhealthy(Failure::new(raw.to_owned()).because(raw));
    let report = health.report(Probe::Ready).await;
    let entry = report.entry("it").expect("it is there");
    let cause = entry.cause().expect("a cause").to_owned();
    // A summary without a word is none.
    (entry.summary().unwrap_or(if cause.trim().is_empty() { &cause } else { "" }).to_owned(), cause)
}

fuzz_target!(|data: &[u8]| {
    let raw = String::from_utf8_lossy(data).replace(SECRET, "");
    health_fuzz::run(async {
        let (summary, cause) = clean(&raw).await;
        assert_eq!(summary, cause, "a summary and a cause are cleaned alike");
        assert!(cause.len() <= LONGEST, "{}", cause.len());
        assert!(!cause.contains(|c: char| c.is_control() || is_deceptive(c)), "{cause:?}");

        let (before, after) = raw.split_at(raw.floor_char_boundary(raw.len() / 2));
        for address in [format!("postgres://user:{SECRET}@host/db"), format!("redis://:{SECRET}@host")] {
            let (_, cause) = clean(&format!("{before} {address} {after}")).await;
            assert!(!cause.contains(SECRET), "{cause:?}");
        }
    });
});
