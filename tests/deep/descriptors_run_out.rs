//! A process that opens files until it may open no more, and what `Descriptors` says meanwhile.

#![cfg(target_os = "linux")]

use std::fs::{self, File};

use health_builtins::Recommended as _;
use health_builtins::descriptors::Descriptors;
use health_core::Status;
use health_deep_tests::asked::Deep;
use health_tests::leaks::alone;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const LIMIT: u64 = 100;

/// Some may have numbers beyond the limit: inherited ones.
fn open() -> usize {
    // Without the one through which they are listed.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

#[test]
fn it_is_told_before_and_while_none_is_left() {
    alone("it_is_told_before_and_while_none_is_left", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let check = Descriptors::open().unhealthy_above(0.95);
            let limited = Deep::started("descriptors", check.spec("descriptors"), check);
            let check = Descriptors::open();
            let deep = Deep::started("descriptors", check.spec("descriptors"), check);
            let hard = getrlimit(Resource::Nofile).maximum;
            setrlimit(Resource::Nofile, Rlimit { current: Some(LIMIT), maximum: hard }).unwrap();
            deep.told().await.is_healthy();

            let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
            let none = "all file descriptors of the process are open, more than 80 %";
            deep.told().await.is_degraded(none);
            limited.told().await.is_unhealthy("all file descriptors of the process are open, more than 95 %");

            // One is free, to read the limit through.
            drop(files.pop());
            let summary = format!("{} of 100 file descriptors are open, more than 80 %", open());
            deep.told().await.is_degraded(&summary);
            while open() > 80 {
                drop(files.pop().unwrap());
            }
            let told = deep.told().await;
            told.is_healthy();
            assert_eq!((&told.data["open"], &told.data["limit"]), (&80.into(), &100.into()));
            assert_eq!(limited.told().await.status, Ok(Status::Healthy));
        });
    });
}
