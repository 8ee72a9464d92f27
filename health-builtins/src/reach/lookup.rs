//! The addresses of a name, as the operating system knows them.
//!
//! Nobody can take back such a question, and where no name server answers it may take half a minute until it is given
//! up. So it is asked on a thread that is nobody's: a runtime waits for those of its pool before it ends, and the
//! application needs them. And it is asked once at a time for each name, whoever wants to know.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use health_core::Failure;
use tokio::sync::watch;

use crate::Fault;

type Answer = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// The questions that are out, of all checks of the process: of a check nothing is left when it was made for one run.
static OUT: Mutex<Vec<Question>> = Mutex::new(Vec::new());

struct Question {
    host: String,
    answer: watch::Receiver<Option<Answer>>,
}

/// Dropped, it leaves the question to itself, and its thread ends when there is an answer.
pub(super) async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let answer = answer(host, |host| Ok((host, 0).to_socket_addrs()?.collect())).await?;
    let mut found = answer.map_err(why)?;
    for address in &mut found {
        address.set_port(port);
    }
    Ok(found)
}

/// Asks, or waits with whoever has asked for this name already.
async fn answer(
    host: &str,
    ask: impl FnOnce(&str) -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Result<Answer, Failure> {
    let mut answer = asked(host, ask)?;
    let come = answer.wait_for(Option::is_some).await;
    match come.as_deref() {
        Ok(Some(answer)) => Ok(answer.clone()),
        Ok(None) | Err(_) => Err(Failure::new("the lookup of the name has come to nothing")),
    }
}

fn asked(
    host: &str,
    ask: impl FnOnce(&str) -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Result<watch::Receiver<Option<Answer>>, Failure> {
    let mut out = all_out();
    if let Some(same) = out.iter().find(|question| question.host == host) {
        return Ok(same.answer.clone());
    }
    let (sender, answer) = watch::channel(None);
    out.push(Question { host: host.to_owned(), answer: answer.clone() });
    drop(out);
    let asking = Out(host.to_owned());
    let thread = thread::Builder::new().name("health-lookup".to_owned());
    let begun = thread.spawn(move || {
        let found = ask(&asking.0).map_err(Arc::new);
        // First, so that whoever hears of it may ask again.
        drop(asking);
        sender.send_replace(Some(found));
    });
    begun.map(|_| answer).map_err(|error| Failure::new("no thread can be started").because(error))
}

/// The question about this host is out until this is dropped.
struct Out(String);

impl Drop for Out {
    fn drop(&mut self) {
        all_out().retain(|question| question.host != self.0);
    }
}

fn all_out() -> MutexGuard<'static, Vec<Question>> {
    OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The standard library passes on of `getaddrinfo` only the text, and a number where that failed by itself (where it has
/// no descriptor left, that is any number). On Windows the number says it all.
fn why(error: Arc<io::Error>) -> Failure {
    let text = error.to_string();
    // Of glibc and macOS, and of musl.
    let says_later = ["Temporary failure in name resolution", "Try again"].iter().any(|it| text.contains(it));
    match error.raw_os_error() {
        Some(11_001 | 11_004) => Fault::Unresolved.because(error),
        Some(11_002) => Failure::new(NO_ANSWER).because(error),
        Some(_) => Failure::new("cannot connect: this machine could not look the name up").because(error),
        None if says_later => Failure::new(NO_ANSWER).because(error),
        None => Fault::Unresolved.because(error),
    }
}

const NO_ANSWER: &str = "cannot connect: the name servers gave no answer";

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn no_address() -> io::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_at_a_time_and_all_hear_the_answer() {
        let (release, released) = mpsc::channel::<()>();
        let address = SocketAddr::from(([10, 0, 0, 1], 0));
        let ask = move |_: &str| {
            released.recv().expect("it is released");
            Ok(vec![address])
        };
        assert!(timeout(Duration::from_millis(20), answer("slow.example", ask)).await.is_err());
        // Another is not held up by it.
        assert!(answer("quick.example", |_| no_address()).await.is_ok());
        let others = [(); 20].map(|()| answer("slow.example", |_| panic!("it is asked again")));
        let mut others = Box::pin(futures::future::join_all(others));
        assert!(timeout(Duration::from_millis(20), &mut others).await.is_err());
        release.send(()).expect("it waits");
        for other in others.await {
            assert_eq!(other.expect("one asked").expect("and heard"), [address]);
        }
        let again = answer("slow.example", |_| no_address()).await;
        assert!(again.expect("it is asked").expect("and heard").is_empty(), "asked anew");
    }

    #[tokio::test]
    async fn one_that_panics_is_not_out_any_more() {
        let lost = answer("odd.example", |_| std::panic::resume_unwind(Box::new("quietly"))).await;
        let lost = lost.expect_err("nothing comes");
        assert_eq!(lost.summary(), Some("the lookup of the name has come to nothing"));
        assert!(answer("odd.example", |_| no_address()).await.is_ok());
    }

    #[test]
    fn who_failed_is_told() {
        let text = |detail| io::Error::other(format!("failed to lookup address information: {detail}"));
        let unresolved = "cannot connect: the name does not resolve";
        let silent = "cannot connect: the name servers gave no answer";
        for (error, expected) in [
            (text("Name or service not known"), unresolved),
            (text("Temporary failure in name resolution"), silent),
            (text("Try again"), silent),
            (io::Error::from_raw_os_error(16), "cannot connect: this machine could not look the name up"),
            (io::Error::from_raw_os_error(11_001), unresolved),
        ] {
            assert_eq!(why(Arc::new(error)).summary(), Some(expected));
        }
    }
}
