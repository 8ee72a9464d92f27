//! Every mistake of one declaration, reported at once.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Error;

/// Collects mistakes. It has to be finished: one that is dropped unread would swallow them.
#[must_use]
pub(crate) struct Errors {
    all: Option<Error>,
    finished: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { all: None, finished: false }
    }

    /// A mistake that stands at `place`, from its first token to its last.
    pub(crate) fn at(&mut self, place: impl ToTokens, message: impl Display) {
        self.at_tokens(place.into_token_stream(), &message.to_string());
    }

    // Not generic, so that it is compiled once.
    fn at_tokens(&mut self, place: TokenStream, message: &str) {
        self.add(Error::new_spanned(place, message));
    }

    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.all {
            Some(all) => all.combine(error),
            None => self.all = Some(error),
        }
    }

    /// What was found, or everything that is wrong with it.
    pub(crate) fn finish<T>(mut self, found: T) -> Result<T, TokenStream> {
        self.finished = true;
        match self.all.take() {
            Some(all) => Err(all.into_compile_error()),
            None => Ok(found),
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(
            self.finished || std::thread::panicking(),
            "mistakes were collected and never reported"
        );
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};

    use super::Errors;

    #[test]
    fn all_mistakes_are_reported_in_the_order_they_were_found() {
        let mut errors = Errors::new();
        let place = Ident::new("place", Span::call_site());
        errors.at(&place, "first");
        errors.at(&place, "second");
        let text = errors.finish(()).unwrap_err().to_string();
        assert!(text.find("first").unwrap() < text.find("second").unwrap());
    }

    #[test]
    fn nothing_wrong_gives_what_was_found() {
        assert_eq!(Errors::new().finish(7).unwrap(), 7);
    }

    #[test]
    #[should_panic(expected = "never reported")]
    fn dropping_it_unread_is_noticed() {
        drop(Errors::new());
    }
}
