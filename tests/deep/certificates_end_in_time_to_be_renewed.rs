//! A certificate: its end is told in time, whoever signed it, and what is wrong with the server is told in words.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::tls::Tls;
use health_core::{Health, HealthCheck as _, Status};
use health_deep_tests::apart::Apart;
use health_deep_tests::asked::Deep;
use health_deep_tests::certificates::{Authority, self_signed};
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_deep_tests::tls::{TLS12, TLS13, Wants, config, saying, serve, server_of, showing};
use health_tests::leaks::{self, Left, Place};
use health_tests::servers::{eventually, free_port};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore, ServerConfig, version};

/// The configuration of an application, that trusts nobody of this test.
fn application() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn asking(port: u16) -> Tls {
    Tls::expiry(format!("localhost:{port}")).speaking(&application())
}

fn deep(tls: Tls) -> Deep {
    Deep::started("tls", tls.spec("tls").timeout("10s"), tls)
}

#[tokio::test]
async fn the_earliest_end_is_told_in_time() {
    let long = Authority::below_for(2000);
    let healthy = |tls: Tls| async move { deep(tls).told().await.is_healthy() };

    let server = showing(long.signs(-10, 60));
    let port = server.address().port();
    let told = deep(asking(port)).told().await;
    told.is_healthy();
    assert_eq!(told.data["days_left"], 60, "{told:?}");
    let ends = told.data["not_after"].as_str().expect("a date");
    // Made a moment ago, with five minutes more.
    let days =
        [4, 5].map(|minutes| OffsetDateTime::now_utc() + time::Duration::minutes(60 * 24 * 60 + minutes));
    assert!(days.iter().any(|day| ends.starts_with(&day.date().to_string())), "{ends}");
    healthy(asking(port).trusted_by(long.roots())).await;
    let told = deep(asking(port).degraded_within(Duration::from_secs(61 * 86_400))).told().await;
    told.is_degraded("the certificate ends in 60 days");

    let another = Authority::below_for(2000);
    for (tls, expected) in [
        (asking(port).trusted_by(another.roots()), "the certificate is not trusted"),
        (
            asking(port).trusted_by(long.roots()).server_name("other.example"),
            "the certificate is for another name",
        ),
        (asking(port).server_name("not a name"), "no certificate can be for this name"),
        (asking(port).trusted_by(RootCertStore::empty()), "the configuration for TLS cannot be used"),
    ] {
        deep(tls).told().await.is_unhealthy(expected);
    }
    // Unasked, whom it is for is not judged.
    healthy(asking(port).server_name("other.example")).await;

    let server = showing(self_signed(-1, 365));
    healthy(asking(server.address().port())).await;
    let told = deep(asking(server.address().port()).trusted_by(long.roots())).told().await;
    told.is_unhealthy("the certificate is not trusted");

    let soon = Authority::below_for(2);
    for (shown, expected) in [
        (long.signs(-10, 13), "the certificate ends in 13 days"),
        (long.signs(-10, 2), "the certificate ends in 2 days: renew it now"),
        (soon.signs(-10, 60), "an intermediate certificate ends in 2 days: renew it now"),
        (self_signed(-10, 13), "the certificate ends in 13 days"),
    ] {
        let server = showing(shown);
        deep(asking(server.address().port())).told().await.is_degraded(expected);
    }
    for (shown, expected) in [
        (long.signs(-60, -3), "the certificate ended 2 days ago"),
        (long.signs(3, 60), "the certificate is not valid yet: it begins in 2 days"),
        (self_signed(-60, -3), "the certificate ended 2 days ago"),
    ] {
        let server = showing(shown);
        deep(asking(server.address().port())).told().await.is_unhealthy(expected);
        // That nobody trusts it for that is not said twice.
        let told = deep(asking(server.address().port()).trusted_by(long.roots())).told().await;
        told.is_unhealthy(expected);
    }
}

/// Only `trusted_by` knows whether there is a way around it.
#[tokio::test]
async fn an_intermediate_certificate_alone_is_never_unhealthy() {
    let (long, over) = (Authority::below_for(2000), Authority::below_for(-3));
    let ended = "an intermediate certificate ended 2 days ago";

    let server = showing(over.signs(-10, 60));
    let port = server.address().port();
    deep(asking(port)).told().await.is_degraded(ended);
    let told = deep(asking(port).trusted_by(over.roots())).told().await;
    told.is_unhealthy("a certificate of the chain has ended");

    // An old one beside that which is needed.
    let mut with_old = long.signs(-10, 60);
    with_old.chain.extend(over.signs(-10, 60).chain.pop());
    let server = showing(with_old);
    let port = server.address().port();
    deep(asking(port)).told().await.is_degraded(ended);
    deep(asking(port).trusted_by(long.roots())).told().await.is_degraded(ended);
}

