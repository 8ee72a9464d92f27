//! A management listener with TLS answers those who speak it, and is not hurt by those who do not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use health_actix::{Management, Server, server};
use health_core::{Health, Spec};
use health_tests::http::Wire;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that nobody knows but this client. No provider is installed for the process: the configurations have it.
fn configurations() -> (ServerConfig, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(default_provider());
    let server =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    (
        server.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap(),
        client.unwrap().with_root_certificates(roots).with_no_client_auth(),
    )
}

fn health() -> Health {
    Health::builder().check_fn(Spec::named("db"), || async {}).build().unwrap().start()
}

fn started(at: &str, config: ServerConfig, limit: impl FnOnce(Server) -> Server) -> (Management, SocketAddr) {
    let management = limit(server(health()).bind_rustls_0_23(at, config).unwrap()).start().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, management.addresses()[0].port()));
    (management, address)
}

async fn connected(address: SocketAddr, client: &ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let tcp = TcpStream::connect(address).await?;
    let connecting = TlsConnector::from(Arc::new(client.clone())).connect(name, tcp);
    timeout(PATIENCE, connecting).await.expect("in time")
}

/// The whole answer.
async fn get(address: SocketAddr, client: &ClientConfig, path: &str) -> String {
    let mut stream = connected(address, client).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("in time")
        .expect("closed as TLS wants it");
    answer
}

#[tokio::test]
async fn it_answers_whom_it_can_speak_with() {
    let (config, client) = configurations();
    let (management, address) = started("127.0.0.1:0", config, |server| server);
    let answer = get(address, &client, "/health/ready").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(r#""name":"db""#), "{answer}");
    assert_eq!(management.probe_port(), None);
}

#[tokio::test]
async fn to_the_outside_it_shows_a_word_and_is_no_port_for_plain_probes() {
    let (config, client) = configurations();
    let (management, address) = started("0.0.0.0:0", config, |server| server);
    assert!(get(address, &client, "/health/ready").await.ends_with(r#"{"status":"healthy"}"#));
    assert!(get(address, &client, "/health/checks/db").await.starts_with("HTTP/1.1 404 "));
    assert_eq!(management.probe_port(), None, "a probe without `scheme: HTTPS` would not be answered");
}

#[tokio::test]
async fn it_speaks_http_1_whatever_its_configuration_offers() {
    let (mut config, mut client) = configurations();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (_management, address) = started("127.0.0.1:0", config, |server| server);
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = connected(address, &client).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    client.alpn_protocols = vec![b"h2".to_vec()];
    connected(address, &client).await.unwrap_err();
}

#[tokio::test]
async fn a_connection_is_kept_open_for_more_requests() {
    let (config, client) = configurations();
    let (_management, address) = started("127.0.0.1:0", config, |server| server);
    let mut stream = connected(address, &client).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.expect("in time").unwrap().into());
        }
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    }
}

#[tokio::test]
async fn who_does_not_speak_tls_hurts_nobody() {
    let (config, client) = configurations();
    let (_management, address) = started("127.0.0.1:0", config, |server| server.max_connections(2));
    for nonsense in
        [&b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"", b"\x16\x03\x01\xff\xff\x01", &[0xff; 40_000]]
    {
        for _ in 0..3 {
            let mut wire = Wire::to(address).await;
            wire.send(nonsense).await;
            // It may not be read to its end.
            wire.reset();
        }
        assert!(get(address, &client, "/health/live").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(timeout(PATIENCE, plain.read_to_end(&mut answer)).await.expect("closed in time"));
    assert!(!answer.starts_with(b"HTTP/"), "nothing is said in plain text");
}

#[tokio::test]
async fn a_handshake_that_does_not_end_loses_its_place() {
    let (config, client) = configurations();
    let limit = |server: Server| server.max_connections(4).request_timeout(Duration::from_secs(2));
    let (_management, address) = started("127.0.0.1:0", config, limit);
    let mut attackers = Vec::new();
    for begun in [&b""[..], b"\x16\x03\x01\x02", b"\x16", b""] {
        let mut attacker = TcpStream::connect(address).await.unwrap();
        attacker.write_all(begun).await.unwrap();
        attackers.push(attacker);
    }
    assert!(get(address, &client, "/health/live").await.starts_with("HTTP/1.1 200 OK\r\n"));
    for mut attacker in attackers {
        let mut rest = Vec::new();
        drop(timeout(PATIENCE, attacker.read_to_end(&mut rest)).await.expect("cut off"));
    }
    // After the handshake the limits are those of any listener.
    let mut silent = connected(address, &client).await.unwrap();
    assert_eq!(timeout(PATIENCE, silent.read(&mut [0])).await.expect("cut off").unwrap(), 0);
    let mut slow = connected(address, &client).await.unwrap();
    slow.write_all(b"GET /health HT").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, slow.read_to_string(&mut answer)).await.expect("cut off").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn it_stands_beside_a_listener_without_tls() {
    let (config, client) = configurations();
    let both = server(health()).bind_rustls_0_23("127.0.0.1:0", config).unwrap().bind("0.0.0.0:0").unwrap();
    let management = both.start().unwrap();
    let [tls, plain] = management.addresses() else { panic!("two listeners") };
    assert!(get(*tls, &client, "/health/live").await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(management.probe_port(), Some(plain.port()));
}
