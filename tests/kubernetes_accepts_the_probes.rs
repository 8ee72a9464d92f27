//! The probes written for a container are what Kubernetes reads, and follow from the values passed.

use std::time::Duration;

use health_actix::Shutdown;
use health_core::{Format, KubernetesProbes, Probe, catalog};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::{Value, json};

fn written(probes: KubernetesProbes) -> String {
    catalog().listing(Format::Kubernetes).kubernetes(probes).to_string()
}

/// What is written for a container, and for its pod.
fn container_and_pod(probes: KubernetesProbes) -> (Value, Value) {
    let yaml = written(probes);
    let (container, pod) = yaml.split_once("\n---\n").expect("two documents");
    let [mut container, mut pod] = [container, pod]
        .map(|part| serde_saphyr::from_str::<Value>(part).unwrap_or_else(|error| panic!("{error}\n{part}")));
    container["name"] = json!("app");
    pod["containers"] = json!([container]);
    (container, pod)
}

fn container(probes: KubernetesProbes) -> Value {
    container_and_pod(probes).0
}

/// What the types of Kubernetes know of it: a field that they do not know is lost.
fn as_kubernetes_reads(container: &Value) -> Value {
    let container: Container = serde_json::from_value(container.clone()).expect("a container");
    serde_json::to_value(container).unwrap()
}

#[test]
fn kubernetes_knows_every_field() {
    let mut written = container(KubernetesProbes::default());
    assert_eq!(as_kubernetes_reads(&written), written);
    assert_eq!(written.as_object().unwrap().len(), 4, "the name and three probes");
    written["livenessProbe"]["timeoutSecond"] = json!(1);
    assert_ne!(as_kubernetes_reads(&written), written, "a field that is not known goes unnoticed");
}

#[test]
fn kubernetes_asks_each_probe_at_its_own_path() {
    let defaults = container(KubernetesProbes::default());
    let probes = [("livenessProbe", "live"), ("readinessProbe", "ready"), ("startupProbe", "startup")];
    for (key, probe) in probes {
        assert_eq!(defaults[key]["httpGet"], json!({ "path": format!("/health/{probe}"), "port": 8080 }));
    }
    for (mount, under) in [("/", ""), ("", ""), ("status/", "/status"), ("/a b\n\"é\\: #", "/a b\n\"é\\: #")]
    {
        let moved = container(KubernetesProbes::default().port(9000).mount(mount));
        for (key, probe) in probes {
            assert_eq!(moved[key]["httpGet"], json!({ "path": format!("{under}/{probe}"), "port": 9000 }));
        }
        assert_eq!(as_kubernetes_reads(&moved), moved);
    }
}

#[test]
fn kubernetes_asks_each_probe_at_the_port_that_serves_it() {
    let ports = |probes| {
        let container = container(probes);
        assert_eq!(as_kubernetes_reads(&container), container);
        ["livenessProbe", "readinessProbe", "startupProbe"]
            .map(|key| container[key]["httpGet"]["port"].clone())
    };
    let defaults = KubernetesProbes::default;
    assert_eq!(ports(defaults().probe_port(Probe::Live, 9000)), [9000, 8080, 8080]);
    assert_eq!(ports(defaults().probe_port(Probe::Ready, 9000).port(80)), [80, 9000, 80], "in either order");
    let all = defaults().probe_port(Probe::Startup, 3).probe_port(Probe::Live, 9).probe_port(Probe::Ready, 2);
    assert_eq!(ports(all.probe_port(Probe::Live, 1)), [1, 2, 3], "the last word counts");
}

/// What the management listener says is where a kubelet finds it.
#[tokio::test]
async fn kubernetes_is_told_the_port_of_the_management_listener() {
    let health = health_core::Health::builder().build().unwrap().start();
    let server = health_actix::server(health).bind(("127.0.0.1", 0)).unwrap().bind(("0.0.0.0", 0)).unwrap();
    let management = server.start().unwrap();
    let port = management.probe_port().expect("one of them is reached from outside");
    let probes = container(KubernetesProbes::default().probe_port(Probe::Live, port));
    let asked = &probes["livenessProbe"]["httpGet"];
    assert_eq!(asked["port"], management.addresses()[1].port());
    let path = asked["path"].as_str().unwrap();
    let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
    assert_eq!(health_tests::http::get(address, path).await.code, 200);
}

