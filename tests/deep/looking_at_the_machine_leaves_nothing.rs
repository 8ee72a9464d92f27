//! A thousand runs of each check of this machine leave no file, descriptor, task or thread.

#![cfg(target_os = "linux")]

use std::fs;

use health_builtins::descriptors::Descriptors;
use health_builtins::disk::DiskSpace;
use health_builtins::folder::Folder;
use health_builtins::load::Load;
use health_builtins::memory::Memory;
use health_builtins::psi::Psi;
use health_builtins::runtime::{BlockingLag, RuntimeLag};
use health_core::{HealthCheck, Status};
use health_tests::leaks::{Left, PATIENCE, Place, after, alone};
use health_tests::servers::Scratch;
use tokio::runtime::Handle;

const RUNS: usize = 1_000;

fn leaves_nothing(test: &str, scenario: impl AsyncFn()) {
    alone(test, || {
        for place in [Place::OneThread, Place::SeveralThreads] {
            assert_eq!(after(place, PATIENCE, &scenario), Left::nothing(), "on {place:?}");
        }
    });
}

/// None of them is told that it cannot be known.
async fn asked(times: usize, what: &str, check: impl HealthCheck) {
    for _ in 0..times {
        let outcome = check.check().await.unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
        let summary = outcome.summary().unwrap_or_default();
        let is_known = outcome.status() == Status::Healthy || summary.contains(", more than ");
        assert!(is_known, "{what}: {outcome:?}");
    }
}

#[test]
fn by_reading_what_the_kernel_tells() {
    leaves_nothing("by_reading_what_the_kernel_tells", async || {
        asked(RUNS, "memory", Memory::used()).await;
        asked(RUNS, "memory of the machine", Memory::of_the_machine()).await;
        asked(RUNS, "load", Load::per_processor()).await;
        asked(RUNS, "descriptors", Descriptors::open()).await;
        if Psi::is_offered() {
            asked(RUNS, "processors", Psi::cpu()).await;
            asked(RUNS, "memory pressure", Psi::memory()).await;
            asked(RUNS, "disks", Psi::io().of_the_machine()).await;
        }
    });
}

#[test]
fn by_looking_at_disks() {
    leaves_nothing("by_looking_at_disks", async || {
        let scratch = Scratch::new("left");
        asked(RUNS, "space", DiskSpace::of(scratch.path())).await;
        asked(RUNS, "readable", Folder::readable(scratch.path())).await;
        asked(RUNS, "writable", Folder::writable(scratch.path())).await;
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    });
}

#[test]
fn by_errands_on_a_runtime() {
    leaves_nothing("by_errands_on_a_runtime", async || {
        asked(RUNS, "tasks", RuntimeLag::of(&Handle::current())).await;
        asked(RUNS, "pool", BlockingLag::of(&Handle::current())).await;
    });
}

/// Those that are dropped at once, again and again.
#[test]
fn by_being_cut_off() {
    leaves_nothing("by_being_cut_off", async || {
        let scratch = Scratch::new("left");
        let (writable, lag) = (Folder::writable(scratch.path()), RuntimeLag::of(&Handle::current()));
        let pool = BlockingLag::of(&Handle::current());
        for _ in 0..RUNS {
            tokio::select! { biased; _ = writable.check() => {} () = tokio::task::yield_now() => {} }
            tokio::select! { biased; _ = lag.check() => {} () = tokio::task::yield_now() => {} }
            tokio::select! { biased; _ = pool.check() => {} () = tokio::task::yield_now() => {} }
        }
        while fs::read_dir(scratch.path()).unwrap().count() > 0 {
            tokio::task::yield_now().await;
        }
    });
}
