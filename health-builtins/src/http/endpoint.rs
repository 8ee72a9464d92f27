//! One endpoint, and what it should answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Spec, Status};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method};

use super::question::{Answer, Question, REDIRECTED};
use super::{BadUrl, Codes};
use crate::Recommended;
use crate::recommended::over_the_network;

/// How much of a body is read, unless its user says otherwise: 64 KiB.
const LONGEST: usize = 64 * 1024;

type Predicate = dyn Fn(&[u8]) -> bool + Send + Sync;

/// An HTTP endpoint answers as it should.
///
/// ```no_run
/// use std::time::Duration;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::http::Http;
/// use health_core::Health;
/// use reqwest::header::{AUTHORIZATION, HeaderValue};
/// use reqwest::{Client, redirect};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder().redirect(redirect::Policy::none()).build()?;
/// let search = Http::get(&client, "http://search.internal/status")?
///     .header(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", std::env::var("TOKEN")?))?)
///     .expecting([200, 204])
///     .body_is(|body| !body.is_empty())
///     .degraded_if_slower_than(Duration::from_millis(300));
/// let health = Health::builder().check(search.spec("search"), search).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Http {
    question: Question,
    codes: Codes,
    follows: bool,
    is_as_expected: Option<Arc<Predicate>>,
    slow: Option<Duration>,
}

impl Http {
    /// Asks with `GET`, and reads the body.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] when this cannot be asked, or has credentials in it.
    pub fn get(client: &Client, url: impl AsRef<str>) -> Result<Self, BadUrl> {
        Self::request(client, Method::GET, url)
    }

    /// Asks with `HEAD`: there is no body. For endpoints whose body is long or has no end.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] when this cannot be asked, or has credentials in it.
    pub fn head(client: &Client, url: impl AsRef<str>) -> Result<Self, BadUrl> {
        Self::request(client, Method::HEAD, url)
    }

    /// Asks with another method, and no body.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] when this cannot be asked, or has credentials in it.
    pub fn request(client: &Client, method: Method, url: impl AsRef<str>) -> Result<Self, BadUrl> {
        let question = Question::new(client, method, url.as_ref(), LONGEST)?;
        Ok(Self { question, codes: (200..=299).into(), follows: false, is_as_expected: None, slow: None })
    }

    /// Sends this header too. Its value is marked as sensitive, and shown to nobody.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.question.header(name, value);
        self
    }

    /// Any of these codes is as it should be, and no other. Default: 200 to 299.
    pub fn expecting(mut self, codes: impl Into<Codes>) -> Self {
        self.codes = codes.into();
        self
    }

    /// Unhealthy if this says no to the whole body. It runs where the check does, and must not block.
    pub fn body_is(mut self, as_expected: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.is_as_expected = Some(Arc::new(as_expected));
        self
    }

    /// Reads at most this many bytes of a body. Default: 65 536. A longer one is unhealthy where
    /// [`body_is`](Self::body_is) should judge it, and nobody's concern otherwise; its connection is closed.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.question.longest = bytes;
        self
    }

    /// Degraded if it takes longer than this until the whole body is there, connecting included: from the start of the
    /// run, also if a connection that was kept turns out to be closed. Default: never.
    pub fn degraded_if_slower_than(mut self, limit: Duration) -> Self {
        self.slow = Some(limit);
        self
    }

    /// Takes the answer of the place that it is redirected to, if the client goes there.
    ///
    /// Without this a redirect is an answer like any other, and not the expected one: whether the client
    /// [follows](super) or not.
    pub fn follow_redirects(mut self) -> Self {
        self.follows = true;
        self
    }

    fn judged(&self, answer: &Answer) -> Outcome {
        if answer.is_redirected && !self.follows {
            return Outcome::unhealthy(REDIRECTED);
        }
        let code = answer.code.as_u16();
        if !self.codes.contain(code) {
            return Outcome::unhealthy(format!("answered {code} instead of {}", self.codes));
        }
        if let Some(is_as_expected) = &self.is_as_expected {
            match &answer.body {
                None => {
                    let longest = self.question.longest;
                    return Outcome::unhealthy(format!("the body is longer than {longest} bytes"));
                }
                Some(body) if !is_as_expected(body) => {
                    return Outcome::unhealthy("the body is not as expected");
                }
                Some(_) => {}
            }
        }
        match self.slow.filter(|limit| answer.took > *limit) {
            Some(limit) => {
                let took = Duration::from_millis(milliseconds(answer.took));
                Outcome::degraded(format!("answered in {took:?}, slower than {limit:?}"))
            }
            None => Outcome::of(Status::Healthy),
        }
    }
}

/// Rounded up, so that what is above a limit is never written as less.
pub(super) fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl HealthCheck for Http {
    /// Cancelled, it closes the connection that the request is on, and leaves all others to the client.
    async fn check(&self) -> Result<Outcome, Failure> {
        let answer = self.question.ask().await?;
        let outcome = self.judged(&answer);
        Ok(outcome.data("code", answer.code.as_u16()).data("latency_ms", milliseconds(answer.took)))
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Http {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

/// Without the URL and the headers: nobody is told where it is.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Http");
        debug.field("method", &self.question.method).field("codes", &self.codes).finish_non_exhaustive()
    }
}
