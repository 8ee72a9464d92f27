//! How another service is, as it says itself.
//!
//! Its health endpoint is asked, and what it says is carried up: its status, and the names of its checks that are not
//! well. Understood are the native form of this framework, `application/health+json`
//! ([draft-inadarei-api-health-check-06](https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06)),
//! [MicroProfile Health][microprofile] and [Spring Boot's][spring], by their words and shape. Of any other answer the
//! code is read: 2xx is healthy, 429 degraded (as with Consul), and all else unhealthy; but 2xx with what no health
//! endpoint answers is degraded.
//!
//! [microprofile]: https://download.eclipse.org/microprofile/microprofile-health-4.0/microprofile-health-spec-4.0.html
//! [spring]: https://docs.spring.io/spring-boot/api/rest/actuator/health.html
//!
//! | it answers | and says | this check is |
//! |---|---|---|
//! | 2xx | no status: an empty body, a plain `ok`, JSON without a `status` | healthy |
//! | 2xx | a status in a word that is not known, such as Spring's custom ones | degraded |
//! | 2xx | no status, in a page, in malformed JSON, or in more than is read | degraded |
//! | 2xx, 429, 503 | a status, in its body or in `X-Health-Status` | the worse of that and what the code says |
//! | any code | a status in `X-Health-Status` (as HAProxy's 404 while it drains) | the worse of the two |
//! | 429 | no status that is known | degraded |
//! | any other code | nothing but a body | unhealthy |
//! | a redirect that the client follows | | unhealthy |
//!
//! # Its outage is not ours
//!
//! An unhealthy service makes this check unhealthy, and a check of [the recommended spec](crate::Recommended) is not
//! critical: the whole that it weighs in is degraded then, and goes on to serve. A service that turned unready because
//! another one is would answer nobody, not even those who need nothing of the other one; and whoever asks *it* would turn
//! unready too. So one service that is down would take out everything above it in the graph of calls, all at once, and a
//! restart of each would mend none of it. What cannot be done without the other service fails by itself, request by
//! request.
//!
//! # What green proves
//!
//! That the other service said a moment ago that it is well, with a code that does not contradict it. That is what *it*
//! knows: how deep it looks is up to its own checks, and how old they are too.
//!
//! Where it says no status at all, neither in its body nor in `X-Health-Status`: that something answered 2xx at this URL,
//! with nothing that begins like a page, and no more.
//!
//! While something is [left out](Downstream::leaving_out): that nothing else is wrong, as far as it named what is.
//!
//! # What it costs
//!
//! One request per run, as with [`Http`](super::Http), and a body of at most 256 KiB, unless set otherwise. A service of
//! this framework answers from what it has observed already, and asks again at most what is older than it wants to show.
//!
//! # What it needs
//!
//! The way to its health endpoint, and for the names of its checks a token that lets it show them, as a header. Everybody
//! who may see the checks of *this* process sees those names, at most ten, and nothing else of its body: no error, no
//! summary, no data.
//!
//! # When it lies
//!
//! Behind a balancer, one of its instances answers for all. A status that its owner maps to another code without
//! `X-Health-Status` is read as the code. An `X-Health-Status` is believed where the body cannot be read. What says
//! nothing but 200 may be anything that answers 200 to every path, if it is no page.
//!
//! Two services that ask each other do not ask in circles: each answers from what it observed last, within its deadline,
//! and at most one run of a check is in flight. But they can hold each other down. Once *A* was degraded, *B* is because
//! of *A*, and stays so, and then *A* is because of *B*, though what began it has long been well. Ask for something that
//! does not look back, such as a group or one check of it (`/health/groups/storage`), or
//! [leave out](Downstream::leaving_out) the check with which it looks at us.

mod names;
mod said;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use health_core::{Failure, HealthCheck, Outcome, Spec, Status};
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use reqwest::{Client, Method};

use self::said::{Said, Word};
use super::BadUrl;
use super::endpoint::milliseconds;
use super::question::{Answer, Question, REDIRECTED};
use crate::Recommended;
use crate::recommended::over_the_network;

/// How much of a body is read, unless its user says otherwise: 256 KiB.
const LONGEST: usize = 256 * 1024;

/// The richest form that each kind of service has. Those that know several have the native one or Spring's first.
const FORMS: HeaderValue = HeaderValue::from_static(
    "application/json, application/health+json;q=0.9, application/vnd.spring-boot.actuator.v3+json;q=0.8, */*;q=0.1",
);

/// What is said of a status in none of the words of the known forms.
const NOT_KNOWN: &str = "a status that is not known";

/// Another service is well, as it says itself.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::http::Downstream;
/// use health_core::Health;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = reqwest::Client::new();
/// let orders = Downstream::of(&client, "http://orders.internal:8080/health/ready")?;
/// let health = Health::builder().check(orders.spec("orders"), orders).build()?;
/// // orders: "unhealthy; failing: db, queue"
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Downstream {
    question: Question,
    left_out: Vec<String>,
}

