//! What operators write, and what stands in a `Spec`: it is applied, or refused with words; nothing panics.
//!
//! The first byte says in which form the rest is: JSON, TOML, variables of ours or of Dynamo, or a description.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use health_actix::dialect::Dynamo;
use health_core::{Gate, Health, HealthConfig, Quorum, Reporter, Spec};
use libfuzzer_sys::fuzz_target;

/// What is tuned.
fn tuned(config: HealthConfig) {
    let known = Health::builder()
        .check_fn(Spec::named("db").group("storage"), || async {})
        .check_fn(Spec::named("storage/read-replica").idle("5s"), || async {})
        .check_fn(Spec::named("a-b").backoff("1m").depends_on(["a_b"]), || async {})
        .check_fn(Spec::named("a_b").interval("never"), || async {})
        .reporter(&Reporter::new(Spec::named("consumer").max_age("2m")));
    judge(known.config(config));
}

/// Applied, or refused with words.
fn judge(builder: health_core::HealthBuilder) {
    match builder.build() {
        Ok(assembly) => {
            for name in assembly.names() {
                assert!(is_a_name(name), "{name:?}");
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.trim().is_empty());
            assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
        }
    }
}

fn is_a_name(name: &str) -> bool {
    let is_known = |c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '/');
    (1..=128).contains(&name.len()) && name.chars().all(is_known) && !name.split('/').any(str::is_empty)
}

/// `NAME=value`, one a line, whatever bytes they are made of.
fn variables(lines: &[u8]) -> impl Iterator<Item = (OsString, OsString)> {
    lines.split(|byte| *byte == b'\n').map(|line| {
        let at = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        let (name, value) = line.split_at(at);
        (OsString::from_vec(name.into()), OsString::from_vec(value.get(1..).unwrap_or_default().into()))
    })
}

fn described(text: &str) {
    let mut words = text.split('\n').map(str::to_owned);
    let mut next = || words.next().unwrap_or_default();
    let spec = Spec::named(next())
        .describe(next())
        .timeout(next())
        .interval(&*next())
        .cache(next())
        .max_age(next())
        .group(next())
        .depends_on([next(), next()]);
    let reporter = Reporter::new(Spec::named(next()).max_age(next()));
    judge(
        Health::builder()
            .check_fn(spec, || async {})
            .check_fn(Spec::named(next()).backoff(next()).idle(next()), || async {})
            .reporter(&reporter)
            .gate(&Gate::new(next()))
            .group(next(), Quorum::at_least(1))
            .deadline(next())
            .require([next()])
            .disable(next()),
    );
}

fuzz_target!(|data: &[u8]| {
    let Some((form, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    health_fuzz::run(async {
        match form {
            b'j' => serde_json::from_slice(rest).map(tuned).unwrap_or_default(),
            b't' => toml::from_str(&text).map(tuned).unwrap_or_default(),
            b'v' => tuned(HealthConfig::from_vars(variables(rest))),
            b'd' => match Dynamo::worker_from_vars(variables(rest)) {
                Ok(dynamo) => tuned(dynamo.config()),
                Err(error) => assert!(!error.to_string().contains(|c: char| c.is_control() && c != '\n')),
            },
            _ => described(&text),
        }
    });
});
