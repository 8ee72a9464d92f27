//! Where generated tokens stand.
//!
//! Tokens that are generated resolve where the macro was called and stand at the user's token that they are about.
//! Copies of the user's own tokens do the same: an error about them still stands at the original, and a lint about
//! the original is not repeated about the copy.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

use crate::path::is_dollar_crate;

/// The place of generated tokens that are about something of the user's.
pub(crate) fn at(user: Span) -> Span {
    Span::call_site().located_at(user)
}

/// A copy of the user's tokens in which each of the given lifetimes is left to be inferred: the copy stands in a
/// function body outside the one that declares them.
pub(crate) fn copied(tokens: TokenStream, lifetimes: &[&Ident]) -> TokenStream {
    let mut after_apostrophe = false;
    tokens
        .into_iter()
        .map(|token| {
            let names_lifetime = std::mem::replace(&mut after_apostrophe, is_apostrophe(&token));
            match token {
                TokenTree::Ident(ident) if names_lifetime && lifetimes.contains(&&ident) => {
                    TokenTree::Ident(Ident::new("_", at(ident.span())))
                }
                TokenTree::Group(group) => {
                    let mut copy = Group::new(group.delimiter(), copied(group.stream(), lifetimes));
                    copy.set_span(at(group.span()));
                    TokenTree::Group(copy)
                }
                // What it stands for is known by its span alone.
                TokenTree::Ident(ident) if is_dollar_crate(&ident) => TokenTree::Ident(ident),
                mut token => {
                    token.set_span(at(token.span()));
                    token
                }
            }
        })
        .collect()
}

fn is_apostrophe(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '\'')
}
