//! A management listener on a Unix socket answers like any other, takes over what the dead left, and touches nothing of
//! the living.

#![cfg(unix)]

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use health_actix::{Management, server};
use health_core::{Exposure, Health, Spec};
use health_tests::servers::{Scratch, installed};

/// On a runtime of its own, so that a test may block.
fn health() -> Health {
    Health::builder().check_fn(Spec::named("db"), || async {}).build().unwrap().start_dedicated().unwrap()
}

fn started(path: &Path) -> Management {
    server(health()).bind_uds(path).unwrap().start().unwrap()
}

/// The code and the whole of the answer.
fn get(path: &Path, target: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(path).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[test]
fn it_shows_the_checks_to_those_who_may_connect() {
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    let management = started(&path);
    let (code, answer) = get(&path, "/health/ready");
    assert!(code == 200 && answer.contains(r#""name":"db""#), "{answer}");
    assert!(management.addresses().is_empty());
    assert_eq!(management.probe_port(), None, "a kubelet does not reach it");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "its user and its group, whatever the umask");

    let word = server(health()).endpoints(|endpoints| endpoints.exposure(Exposure::Status));
    let path = scratch.path().join("word.sock");
    let _management = word.bind_uds(&path).unwrap().start().unwrap();
    assert!(get(&path, "/health/ready").1.ends_with(r#"{"status":"healthy"}"#));
}

#[test]
fn a_client_of_the_trade_reads_it() {
    let Some(curl) = installed("curl") else {
        return;
    };
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    let _management = started(&path);
    let mut curl = Command::new(curl);
    let output = curl.args(["-fsS", "--max-time", "10", "--unix-socket"]);
    let output = output.arg(&path).args(["http://x/health/live", "http://x/health/ready"]).output().unwrap();
    let body = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && body.contains(r#""probe":"ready""#), "{body}");
}

#[test]
fn the_limits_are_those_of_any_listener() {
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    let limited = server(health()).max_connections(4).request_timeout(Duration::from_secs(1)).max_head(1024);
    let _management = limited.bind_uds(&path).unwrap().start().unwrap();
    let silent: Vec<_> = (0..4).map(|_| UnixStream::connect(&path).unwrap()).collect();
    assert_eq!(get(&path, "/health/live").0, 200);
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(get(&path, &format!("/{}", "x".repeat(2000))).0, 431);
}

#[test]
fn the_file_goes_away_with_the_listener_and_that_of_another_stays() {
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    drop(started(&path));
    assert!(!path.exists());
    // One that was bound and never started.
    drop(server(health()).bind_uds(&path).unwrap());
    assert!(!path.exists());
    // One whose path somebody else has taken meanwhile.
    let management = started(&path);
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(management);
    assert!(path.exists());
    drop(other);
    // Stopped gently.
    let path = scratch.path().join("gently.sock");
    futures::executor::block_on(started(&path).stop());
    assert!(!path.exists());
}

#[test]
fn the_socket_of_a_dead_process_is_replaced() {
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    // What is left of a process that was killed: the file without anybody who listens.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _management = started(&path);
    assert_eq!(get(&path, "/health/live").0, 200);
}

#[test]
fn the_socket_of_a_living_process_is_an_error_and_stays() {
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    let refused = |path: &Path| {
        let error = server(health()).bind_uds(path).unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(fs::symlink_metadata(path).is_ok(), "nothing was removed");
        error.kind()
    };
    let management = started(&path);
    assert_eq!(refused(&path), ErrorKind::AddrInUse);
    assert_eq!(get(&path, "/health/live").0, 200, "it goes on answering");
    drop(management);

    // One that does not accept, and whose backlog is full: who connects would wait for ever.
    let wedged = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    wedged.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    wedged.listen(0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    assert_eq!(refused(&path), ErrorKind::AddrInUse);
    drop(wedged);

    let datagrams = scratch.path().join("datagrams.sock");
    let _theirs = UnixDatagram::bind(&datagrams).unwrap();
    assert_eq!(refused(&datagrams), ErrorKind::AddrInUse);

    let file = scratch.path().join("file");
    fs::write(&file, "precious").unwrap();
    assert_eq!(refused(&file), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(refused(&link), ErrorKind::AlreadyExists);
    assert_eq!(refused(scratch.path()), ErrorKind::AlreadyExists);
}

#[test]
fn a_path_that_cannot_be_is_an_error_that_says_which() {
    let scratch = Scratch::new("uds");
    for path in [scratch.path().join("no/such/folder"), scratch.path().join("x".repeat(200))] {
        let error = server(health()).bind_uds(&path).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

/// A process that starts while this one ends would take a socket to which nobody listens for that of a dead one, and the
/// file that it makes in its place might then be removed.
#[test]
fn the_file_is_gone_before_nobody_listens() {
    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    // Odd from when it listens until it is gone.
    let turn = AtomicUsize::new(0);
    let refused = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            loop {
                let before = turn.load(Ordering::SeqCst);
                if before > 20_000 {
                    return false;
                }
                let is_refused = UnixStream::connect(&path)
                    .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
                if before % 2 == 1 && is_refused && turn.load(Ordering::SeqCst) == before {
                    return true;
                }
            }
        });
        let health = health();
        for _ in 0..10_001 {
            let listening = server(health.clone()).bind_uds(&path).unwrap();
            turn.fetch_add(1, Ordering::SeqCst);
            drop(listening);
            turn.fetch_add(1, Ordering::SeqCst);
        }
        watching.join().unwrap()
    });
    assert!(!refused, "there was a file to which nobody listened");
}

/// Where no umask forbids it, others would get into the backlog, and with that to everything.
#[cfg(target_os = "linux")]
#[test]
fn at_no_time_may_others_connect() {
    use std::os::unix::fs::MetadataExt as _;

    let scratch = Scratch::new("uds");
    let path = scratch.path().join("health.sock");
    let is_over = AtomicBool::new(false);
    let open = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                match fs::symlink_metadata(&path) {
                    Ok(found) if found.mode() & 0o117 != 0 => return Some(found.mode()),
                    _ => {}
                }
            }
            None
        });
        let health = health();
        for _ in 0..10_000 {
            drop(server(health.clone()).bind_uds(&path).unwrap());
        }
        is_over.store(true, Ordering::SeqCst);
        watching.join().unwrap()
    });
    assert_eq!(open, None, "more than its mode at the end");
}
