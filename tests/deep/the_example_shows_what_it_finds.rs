//! The example `deep_checks` asks the servers that it finds, says how to start the others, and tells no password.

use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use health_deep_tests::asked::SECRET;
use health_deep_tests::redis::Redis;
use health_tests::programs::example;
use health_tests::servers::{Scratch, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// With these variables and no others, so that what is set where the tests run changes nothing.
fn program(variables: &[(&str, &str)], temporary: &Scratch) -> Command {
    let mut command = Command::new(example("deep_checks"));
    command.env_clear().env("TMPDIR", temporary.path()).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// What it printed, and what it complained about. Neither has the secret in it.
fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let (printed, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(!printed.contains(SECRET) && !complaint.contains(SECRET), "{printed}\n{complaint}");
    (printed, complaint)
}

fn url(redis: &Redis) -> String {
    format!("redis://app:{SECRET}@{}/", redis.address())
}

/// The status that the table gives a check.
fn status<'a>(table: &'a str, name: &str) -> &'a str {
    let row = table.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(' '));
    let row = row.unwrap_or_else(|| panic!("{name} has a row: {table}"));
    row.split_whitespace().next().expect("a status")
}

#[tokio::test]
async fn what_is_there_is_asked_and_what_is_not_is_said_how_to_start() {
    let Some(redis) = Redis::start(&[]).await else { return };
    let scratch = Scratch::new("shown");
    let variables =
        [("REDIS_URL", &*url(&redis)), ("POSTGRES_URL", &format!("postgres://app:{SECRET}@127.0.0.1:1/app"))];
    let output = program(&variables, &scratch).arg("--once").output().await.expect("it starts");
    let (table, complaint) = told(&output);
    assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", output.status);

    for name in ["redis/ping", "redis/round-trip", "redis/replication"] {
        assert_eq!(status(&table, name), "healthy", "{table}");
    }
    for name in ["sqlite/ping", "sqlite/query", "sqlite/write", "sqlite/integrity", "sqlite/pool"] {
        assert_eq!(status(&table, name), "healthy", "{table}");
    }
    for name in ["folder/writable", "http", "downstream", "tcp", "all-of", "only-if"] {
        assert_eq!(status(&table, name), "healthy", "{table}");
    }
    // One of two is meant to be down, and nobody listens on port 1. It ends well all the same.
    assert_eq!((status(&table, "any-of"), status(&table, "breaker")), ("degraded", "unhealthy"), "{table}");
    assert_eq!(status(&table, "postgres/ping"), "unhealthy", "{table}");
    assert!(table.contains("\nAll in all: degraded\n"), "{table}");

    // These are never looked for at a port, so that nothing that runs here is found.
    let (_, absent) = table.split_once("\nNot asked. To have it asked:\n").expect("not everything is here");
    for line in [
        "  a cluster of Redis\n    docker run --rm ",
        "\n    export REDIS_CLUSTER_URL=redis://127.0.0.1:7000/\n",
        "\n    export TLS_HOST=example.com\n",
    ] {
        assert!(absent.contains(line), "{line} is missing: {absent}");
    }
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named_and_its_value_is_not() {
    let scratch = Scratch::new("refused");
    for (name, value) in [
        ("DATABASE_URL", format!("oracle://app:{SECRET}@host/app")),
        ("DOWNSTREAM_URL", format!("http://app:{SECRET}@host/health")),
        ("GRPC_URL", format!("http://app:{SECRET}@host:port")),
        ("HTTP_URL", SECRET.to_owned()),
        ("MYSQL_URL", format!("mysql://app:{SECRET}@host:port/app")),
        ("NATS_URL", format!("nats://app:{SECRET}@host:port")),
        ("POSTGRES_URL", format!("postgres://app:{SECRET}@host:port/app")),
        ("REDIS_CLUSTER_URL", format!("rediss://:{SECRET}@host/")),
        ("REDIS_URL", format!("redis://:{SECRET}@host:port/")),
        ("SQLITE_URL", format!("sqlite:///file?mode={SECRET}")),
    ] {
        let output = program(&[(name, &value)], &scratch).arg("--once").output().await.expect("it starts");
        let (table, complaint) = told(&output);
        assert_eq!((output.status.code(), &*table), (Some(2), ""), "{name}: {complaint}");
        let begins = format!("error: {name} cannot be used: it must be like ");
        assert!(complaint.starts_with(&begins) && complaint.lines().count() == 1, "{complaint}");
    }
}

#[tokio::test]
async fn each_change_is_told_until_it_is_interrupted() {
    let Some(mut redis) = Redis::start(&[]).await else { return };
    let scratch = Scratch::new("told");
    let mut program = program(&[("REDIS_URL", &url(&redis))], &scratch).spawn().expect("it starts");
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let mut output = BufReader::new(program.stdout.take().expect("it is piped")).lines();
    let collected = Arc::clone(&lines);
    let reading = tokio::spawn(async move {
        while let Ok(Some(line)) = output.next_line().await {
            collected.lock().expect("whole").push(line);
        }
    });
    let has = |words: &[&str]| {
        let lines = lines.lock().expect("whole");
        lines.iter().any(|line| line.split_whitespace().skip(1).take(2).eq(words.iter().copied()))
    };
    let is_shown = async || lines.lock().expect("whole").iter().any(|line| line.ends_with("until Ctrl-C."));
    eventually("the table is there", is_shown).await;
    redis.kill();
    eventually("its end is told", async || has(&["unhealthy", "redis/ping"])).await;
    redis.restart().await;
    eventually("its return is told", async || has(&["healthy", "redis/ping"])).await;

    let id = program.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs");
    kill_process(id, Signal::INT).expect("it is ours");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), program.wait());
    assert!(ended.await.expect("in time").expect("it ends").success());
    reading.await.expect("all is read");
    assert!(!lines.lock().expect("whole").iter().any(|line| line.contains(SECRET)));
    assert_eq!(std::fs::read_dir(scratch.path()).expect("a folder").count(), 0, "nothing is left behind");
}
