//! Tokens, and what each of them grants.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::http::header::HeaderMap;
use health_core::Exposure;
use subtle::{Choice, ConstantTimeEq as _};

use super::authorization;
use super::secret::Secret;

/// Any number of tokens for each exposure, so that an old one is accepted for as long as clients still have it.
#[derive(Clone, Default)]
pub(super) struct Tokens(BTreeMap<Exposure, Vec<Secret>>);

impl Tokens {
    pub(super) fn add(&mut self, exposure: Exposure, token: Secret) {
        self.0.entry(exposure).or_default().push(token);
    }

    /// Whether there is one that grants this much.
    #[cfg(feature = "ui")]
    pub(super) fn any_for(&self, exposure: Exposure) -> bool {
        self.0.range(exposure..).any(|(_, accepted)| !accepted.is_empty())
    }

    /// The most that the token of this request grants.
    pub(super) fn granted(&self, headers: &HeaderMap) -> Option<Exposure> {
        if self.0.is_empty() {
            return None;
        }
        let token = authorization::token(headers)?;
        let granting = self.0.iter().filter(|(_, accepted)| is_one_of(&token, accepted));
        granting.map(|(exposure, _)| *exposure).max()
    }
}

/// Looks at all of them, whichever it is. What it takes tells how many there are, nothing more.
fn is_one_of(token: &Secret, accepted: &[Secret]) -> bool {
    accepted.iter().fold(Choice::from(0), |found, secret| found | secret.ct_eq(token)).into()
}

/// How many there are, and for what.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(exposure, tokens)| (exposure, tokens.len()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn each_token_grants_its_own_and_one_that_stands_twice_the_most() {
        let mut tokens = Tokens::default();
        for (exposure, token) in [
            (Exposure::Full, "full-old-0123456789"),
            (Exposure::Checks, "checks-0123456789"),
            (Exposure::Full, "full-new-0123456789"),
            (Exposure::Status, "both-0123456789ab"),
            (Exposure::Full, "both-0123456789ab"),
            (Exposure::Checks, "both-0123456789ab"),
        ] {
            tokens.add(exposure, Secret::configured(token).unwrap());
        }
        for (token, granted) in [
            ("full-old-0123456789", Some(Exposure::Full)),
            ("full-new-0123456789", Some(Exposure::Full)),
            ("checks-0123456789", Some(Exposure::Checks)),
            ("both-0123456789ab", Some(Exposure::Full)),
            ("full-old-012345678", None),
            ("full-old-01234567890", None),
            ("FULL-OLD-0123456789", None),
            ("nothing-like-it-at-all", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            assert_eq!(tokens.granted(&headers), granted, "{token}");
            assert_eq!(Tokens::default().granted(&headers), None);
        }
        assert_eq!(format!("{tokens:?}"), "{Status: 1, Checks: 2, Full: 3}");
    }
}
