//! A name: what is wrong with it or with the name servers is told in words, in time, and each run asks what it says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::dns::Dns;
use health_core::{Health, HealthCheck as _};
use health_deep_tests::asked::Deep;
use health_tests::leaks::{self, Left, Place};
use health_tests::servers::{Process, Scratch, eventually, free_port, installed};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use rustix::process::{Pid, Signal, kill_process};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A name server that knows some names, one of them for a minute, and writes down what it is asked.
struct Dnsmasq {
    program: PathBuf,
    scratch: Scratch,
    port: u16,
    running: Option<Process>,
}

impl Dnsmasq {
    fn start() -> Option<Self> {
        let program = installed("dnsmasq")?;
        let mut server =
            Self { program, scratch: Scratch::new("health-dns"), port: free_port(), running: None };
        server.restart("one.test,10.0.0.1,fd00::1,60");
        Some(server)
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("log")
    }

    fn restart(&mut self, record: &str) {
        self.running = None;
        let mut command = Command::new(&self.program);
        command.args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--pid-file",
        ]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--user=root", "--log-queries"]);
        command.args(["--local=/test/", "--txt-record=no-address.test,text"]);
        command.args(["--host-record=three.test,10.0.0.1", "--host-record=three.test,10.0.0.2"]);
        command.args(["--host-record=three.test,10.0.0.3", "--host-record=six.test,fd00::6"]);
        command.args(["--host-record=found.search.test,10.0.0.9"]);
        command.arg(format!("--host-record={record}")).arg(format!("--port={}", self.port));
        command.arg(format!("--log-facility={}", self.log().display()));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(Process::start(&mut command));
    }

    fn signal(&self, signal: Signal) {
        let id = self.running.as_ref().expect("it runs").0.id();
        let id = Pid::from_raw(i32::try_from(id).expect("a process")).expect("a process");
        kill_process(id, signal).expect("it is there");
    }

    fn questions(&self) -> usize {
        asked_in(&self.log())
    }
}

fn asked_in(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().matches("query[").count()
}

/// With the name server at this port, and a cache as large as this.
fn resolver(port: u16, cache: u64) -> TokioResolver {
    asking(ConnectionConfig::udp(), port, cache)
}

fn over_tcp(port: u16) -> TokioResolver {
    asking(ConnectionConfig::tcp(), port, 0)
}

fn asking(mut connection: ConnectionConfig, port: u16, cache: u64) -> TokioResolver {
    connection.port = port;
    let servers = vec![NameServerConfig::new(LOCALHOST, true, vec![connection])];
    let mut config = ResolverConfig::from_name_servers(servers);
    config.add_search("search.test.".parse().expect("a name"));
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().cache_size = cache;
    builder.options_mut().timeout = Duration::from_millis(200);
    builder.options_mut().attempts = 1;
    builder.build().expect("a resolver")
}

fn deep(dns: Dns) -> Deep {
    Deep::started("name", dns.spec("name").timeout("3s"), dns)
}