#[test]
fn kubernetes_limits_follow_from_deadline_and_budget() {
    let milliseconds = Duration::from_millis;
    let most = i32::MAX;
    // The deadline, then the timeouts of liveness, and of readiness and startup.
    let timeouts = [
        (Duration::ZERO, 5, 1),
        (milliseconds(800), 5, 1),
        (milliseconds(1000), 5, 1),
        (Duration::from_nanos(1_000_000_001), 5, 2),
        (milliseconds(4500), 5, 5),
        (milliseconds(5001), 6, 6),
        (Duration::MAX, most, most),
    ];
    for (deadline, live, others) in timeouts {
        let written = container(KubernetesProbes::default().deadline(deadline));
        let found = ["livenessProbe", "readinessProbe", "startupProbe"]
            .map(|key| written[key]["timeoutSeconds"].clone());
        assert_eq!(found, [live, others, others], "{deadline:?}");
        assert_eq!(as_kubernetes_reads(&written), written);
    }
    // The budget, then how many failures are allowed.
    let thresholds = [
        (Duration::ZERO, 1),
        (milliseconds(1), 1),
        (milliseconds(10_000), 1),
        (milliseconds(10_001), 2),
        (milliseconds(300_000), 30),
        (milliseconds(305_000), 31),
        (Duration::MAX, most),
    ];
    for (budget, failures) in thresholds {
        let written = container(KubernetesProbes::default().startup_budget(budget));
        let startup = &written["startupProbe"];
        assert_eq!(startup["failureThreshold"], failures, "{budget:?}");
        assert_eq!([&startup["periodSeconds"], &startup["successThreshold"]], [10, 1]);
        for key in ["livenessProbe", "readinessProbe"] {
            let fixed =
                ["periodSeconds", "failureThreshold", "successThreshold"].map(|field| &written[key][field]);
            assert_eq!(fixed, [10, 3, 1]);
        }
        assert_eq!(as_kubernetes_reads(&written), written);
    }
}

#[test]
fn kubernetes_gives_the_process_the_time_it_takes_to_leave() {
    let s = Duration::from_secs;
    let kubernetes = |drain_delay, finish_limit, exit_limit, propagation| {
        let shutdown = Shutdown { drain_delay, finish_limit, exit_limit };
        let (container, pod) =
            container_and_pod(shutdown.kubernetes(KubernetesProbes::default()).propagation(propagation));
        let read: PodSpec = serde_json::from_value(pod.clone()).expect("a pod");
        assert_eq!(serde_json::to_value(read).unwrap(), pod, "every field is known");
        (
            container["lifecycle"]["preStop"]["sleep"]["seconds"].clone(),
            pod["terminationGracePeriodSeconds"].clone(),
        )
    };
    let none = Value::Null;
    assert_eq!(kubernetes(s(10), s(15), Some(s(3)), s(5)), (none.clone(), json!(30)), "it serves for longer");
    assert_eq!(kubernetes(s(5), s(15), Some(s(3)), s(5)), (none.clone(), json!(25)), "it serves for as long");
    assert_eq!(kubernetes(s(5), s(15), None, s(5)), (none, json!(22)));
    assert_eq!(kubernetes(s(0), s(15), Some(s(3)), s(5)), (json!(5), json!(25)), "it does not serve on");
    let millis = Duration::from_millis;
    assert_eq!(
        kubernetes(millis(1500), millis(200), Some(millis(100)), s(5)),
        (json!(4), json!(8)),
        "in whole seconds"
    );
    assert_eq!(kubernetes(s(10), s(40), Some(s(3)), s(30)), (json!(20), json!(75)));
    let (most, zero) = (Duration::MAX, Duration::ZERO);
    assert_eq!(kubernetes(zero, most, Some(most), most), (json!(i32::MAX), json!(i32::MAX)));

    // The defaults of both are the same, and stay within what Kubernetes gives to whoever says nothing.
    let defaults = written(KubernetesProbes::default());
    assert_eq!(defaults, written(Shutdown::default().kubernetes(KubernetesProbes::default())));
    assert!(defaults.contains("\nterminationGracePeriodSeconds: 30 # "), "{defaults}");
}
