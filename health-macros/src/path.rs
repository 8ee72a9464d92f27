//! The path under which generated code finds `health_core`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Path};

use crate::args::Value;
use crate::errors::Errors;

/// `::health_core`, or what `crate = ...` says.
#[derive(Clone, Default)]
pub(crate) struct CratePath(Option<TokenStream>);

impl CratePath {
    /// Reads the value of `crate`. A relative path is refused: it would mean something else in every module.
    pub(crate) fn read(value: &Value, errors: &mut Errors) -> Self {
        let Some(path) = plain_path(value) else {
            errors.at(
                value,
                "`crate` takes the path of a re-exported `health_core`: write `crate = ::path` or `crate = crate::path`",
            );
            return Self::default();
        };
        let starts_at_crate = path
            .segments
            .first()
            .is_some_and(|first| first.ident == "crate" || is_dollar_crate(&first.ident));
        if path.leading_colon.is_some() || starts_at_crate {
            return Self(Some(path.to_token_stream()));
        }
        let path: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let path = path.join("::");
        let path = path.trim_start_matches("self::").trim_start_matches("super::");
        errors.at(
            value,
            format!("the path must start at a root: write `crate = ::{path}` or `crate = crate::{path}`"),
        );
        Self::default()
    }

    /// The path, every token of it standing at `place`, so that no error about generated code stands elsewhere.
    pub(crate) fn standing_at(&self, place: Span) -> TokenStream {
        match &self.0 {
            None => quote_spanned!(place=> ::health_core),
            Some(path) => path
                .clone()
                .into_iter()
                .map(|mut token: TokenTree| {
                    token.set_span(token.span().located_at(place));
                    token
                })
                .collect(),
        }
    }
}

/// What a `macro_rules!` macro writes to name the crate that it was written in.
pub(crate) fn is_dollar_crate(ident: &Ident) -> bool {
    ident == "$crate"
}

fn plain_path(value: &Value) -> Option<&Path> {
    match value {
        Value::Expr(Expr::Path(expr)) if expr.qself.is_none() => {
            expr.path.segments.iter().all(|segment| segment.arguments.is_none()).then_some(&expr.path)
        }
        _ => None,
    }
}
