//! `compile_100`: what 100 annotated checks add to a clean debug build of a crate, over the same 100 functions without
//! the attribute; dependencies are built before and not counted.
//!
//! Run with: `cargo bench -p health-tests --bench compile_100`

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 11;

fn source(annotated: bool) -> String {
    let mut source =
        String::from("//! Generated.\n#![allow(dead_code, clippy::unused_async)]\npub struct Pool;\n");
    for n in 0..100 {
        if annotated {
            let _ = writeln!(
                source,
                "/// Check {n}.\n#[health_core::health_check(name = \"group/check-{n}\", timeout = \"2s\", critical = false)]"
            );
        }
        let _ = writeln!(
            source,
            "pub async fn check_{n}(pool: &Pool) -> Result<(), std::io::Error> {{ let _ = pool; std::future::ready(()).await; Ok(()) }}"
        );
    }
    source
}

fn cargo(package: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").expect("set by cargo"));
    cargo.args(["build", "--quiet", "--offline"]).current_dir(package);
    cargo
}

/// The time to build the crate anew, its dependencies being there.
fn build(package: &Path, annotated: bool) -> Duration {
    fs::write(package.join("src/lib.rs"), source(annotated)).expect("writable");
    let began = Instant::now();
    assert!(cargo(package).env("CARGO_INCREMENTAL", "0").status().expect("cargo runs").success());
    began.elapsed()
}

fn main() {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_100");
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../health-core");
    fs::create_dir_all(package.join("src")).expect("writable");
    let manifest = format!(
        "[package]\nname = \"compile_100\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\nhealth-core = {{ path = {core:?} }}\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).expect("writable");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    fs::copy(lock, package.join("Cargo.lock")).expect("writable");
    build(&package, true);
    let (mut plain, mut annotated, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (without, with) = (build(&package, false), build(&package, true));
        added.push(with.as_secs_f64() - without.as_secs_f64());
        plain.push(without);
        annotated.push(with);
    }
    plain.sort_unstable();
    annotated.sort_unstable();
    added.sort_by(f64::total_cmp);
    println!(
        "100 functions: {:.2?}; annotated: {:.2?}; added: {:.2} s (medians of {ROUNDS} interleaved rounds; added {:.2} to {:.2} s)",
        plain[ROUNDS / 2],
        annotated[ROUNDS / 2],
        added[ROUNDS / 2],
        added[0],
        added[ROUNDS - 1]
    );
}
