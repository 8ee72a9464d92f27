//! Whoever wants one backend builds the client of that backend and no other; whoever wants none builds next to nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What a client brings along by itself, although it is what another feature is about.
const BROUGHT_ALONG: [(&str, &str); 2] = [
    // tonic and reqwest speak HTTP with it.
    ("grpc", "hyper"),
    // async-nats speaks TLS with it.
    ("nats", "tokio-rustls"),
];

/// How tokio reaches the network, on Linux.
const SOCKETS: [&str; 3] = ["libc", "mio", "socket2"];

type Names = BTreeSet<String>;

fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--locked", "--offline"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The names of everything that is built for a package with these features.
fn tree(package: &str, features: &str) -> Names {
    let tree = cargo(&[
        "tree",
        "--edges=normal",
        "--prefix=none",
        "--no-default-features",
        "--package",
        package,
        "--features",
        features,
    ]);
    tree.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Each feature of `health-builtins`, and what it says that it enables.
fn declared() -> BTreeMap<String, Names> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let package =
        packages.iter().find(|package| package["name"] == "health-builtins").expect("it is a member");
    let features = package["features"].as_object().expect("a table");
    features.iter().map(|(name, enables)| (name.clone(), Names::from_iter(strings(enables)))).collect()
}

/// Each feature, and the clients that it is about, by itself or because of another feature that it enables.
fn features() -> BTreeMap<String, Names> {
    let mut clients = declared();
    for _ in 0..clients.len() {
        // What a feature enables that is a feature itself enables more.
        let known = clients.clone();
        for enabled in clients.values_mut() {
            let further = enabled.iter().filter_map(|name| known.get(name)).flatten().cloned();
            let further: Vec<_> = further.collect();
            enabled.extend(further);
        }
    }
    for enabled in clients.values_mut() {
        // A driver of sqlx is a client: `sqlx/mysql` is the crate `sqlx-mysql`.
        let client = |name: &String| {
            let driver = name.strip_prefix("sqlx/").map(|driver| format!("sqlx-{driver}"));
            driver.or_else(|| Some(name.strip_prefix("dep:")?.to_owned()))
        };
        *enabled = enabled.iter().filter_map(client).collect();
    }
    clients
}

#[test]
fn every_client_belongs_to_one_feature() {
    let mut owners: BTreeMap<String, Names> = BTreeMap::new();
    for (feature, enables) in declared() {
        // The drivers of sqlx are apart, it is not.
        for client in enables.iter().filter(|name| name.starts_with("dep:") && *name != "dep:sqlx") {
            owners.entry(client.clone()).or_default().insert(feature.clone());
        }
    }
    assert!(owners.contains_key("dep:redis"), "{owners:?}");
    owners.retain(|_, features| features.len() > 1);
    assert!(owners.is_empty(), "{owners:?}");
}

#[test]
fn no_feature_pulls_what_another_is_about() {
    let features = features();
    let all: Names = features.values().flatten().cloned().collect();
    for client in ["redis", "sqlx-postgres", "tokio-postgres", "reqwest", "lapin", "async-nats", "tonic"] {
        assert!(all.contains(client), "{client} is a client: {all:?}");
    }
    let mut faults = Vec::new();
    for (feature, own) in &features {
        let built = tree("health-builtins", feature);
        let may = |client: &str| own.contains(client) || BROUGHT_ALONG.contains(&(feature, client));
        faults.extend(own.difference(&built).map(|client| format!("{feature} does not pull {client}")));
        let foreign = all.intersection(&built).filter(|client| !may(client));
        faults.extend(foreign.map(|client| format!("{feature} pulls {client}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn without_features_there_is_nothing_but_the_core_and_sockets() {
    let core = tree("health-core", "");
    assert!(core.contains("tokio"), "{core:?}");
    let mut more: Names = tree("health-builtins", "").difference(&core).cloned().collect();
    assert!(more.remove("health-builtins"));
    more.retain(|name| !SOCKETS.contains(&&**name));
    assert!(more.is_empty(), "{more:?}");
}
