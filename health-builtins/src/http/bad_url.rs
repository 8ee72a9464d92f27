//! What cannot be asked over HTTP.

use std::error::Error;
use std::fmt;

use reqwest::Url;

/// Why a URL cannot be asked. It does not repeat the URL, which may have a secret in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadUrl {
    /// It is no URL with a host.
    Malformed,
    /// It is neither `http` nor `https`.
    Scheme,
    /// A user or a password stands before its host: they belong into a header.
    Credentials,
}

impl BadUrl {
    /// The URL, if it can be asked.
    pub(super) fn or(text: &str) -> Result<Url, Self> {
        let mut url = Url::parse(text).map_err(|_| Self::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Self::Scheme);
        }
        if !url.has_host() {
            return Err(Self::Malformed);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Self::Credentials);
        }
        // No server is told of it.
        url.set_fragment(None);
        Ok(url)
    }
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the URL to be asked is malformed",
            Self::Scheme => "the URL to be asked is neither `http` nor `https`",
            Self::Credentials => "the URL to be asked has credentials in it; send them in a header",
        })
    }
}

impl Error for BadUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_is_refused_without_a_word_of_it() {
        for (text, problem) in [
            ("", BadUrl::Malformed),
            ("/hunter2", BadUrl::Malformed),
            ("http://", BadUrl::Malformed),
            ("http://host:hunter2/", BadUrl::Malformed),
            ("hunter2:80", BadUrl::Scheme),
            ("ftp://app:hunter2@host/", BadUrl::Scheme),
            ("http://app:hunter2@host/", BadUrl::Credentials),
            ("http://hunter2@host/", BadUrl::Credentials),
            ("https://:hunter2@host/", BadUrl::Credentials),
        ] {
            let refused = BadUrl::or(text).expect_err(text);
            assert_eq!(refused, problem, "{text}");
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{text}");
        }
        assert_eq!(BadUrl::or("https://host/a?b#c").map(String::from).as_deref(), Ok("https://host/a?b"));
    }
}
