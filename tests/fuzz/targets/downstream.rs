//! What another service answers: no body brings the check down, nothing in it makes a 503 well, nor a status that is not
//! known, and what is said of it is one short line of text that can be printed.
//!
//! The first byte chooses the code and `X-Health-Status`, and all bytes after it are the body.
#![no_main]

use std::cell::RefCell;

use health_builtins::http::Downstream;
use health_core::{HealthCheck as _, Outcome, Status};
use libfuzzer_sys::fuzz_target;
use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const CODES: [u16; 4] = [200, 404, 429, 503];
const HEADERS: [Option<&str>; 5] =
    [None, Some("healthy"), Some("degraded"), Some("unhealthy"), Some("FATAL")];
const WELL: [&str; 4] = ["healthy", "pass", "up", "ok"];

thread_local! {
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static CHECK: &'static Downstream = health_fuzz::run(asked());
}

async fn asked() -> &'static Downstream {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::task::spawn_local(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(connection));
        }
    });
    // Time is paused: what waits for it would not wait at all.
    let client = Client::builder().no_proxy().pool_idle_timeout(None).build().expect("a client");
    Box::leak(Box::new(Downstream::of(&client, format!("http://{address}/")).expect("a URL")))
}

/// Every request on the connection is answered alike.
async fn serve(mut connection: TcpStream) {
    let mut request = Vec::new();
    while connection.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            let answer = ANSWER.with_borrow(Clone::clone);
            if connection.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn told(code: u16, header: Option<&str>, body: &[u8]) -> Outcome {
    let header = header.map(|word| format!("X-Health-Status: {word}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {code} X\r\nContent-Length: {}\r\n{header}\r\n", body.len());
    ANSWER.set([head.as_bytes(), body].concat());
    let check = CHECK.with(|check| *check);
    health_fuzz::run(check.check()).expect("it answered")
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let choice = usize::from(*choice);
    let (code, header) = (CODES[choice % CODES.len()], HEADERS[choice / CODES.len() % HEADERS.len()]);
    let outcome = told(code, header, body);
    let summary = outcome.summary().unwrap_or_default();
    assert!(summary.len() <= 1024 && !summary.chars().any(char::is_control), "{summary:?}");
    if outcome.status() == Status::Healthy {
        assert!(code == 200 && matches!(header, None | Some("healthy")), "{code} {header:?}");
        let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
        if let Some(word) = value.get("status").and_then(Value::as_str) {
            assert!(WELL.iter().any(|well| well.eq_ignore_ascii_case(word)), "{word:?}");
        }
    }
});
