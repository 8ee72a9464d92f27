//! A client with the rules of a kubelet: what it asks, what it believes, how often it has to be told.

use std::net::SocketAddr;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::reader::{Reader, Seen};

/// As in a manifest that says nothing else, but for the period, which is 10 s there.
const TIMEOUT: Duration = Duration::from_secs(1);
const FAILURES: u32 = 3;
const SUCCESSES: u32 = 1;
const PERIOD: Duration = Duration::from_millis(50);
/// What the generated manifest allows a start.
const FAILURES_WHILE_STARTING: u32 = 30;
/// Of an answer no more is read.
const LONGEST: u64 = 10 * 1024;
const REDIRECTS: u32 = 10;

pub struct Kubelet {
    address: SocketAddr,
    startup: Believed,
    live: Believed,
    ready: Believed,
}

/// What it believes of one probe, and how often in a row it was told otherwise.
struct Believed {
    is_good: bool,
    otherwise: u32,
    failures: u32,
}

impl Believed {
    fn new(is_good: bool, failures: u32) -> Self {
        Self { is_good, otherwise: 0, failures }
    }

    /// Whether it has failed too often in a row, whatever it was before.
    fn told(&mut self, is_good: bool) -> bool {
        if is_good == self.is_good && is_good {
            self.otherwise = 0;
            return false;
        }
        self.otherwise = if is_good { SUCCESSES } else { self.otherwise + 1 };
        let is_enough = is_good || self.otherwise >= self.failures;
        if is_enough {
            (self.is_good, self.otherwise) = (is_good, 0);
        }
        is_enough && !is_good
    }
}

impl Kubelet {
    pub fn of(address: SocketAddr) -> Self {
        Self {
            address,
            startup: Believed::new(false, FAILURES_WHILE_STARTING),
            live: Believed::new(true, FAILURES),
            ready: Believed::new(false, FAILURES),
        }
    }

    /// One period of each probe; whether the container is restarted.
    async fn period(&mut self) -> bool {
        if !self.startup.is_good {
            // The others wait for it.
            return self.startup.told(is_good(self.address, "/health/startup").await);
        }
        let (live, ready) = (is_good(self.address, "/health/live"), is_good(self.address, "/health/ready"));
        let (live, ready) = tokio::join!(live, ready);
        self.ready.told(ready);
        self.live.told(live)
    }
}

impl Reader for Kubelet {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            let mut restart = false;
            for _ in 0..=FAILURES {
                restart |= self.period().await;
                sleep(PERIOD).await;
            }
            let words = match (self.startup.is_good, self.ready.is_good) {
                (false, _) => "waits for startup",
                (true, true) => "ready",
                (true, false) => "not ready",
            };
            let words = if restart { format!("{words}, restarts it") } else { words.to_owned() };
            Seen { words, traffic: Some(self.startup.is_good && self.ready.is_good), restart: Some(restart) }
        }
        .boxed_local()
    }
}

/// Asks on a new connection, and follows whoever sends it elsewhere on the same host.
async fn is_good(mut address: SocketAddr, path: &str) -> bool {
    let asked = async {
        let mut path = path.to_owned();
        for _ in 0..=REDIRECTS {
            let (code, location) = ask(address, &path).await?;
            match location {
                Some(location) if (300..400).contains(&code) => match on_this_host(address, &location) {
                    Some(there) => (address, path) = there,
                    // To another it does not go, and is content.
                    None => return Some(true),
                },
                _ => return Some((200..400).contains(&code)),
            }
        }
        None
    };
    timeout(TIMEOUT, asked).await.ok().flatten().unwrap_or(false)
}

fn on_this_host(address: SocketAddr, location: &str) -> Option<(SocketAddr, String)> {
    let Some(absolute) = location.strip_prefix("http://") else {
        return location.starts_with('/').then(|| (address, location.to_owned()));
    };
    let (host, path) = absolute.split_once('/').unwrap_or((absolute, ""));
    let there: SocketAddr = host.parse().ok()?;
    (there.ip() == address.ip()).then(|| (there, format!("/{path}")))
}

async fn ask(address: SocketAddr, path: &str) -> Option<(u16, Option<String>)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let mut head = answer.split("\r\n\r\n").next()?.lines();
    let code = head.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let location = head.find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then(|| value.to_owned())
    });
    Some((code, location))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::LOCATION;
    use actix_web::{HttpResponse, web};
    use health_tests::http::serve;

    use super::*;

    /// What a path is answered with: a code, and where it leads.
    async fn answered(path: web::Path<(u16, String)>) -> HttpResponse {
        let (code, to) = path.into_inner();
        let mut answer = HttpResponse::build(code.try_into().expect("a code"));
        answer.insert_header((LOCATION, to)).body("x".repeat(100_000))
    }

    #[tokio::test]
    async fn a_kubelet_believes_codes_and_follows_nobody_elsewhere() {
        let served = serve(1, |config| {
            config.route(r"/{code:\d+}{to:.*}", web::get().to(answered));
        });
        for (path, expected) in [
            ("/200", true),
            ("/204", true),
            ("/399", true),
            ("/400", false),
            ("/503", false),
            ("/302/200", true),
            ("/302/302/503", false),
            ("/302https://elsewhere.invalid/503", true),
        ] {
            assert_eq!(is_good(served.address, path).await, expected, "{path}");
        }
        let absolute = format!("/302http://{}/503", served.address);
        assert!(!is_good(served.address, &absolute).await, "{absolute}");
        let elsewhere = "/302http://127.0.0.2:80/503";
        assert!(is_good(served.address, elsewhere).await, "{elsewhere}");
    }

    #[tokio::test]
    async fn a_kubelet_waits_for_a_second_and_no_longer() {
        let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        assert!(!is_good(silent.local_addr().unwrap(), "/").await);
    }

    #[test]
    fn a_kubelet_has_to_be_told_three_times_in_a_row() {
        let mut live = Believed::new(true, FAILURES);
        let told: Vec<_> = [false, false, true, false, false, false, false, false, false]
            .map(|is_good| live.told(is_good))
            .into();
        assert_eq!(told, [false, false, false, false, false, true, false, false, true]);
        assert!(!live.is_good);
        live.told(true);
        assert!(live.is_good, "and once is enough to be good again");
    }
}