impl Downstream {
    /// The service whose health endpoint this is. Its ready probe is the one that says whether it serves.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] when this cannot be asked, or has credentials in it.
    pub fn of(client: &Client, url: impl AsRef<str>) -> Result<Self, BadUrl> {
        let mut question = Question::new(client, Method::GET, url.as_ref(), LONGEST)?;
        question.only_header(ACCEPT, FORMS);
        Ok(Self { question, left_out: Vec::new() })
    }

    /// Sends this header too, such as a token. Its value is marked as sensitive, and shown to nobody. An `Accept` takes
    /// the place of the one that asks for each known form.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if name == ACCEPT {
            self.question.only_header(name, value);
        } else {
            self.question.header(name, value);
        }
        self
    }

    /// Reads at most this many bytes of a body. Default: 262 144. A longer one is not understood: what counts then is
    /// the code, and `X-Health-Status`; without that header it is degraded at best.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.question.longest = bytes;
        self
    }

    /// Healthy where these are all of its checks that are not well, such as the one with which it looks at us, and one of
    /// them is as bad as the whole. The names have to be told: without them this changes nothing, nor does it while the
    /// other service starts or drains, or says a status that is not known.
    pub fn leaving_out<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.left_out.extend(names.into_iter().map(Into::into));
        self
    }

    fn judged(&self, answer: &Answer) -> Outcome {
        if answer.is_redirected {
            return Outcome::unhealthy(REDIRECTED);
        }
        let code = answer.code.as_u16();
        let by_code = match code {
            200..=299 => Status::Healthy,
            429 => Status::Degraded,
            _ => Status::Unhealthy,
        };
        let header = answer.headers.get("x-health-status");
        let header = header.map(|value| value.to_str().map_or(Word::Foreign, Word::read));
        // What an error page says is about the request.
        let is_a_verdict = header.is_some() || matches!(code, 200..=299 | 429 | 503);
        let said = answer.body.as_deref().filter(|_| is_a_verdict).and_then(Said::read);
        let Some(word) = header.max(said.as_ref().map(|said| said.whole)) else {
            return match (by_code, said::is_no_plain_answer(answer.body.as_deref())) {
                (Status::Healthy, None) => Outcome::healthy(),
                (Status::Healthy, Some(why)) => Outcome::degraded(why),
                (worse, _) => Outcome::of(worse).with_summary(format!("answered {code}")),
            };
        };
        let by_word = word.status();
        let details = said.as_ref().map(Self::details).unwrap_or_default();
        match by_word.max(by_code) {
            Status::Healthy => Outcome::healthy(),
            worse if worse == by_word && said.is_some_and(|said| self.is_left_out(&said, word)) => {
                Outcome::healthy().with_summary(format!("{worse}, and all of that is left out{details}"))
            }
            worse if worse > by_word => {
                let said = if word == Word::Foreign { NOT_KNOWN.to_owned() } else { by_word.to_string() };
                Outcome::of(worse).with_summary(format!("answered {code}, and says {said}{details}"))
            }
            worse if word == Word::Foreign => {
                Outcome::of(worse).with_summary(format!("says {NOT_KNOWN}{details}"))
            }
            worse => {
                // Not `degraded; degraded: cache`.
                let details = details.strip_prefix(&format!("; {worse}")).unwrap_or(&details);
                Outcome::of(worse).with_summary(format!("{worse}{details}"))
            }
        }
    }

    /// A word that is not known can be worse than all that are.
    fn is_left_out(&self, said: &Said, whole: Word) -> bool {
        let is_explained = whole != Word::Foreign && said.names.explain(whole, &self.left_out);
        is_explained && said.phase.is_none() && said.waiting_for.is_empty()
    }

    fn details(said: &Said) -> String {
        let phase = said.phase.map(|phase| format!("; {phase}")).unwrap_or_default();
        format!("{phase}{}", said.names.written(&said.waiting_for))
    }
}

impl HealthCheck for Downstream {
    /// Cancelled, it closes the connection that the request is on, and leaves all others to the client.
    async fn check(&self) -> Result<Outcome, Failure> {
        let answer = self.question.ask().await?;
        let outcome = self.judged(&answer);
        Ok(outcome.data("code", answer.code.as_u16()).data("latency_ms", milliseconds(answer.took)))
    }

    fn defaults() -> Spec {
        over_the_network("").critical(false)
    }
}

impl Recommended for Downstream {
    /// Not critical: see [why](self#its-outage-is-not-ours).
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name).critical(false)
    }
}

/// Without the URL and the headers: nobody is told where it is.
impl fmt::Debug for Downstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Downstream").finish_non_exhaustive()
    }
}