#[tokio::test]
async fn each_fault_has_its_words() {
    let Some(mut server) = Dnsmasq::start() else { return };
    let fresh = resolver(server.port, 0);
    deep(Dns::resolves(&fresh, "one.test.")).recovers().await;

    let addresses = |numbers: &[u8]| {
        let addresses = numbers.iter().map(|number| IpAddr::from([10, 0, 0, *number]));
        addresses.collect::<Vec<_>>()
    };
    for dns in [
        Dns::resolves(&fresh, "one.test"),
        Dns::resolves(&fresh, "three.test.").at_least(3).only(addresses(&[1, 2, 3, 4])),
        Dns::resolves(&fresh, "six.test."),
        // In a search domain.
        Dns::resolves(&fresh, "found"),
    ] {
        let told = deep(dns.clone()).told().await;
        told.is_healthy();
        assert!(told.data["addresses"].as_u64() >= Some(1), "{told:?}");
    }
    let told = deep(Dns::resolves(&fresh, "three.test.").at_least(4)).told().await;
    told.is_degraded("the name has 3 of at least 4 addresses");
    for (dns, expected) in [
        (Dns::resolves(&fresh, "nobody.test."), "the name does not exist"),
        // With a dot at its end it is not looked for in the search domain.
        (Dns::resolves(&fresh, "found."), "the name servers refused to answer"),
        (Dns::resolves(&fresh, "no-address.test."), "the name has no address"),
        (Dns::resolves(&fresh, "elsewhere.example."), "the name servers refused to answer"),
        (Dns::resolves(&fresh, "one.test.").only(addresses(&[2])), "2 of 2 addresses are not expected ones"),
        // Nobody tells a socket that asks over UDP that nobody listens.
        (Dns::resolves(&resolver(free_port(), 0), "one.test."), "the name servers did not answer"),
        (Dns::resolves(&over_tcp(free_port()), "one.test."), "the name servers cannot be reached"),
    ] {
        deep(dns).told().await.is_unhealthy(expected);
    }

    let (kept, fresh) = (resolver(server.port, 100), deep(Dns::resolves(&fresh, "one.test.")));
    let kept = deep(Dns::resolves(&kept, "one.test."));
    kept.told().await.is_healthy();
    // What is kept is not asked again, what is fresh is one question for each family.
    for (deep, per_run) in [(&kept, 0), (&fresh, 2)] {
        deep.told().await.is_healthy();
        let before = server.questions();
        for _ in 0..10 {
            deep.told().await.is_healthy();
        }
        assert_eq!(server.questions() - before, 10 * per_run);
    }

    server.signal(Signal::STOP);
    fresh.told().await.is_unhealthy("the name servers did not answer");
    server.signal(Signal::CONT);
    fresh.recovers().await;

    server.signal(Signal::KILL);
    server.running = None;
    fresh.told().await.is_unhealthy("the name servers did not answer");
    // As its page says.
    let old = kept.told().await;
    old.is_healthy();
    assert!((1..=60).contains(&old.data["kept_for_s"].as_u64().expect("a number")), "{old:?}");

    // The name is gone from the server that comes back.
    server.restart("two.test,10.0.0.2");
    eventually("the name is gone", async || {
        fresh.told().await.summary.as_deref() == Some("the name does not exist")
    })
    .await;
    server.restart("one.test,10.0.0.1,fd00::1,60");
    fresh.recovers().await;
}

/// Answers each question with this code, or not at all.
fn always(code: Option<u8>) -> SocketAddr {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            if let Some(code) = code {
                // RFC 1035, section 4.1.1: this is a response, and this is how it ended.
                packet[2] |= 0x80;
                packet[3] = code;
                drop(socket.send_to(&packet[..length], from));
            }
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_fails_or_is_silent_is_told_apart() {
    for (server, expected) in [
        (always(Some(2)), "the name servers failed to find out"),
        (always(Some(5)), "the name servers refused to answer"),
        (always(None), "the name servers did not answer"),
    ] {
        deep(Dns::resolves(&resolver(server.port(), 0), "one.test.")).told().await.is_unhealthy(expected);
    }
    let silent = Dns::resolves(&resolver(always(None).port(), 0), "one.test.");
    Deep::started("name", silent.spec("name").timeout("100ms"), silent).told().await.timed_out();
}

#[tokio::test]
async fn the_resolver_of_this_machine_is_opened_when_that_is_said() {
    // Whatever it says about names elsewhere: this one every resolver knows by itself.
    deep(Dns::with_system_resolver("localhost.").expect("a configuration")).told().await.is_healthy();
}

#[tokio::test]
async fn nobody_is_named_and_a_wrong_name_is_found_where_it_is_written() {
    let nobody = ResolverConfig::from_name_servers(Vec::new());
    let resolver = TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default()).build();
    let dns = Dns::resolves(&resolver.expect("nobody to ask"), "hunter2.example.");
    assert_eq!(format!("{dns:?}"), "Dns { at_least: 1, .. }");
    let problems = Health::builder().check(dns.spec("Not A Name"), dns).build().expect_err("a wrong name");
    assert!(problems.to_string().contains(file!()), "{problems}");
}

#[test]
fn a_thousand_runs_leave_nothing_behind() {
    leaks::alone("a_thousand_runs_leave_nothing_behind", || {
        let silent = always(None);
        let failing = always(Some(2));
        let left = leaks::after(Place::OneThread, leaks::PATIENCE, async || {
            let failing = Dns::resolves(&resolver(failing.port(), 0), "one.test.");
            let silent = Dns::resolves(&resolver(silent.port(), 0), "one.test.");
            for _ in 0..500 {
                assert!(failing.check().await.is_err());
                let cut_off = tokio::time::timeout(Duration::from_millis(1), silent.check()).await;
                assert!(cut_off.is_err());
            }
        });
        assert_eq!(left, Left::nothing());
    });
}
