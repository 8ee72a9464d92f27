//! One request, and the answer to it: bounded, and without a word that could be a secret.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use health_core::Failure;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::Instant;

use super::BadUrl;
use crate::Fault;

/// What is said of an answer that came from elsewhere.
pub(super) const REDIRECTED: &str = "was redirected";

#[derive(Clone)]
pub(super) struct Question {
    client: Client,
    pub(super) method: Method,
    url: Url,
    headers: HeaderMap,
    /// How much of a body is read, in bytes.
    pub(super) longest: usize,
}

pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) headers: HeaderMap,
    /// Whether it came from another place than the one that was asked.
    pub(super) is_redirected: bool,
    /// `None` if it is longer than what is read.
    pub(super) body: Option<Vec<u8>>,
    /// From the first byte that was sent, or the attempt to connect, to the last one of the body.
    pub(super) took: Duration,
}

impl Question {
    pub(super) fn new(client: &Client, method: Method, url: &str, longest: usize) -> Result<Self, BadUrl> {
        let (client, url) = (client.clone(), BadUrl::or(url)?);
        Ok(Self { client, method, url, headers: HeaderMap::new(), longest })
    }

    /// Whatever it is, nobody is shown it.
    pub(super) fn header(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        self.headers.append(name, value);
    }

    /// The same, in place of what was to be sent under this name.
    pub(super) fn only_header(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        self.headers.insert(name, value);
    }

    pub(super) async fn ask(&self) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let sent = match self.send().await {
            // The server closed a connection that was kept, while this was on its way.
            Err(error) if self.method.is_idempotent() && was_lost(&error) => self.send().await,
            sent => sent,
        };
        let mut response = sent.map_err(failure)?;
        let is_redirected = *response.url() != self.url;
        let body = self.body(&mut response).await.map_err(failure)?;
        let (code, took) = (response.status(), begun.elapsed());
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer { code, headers, is_redirected, body, took })
    }

    async fn send(&self) -> reqwest::Result<Response> {
        let request = self.client.request(self.method.clone(), self.url.clone());
        request.headers(self.headers.clone()).send().await
    }

    /// Read to its end also if nobody needs it: only then the connection can be used again.
    async fn body(&self, response: &mut Response) -> reqwest::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if chunk.len() > self.longest.saturating_sub(body.len()) {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }
}

/// The URL can have a secret in it, and is left out.
fn failure(error: reqwest::Error) -> Failure {
    if error.is_redirect() {
        // Below it stand the places that it was sent to.
        return Failure::new(REDIRECTED);
    }
    let error = error.without_url();
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let fault = match Fault::below(&error) {
        _ if error.is_dns() => Some(Fault::Unresolved),
        Some(fault) => Some(fault),
        None if is_connect && is_timeout => Some(Fault::Unanswered),
        None if is_connect && is_of_tls(&error) => Some(Fault::Tls),
        None if is_cut_off(&error) => Some(Fault::Closed),
        None => None,
    };
    if let Some(fault) = fault {
        return fault.because(error);
    }
    let summary = match below::<hyper::Error>(&error) {
        _ if is_timeout => "the client gave up waiting for the answer",
        _ if error.is_builder() => "the client does not send such a request",
        _ if error.is_decode() => "the body cannot be decoded",
        Some(error) if error.is_parse() => "what answers does not speak HTTP",
        // A proxy that refuses, among others.
        _ if is_connect => "cannot connect",
        _ => return error.into(),
    };
    Failure::new(summary).because(error)
}

/// Whether the connection ended after the request had been sent, and before anything came back.
fn was_lost(error: &reqwest::Error) -> bool {
    let is_ended = matches!(Fault::below(error), Some(Fault::Reset | Fault::Closed)) || is_cut_off(error);
    is_ended && !error.is_connect() && !error.is_timeout()
}

fn is_cut_off(error: &reqwest::Error) -> bool {
    below::<hyper::Error>(error)
        .is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
}

/// Which library it is, the client knows alone: those of rustls are invalid data to it, the others are known by their
/// words. A client without any does not know the scheme.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    const WORDS: [&str; 4] = ["ssl", "tls", "certificate", "scheme is not http"];
    chain(error).any(|error| {
        let kind = error.downcast_ref().map(io::Error::kind);
        let text = error.to_string().to_lowercase();
        kind == Some(ErrorKind::InvalidData) || WORDS.iter().any(|word| text.contains(word))
    })
}

fn below<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error of the operating system that wraps another has it elsewhere than its source.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_of_tls_is_one() {
        let of = |kind, inner: &'static str| io::Error::new(kind, inner);
        // As rustls is wrapped, and what OpenSSL and a client without TLS say.
        assert!(is_of_tls(&io::Error::other(of(ErrorKind::InvalidData, "UnknownIssuer"))));
        let routines = "error:0A000086:SSL routines:tls_post_process_server_certificate:verify failed";
        assert!(is_of_tls(&io::Error::other(routines)));
        assert!(is_of_tls(&io::Error::other("invalid URL, scheme is not http")));
        for of_a_proxy in ["tunnel error: proxy authorization required", "tunnel error: unsuccessful"] {
            assert!(!is_of_tls(&io::Error::other(of_a_proxy)), "{of_a_proxy}");
        }
    }
}