#[tokio::test]
async fn what_is_not_written_as_it_should_be_is_not_called_invalid() {
    let long = Authority::below_for(2000);
    let odd = Authority::with_a_long_number_for(2000);
    let server = showing(odd.signs(-10, 60));
    let port = server.address().port();
    deep(asking(port)).told().await.is_healthy();
    deep(asking(port).trusted_by(odd.roots())).told().await.is_healthy();

    let odd = showing(long.signs_with_a_long_number(-10, 60));
    let port = odd.address().port();
    deep(asking(port)).told().await.is_degraded("the certificate cannot be read");
    deep(asking(port).trusted_by(long.roots())).told().await.is_degraded("the certificate cannot be read");
    let told = deep(asking(port).trusted_by(Authority::below_for(2000).roots())).told().await;
    told.is_unhealthy("the certificate is not trusted");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_shows_its_own_before() {
    let authority = Authority::below_for(2000);
    for version in [&version::TLS13, &version::TLS12] {
        let wants = Wants { version, client: Some(&authority) };
        let (server, seen) = server_of(config(authority.signs(-10, 13), wants));
        let told = deep(asking(server.address().port()).trusted_by(authority.roots())).told().await;
        told.is_degraded("the certificate ends in 13 days");
        assert_eq!(seen.handshakes.load(Ordering::SeqCst), 0);
    }
}

/// In front of a server: resets the connection as soon as the client answers what the server said.
fn hanging_up(server: SocketAddr) -> Apart {
    Apart::start(move |listener: TcpListener| async move {
        while let Ok((client, _)) = listener.accept().await {
            // A reset instead of an end.
            client.set_zero_linger().expect("an option");
            tokio::spawn(answered_with_a_reset(client, server));
        }
    })
}

async fn answered_with_a_reset(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let mut hello = vec![0; 16 * 1024];
    let length = client.read(&mut hello).await?;
    server.write_all(&hello[..length]).await?;
    let (mut from_client, mut to_client) = client.split();
    tokio::select! {
        copied = tokio::io::copy(&mut server, &mut to_client) => copied.map(drop),
        answered = from_client.read_u8() => answered.map(drop),
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_and_hangs_up_has_shown_its_own() {
    let authority = Authority::below_for(2000);
    for version in [&version::TLS13, &version::TLS12] {
        let wants = Wants { version, client: Some(&authority) };
        let (server, _) = server_of(config(authority.signs(-10, 13), wants));
        let way = hanging_up(server.address());
        for tls in [asking(way.address().port()), asking(way.address().port()).trusted_by(authority.roots())]
        {
            deep(tls).told().await.is_degraded("the certificate ends in 13 days");
        }
    }
}

#[tokio::test]
async fn who_is_trusted_has_proved_to_have_the_key() {
    let authority = Authority::below_for(2000);
    for wants in [TLS13, TLS12] {
        let mut stolen = ServerConfig::clone(&config(authority.signs(-10, 60), wants));
        let own = self_signed(-10, 60).key;
        let key = PrivateKeyDer::try_from(own.serialize_der()).expect("a key");
        let key = ring::sign::any_supported_type(&key).expect("a key that signs");
        let stolen_key = CertifiedKey::new(authority.signs(-10, 60).chain, key);
        stolen.cert_resolver = Arc::new(SingleCertAndKey::from(stolen_key));
        let (server, _) = server_of(Arc::new(stolen));
        let port = server.address().port();
        deep(asking(port)).told().await.is_healthy();
        let told = deep(asking(port).trusted_by(authority.roots())).told().await;
        told.is_unhealthy("cannot connect: TLS failed");
    }
}

#[test]
fn nobody_is_named_and_a_wrong_name_is_found_where_it_is_written() {
    let (server, file) = (Tls::expiry("hunter2.example:443"), Tls::file("/hunter2.example"));
    let shown =
        format!("{:?} {file:?}", server.clone().server_name("hunter2.example").speaking(&application()));
    assert!(!shown.contains("hunter2") && !shown.contains("Config"), "{shown}");
    let problems =
        Health::builder().check(server.spec("Not A Name"), server).build().expect_err("a wrong name");
    assert!(problems.to_string().contains(file!()), "{problems}");
}

#[tokio::test]
async fn one_run_is_one_handshake_that_is_ended_and_never_resumed() {
    const RUNS: usize = 10;
    let authority = Authority::below_for(2000);
    for version in [&version::TLS13, &version::TLS12] {
        let (server, seen) = server_of(config(authority.signs(-10, 60), Wants { version, client: None }));
        let way = FaultProxy::to(server.address()).await;
        let deep = deep(asking(way.port()).trusted_by(authority.roots()));
        deep.told().await.is_healthy();
        let before = way.accepted();
        for _ in 0..RUNS {
            // One that was resumed would show nothing.
            deep.told().await.is_healthy();
        }
        assert_eq!(way.accepted() - before, RUNS);
        eventually("they are ended", async || {
            way.open() == 0 && seen.clean_ends.load(Ordering::SeqCst) == way.accepted()
        })
        .await;
        assert_eq!(seen.handshakes.load(Ordering::SeqCst), way.accepted());
        assert_eq!(seen.bytes.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn the_sessions_of_the_application_stay_its_own() {
    let authority = Authority::below_for(2000);
    let (server, _) = server_of(config(authority.signs(-10, 60), TLS12));
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let application = Arc::new(builder.with_root_certificates(authority.roots()).with_no_client_auth());
    let connected = async || {
        let connection = TcpStream::connect(server.address()).await.expect("it listens");
        let name = "localhost".try_into().expect("a name");
        let shaken = TlsConnector::from(Arc::clone(&application)).connect(name, connection).await;
        shaken.expect("it is trusted").get_ref().1.handshake_kind()
    };
    assert_eq!(connected().await, Some(HandshakeKind::Full));
    assert_eq!(connected().await, Some(HandshakeKind::Resumed));
    deep(asking(server.address().port()).speaking(&application)).told().await.is_healthy();
    assert_eq!(connected().await, Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn each_fault_has_its_words() {
    let mut server = showing(Authority::below_for(2000).signs(-10, 60));
    let way = FaultProxy::to(server.address()).await;
    let tls = asking(way.port());
    let deep = deep_within(tls, "700ms");
    deep.recovers().await;
    for (fault, expected) in [
        (Fault::BlackHole, None),
        (Fault::HalfOpen, None),
        (Fault::Latency(Duration::from_secs(5)), None),
        (Fault::Trickle, None),
        (Fault::Reset, Some("the connection was reset")),
    ] {
        way.set(fault);
        let told = deep.told().await;
        match expected {
            Some(expected) => told.is_unhealthy(expected),
            None => told.timed_out(),
        }
        way.set(Fault::None);
        deep.recovers().await;
    }
    eventually("nothing is left", async || way.open() == 0).await;

    let direct = deep_within(asking(server.address().port()), "700ms");
    direct.recovers().await;
    server.stop();
    direct.told().await.timed_out();
    server.go_on();
    direct.recovers().await;
    server.kill().await;
    direct.told().await.is_unhealthy("cannot connect: connection refused");
    server.restart().await;
    direct.recovers().await;

    let authority = Authority::below_for(2000);
    let old = server_of(config(authority.signs(-10, 60), TLS12)).0;
    let only_new = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .expect("a version")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let http = saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let (closing, gone) = (saying(b""), free_port());
    for (tls, expected) in [
        (asking(http.address().port()), "the server does not speak TLS"),
        (asking(closing.address().port()), "the connection was closed"),
        (asking(gone), "cannot connect: connection refused"),
        (asking(old.address().port()).speaking(&Arc::new(only_new)), "cannot connect: TLS failed"),
        (
            Tls::expiry("no-such-name.invalid:443").speaking(&application()),
            "cannot connect: the name does not resolve",
        ),
        (Tls::expiry("https://localhost").speaking(&application()), "the address is not `host:port`"),
    ] {
        deep_within(tls, "5s").told().await.is_unhealthy(expected);
    }
}

fn deep_within(tls: Tls, timeout: &'static str) -> Deep {
    Deep::started("tls", tls.spec("tls").timeout(timeout), tls)
}

/// The default is one for the whole process, so both are one test, alone in its own.
#[test]
fn without_a_configuration_it_takes_the_provider_of_the_process() {
    leaks::alone("without_a_configuration_it_takes_the_provider_of_the_process", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = showing(self_signed(-10, 60));
            let deep = deep(Tls::expiry(server.address().to_string()));
            deep.told().await.is_unhealthy("this process has no default crypto provider for TLS");
            CryptoProvider::install_default(ring::default_provider()).expect("there was none");
            deep.told().await.is_healthy();
        });
    });
}

#[test]
fn a_thousand_runs_leave_nothing_behind() {
    leaks::alone("a_thousand_runs_leave_nothing_behind", || {
        let left = leaks::after(Place::OneThread, leaks::PATIENCE, async || {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let config = config(self_signed(-10, 60), TLS13);
            let serving = tokio::spawn(serve(listener, config, Arc::default()));
            let up = asking(address.port());
            let silent =
                Tls::expiry(silent.local_addr().expect("it is bound").to_string()).speaking(&application());
            let gone = asking(free_port());
            for run in 0..1000 {
                match run % 4 {
                    0 => drop(tokio::time::timeout(Duration::from_millis(1), silent.check()).await),
                    1 => assert!(gone.check().await.is_err()),
                    _ => assert_eq!(up.check().await.expect("it is valid").status(), Status::Healthy),
                }
            }
            serving.abort();
        });
        assert_eq!(left, Left::nothing());
    });
}
