//! The certificates in a file: their end is told in time, and a file that cannot be read is told in words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::tls::Tls;
use health_core::{HealthCheck as _, Status};
use health_deep_tests::asked::Deep;
use health_deep_tests::certificates::{Authority, Shown, days, key};
use health_tests::servers::{Scratch, eventually};
use rcgen::{BasicConstraints, IsCa};

fn deep(tls: Tls, timeout: &'static str) -> Deep {
    Deep::started("tls", tls.spec("tls").timeout(timeout), tls)
}

#[tokio::test]
async fn the_files_of_this_machine_are_read_anew() {
    let folder = Scratch::new("health-tls");
    let path = folder.path().join("chain.pem");
    let write = |shown: &Shown| {
        let chain: String = shown.chain.iter().map(|der| pem_of("CERTIFICATE", der)).collect();
        std::fs::write(&path, pem_of("PRIVATE KEY", &shown.key.serialize_der()) + &chain).expect("a file");
    };
    let deep = deep(Tls::file(&path), "5s");
    deep.told().await.is_unhealthy("the file does not exist");
    let long = Authority::below_for(2000);
    write(&long.signs(-10, 60));
    deep.told().await.is_healthy();
    write(&Authority::below_for(2).signs(-10, 60));
    deep.told().await.is_degraded("an intermediate certificate ends in 2 days: renew it now");
    write(&long.signs(-60, -3));
    deep.told().await.is_unhealthy("the certificate ended 2 days ago");
    // Who has signed it all is known to whoever trusts it.
    let mut with_root = long.signs(-10, 60);
    let mut old = days(-60, -3, "the root");
    old.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    with_root.chain.push(old.self_signed(&key()).expect("a root").der().clone());
    write(&with_root);
    deep.told().await.is_healthy();

    for (text, expected) in [
        (pem_of("PRIVATE KEY", &key().serialize_der()), "the file holds no certificate"),
        (String::new(), "the file holds no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            "the file is not valid PEM",
        ),
        (" ".repeat(1024 * 1024 + 1), "the file is too large for certificates"),
    ] {
        std::fs::write(&path, text).expect("a file");
        deep.told().await.is_unhealthy(expected);
    }
    std::fs::write(&path, pem_of("CERTIFICATE", b"hunter2-is-no-password")).expect("a file");
    deep.told().await.is_degraded("the certificate cannot be read");
    std::fs::remove_file(&path).expect("a file");
    std::fs::create_dir(&path).expect("a folder");
    deep.told().await.is_unhealthy("the file cannot be read");
}

fn pem_of(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for piece in der.chunks(3) {
        let bits =
            piece.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - piece.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= piece.len() { char::from(digit) } else { '=' });
        }
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// Whoever waits at this pipe is let go on, also when the test fails.
struct Released(PathBuf);

impl Drop for Released {
    fn drop(&mut self) {
        // To do both is the way to open one without waiting.
        drop(std::fs::OpenOptions::new().read(true).write(true).open(&self.0));
    }
}

/// A pipe into which nobody writes is opened by nobody: like a file of a server that is gone.
fn hanging(path: &Path) -> Released {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
    assert!(made.success());
    Released(path.to_owned())
}

/// How many threads of this process read something that may hang.
fn readers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "health-look").count()
}

#[tokio::test]
async fn a_file_that_hangs_holds_a_few_threads_and_no_more() {
    let folder = Scratch::new("health-tls");
    let path = folder.path().join("chain.pem");
    let released = hanging(&path);
    // One of its own for each run, as an annotated function may have.
    for _ in 0..20 {
        assert!(
            tokio::time::timeout(Duration::from_millis(50), Tls::file(&path).check())
                .await
                .map_or(true, |told| told.is_err())
        );
    }
    assert!(readers() <= 8, "{} threads", readers());
    let deep = deep(Tls::file(&path), "200ms");
    assert_eq!(deep.told().await.status, Ok(Status::Unhealthy));
    drop(released);
    std::fs::remove_file(&path).expect("a pipe");
    eventually("it is read again", async || {
        deep.told().await.summary.as_deref() == Some("the file does not exist")
    })
    .await;
}

#[test]
fn a_file_that_hangs_does_not_hold_up_the_end_of_the_runtime() {
    let folder = Scratch::new("health-tls");
    let path = folder.path().join("chain.pem");
    let released = hanging(&path);
    let (ended, end) = std::sync::mpsc::channel();
    let at = path.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let told = runtime
            .block_on(async { tokio::time::timeout(Duration::from_millis(50), Tls::file(at).check()).await });
        drop(runtime);
        ended.send(told.is_err())
    });
    assert_eq!(end.recv_timeout(Duration::from_secs(10)), Ok(true), "it hangs, and the runtime has ended");
    drop(released);
}
