//! A description as the record that the library keeps.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::probe::Probe;
use super::timing::{Interval, Period, Timing};
use super::{Scope, Spec};
use crate::spans;

/// The place of an identifier. This call keeps the user's own span, because a caller is placed where the outermost
/// macro call of its span stands, which for a span of ours would be the attribute. A path would then be linted as if
/// the user had written it; a single name is not.
pub(crate) fn location(ident: Span) -> TokenStream {
    quote_spanned!(ident=> __here())
}

impl Spec {
    /// A `SpecRecord`: what is declared, and the defaults for the rest.
    pub(crate) fn expand(&self) -> TokenStream {
        let place = spans::at(self.location);
        let name = &self.name;
        let location = location(self.location);
        let bare = quote_spanned!(place=> __health::SpecRecord::new(#name, #location));
        let fields = self.declared();
        if fields.is_empty() {
            return bare;
        }
        quote_spanned! {place=> __health::SpecRecord { #(#fields,)* ..#bare } }
    }

    fn declared(&self) -> Vec<TokenStream> {
        let place = spans::at(self.location);
        let mut fields = Vec::new();
        if !self.description.is_empty() {
            let description = &self.description;
            fields.push(quote_spanned!(place=> description: #description));
        }
        if let Some(probes) = &self.probes {
            let set = match probes.as_slice() {
                [] => quote_spanned!(place=> __health::ProbeSet::NONE),
                probes => quote_spanned!(place=> __health::ProbeSet::of(&[#(#probes),*])),
            };
            fields.push(quote_spanned!(place=> probes: #set));
        }
        fields.extend(self.timing.declared(place));
        if let Some(critical) = self.critical {
            fields.push(quote_spanned!(place=> critical: __health::Some(#critical)));
        }
        if let Some(scope) = self.scope {
            fields.push(quote_spanned!(place=> scope: __health::Some(#scope)));
        }
        if let Some(group) = &self.group {
            fields.push(quote_spanned!(place=> group: __health::Some(#group)));
        }
        if !self.depends_on.is_empty() {
            let names = &self.depends_on;
            fields.push(quote_spanned!(place=> depends_on: &[#(#names),*]));
        }
        if !self.enabled {
            fields.push(quote_spanned!(place=> enabled: false));
        }
        fields
    }
}

impl Timing {
    fn declared(&self, place: Span) -> impl Iterator<Item = TokenStream> {
        let period = |period: &Option<Period>| Some(period.as_ref()?.expand(place));
        let threshold = |threshold: Option<u32>| Some(threshold?.into_token_stream());
        let fields = [
            ("timeout", period(&self.timeout)),
            ("interval", self.interval.as_ref().map(|interval| interval.expand(place))),
            ("cache", period(&self.cache)),
            ("max_age", period(&self.max_age)),
            ("failure_threshold", threshold(self.failure_threshold)),
            ("success_threshold", threshold(self.success_threshold)),
            ("backoff", period(&self.backoff)),
            ("idle", period(&self.idle)),
        ];
        fields.into_iter().filter_map(move |(key, value)| {
            let (key, value) = (Ident::new(key, place), value?);
            Some(quote_spanned!(place=> #key: __health::Some(#value)))
        })
    }
}

impl Period {
    fn expand(&self, place: Span) -> TokenStream {
        match self {
            Self::Text(_, duration) => {
                let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
                quote_spanned!(place=> __health::Duration::new(#seconds, #nanos))
            }
            Self::Expr(expr) => quote_spanned!(spans::at(expr.span())=> __health::duration(#expr)),
        }
    }
}

impl Interval {
    fn expand(&self, place: Span) -> TokenStream {
        match self {
            Self::Every(period) => {
                let period = period.expand(place);
                quote_spanned!(place=> __health::Interval::Every(#period))
            }
            Self::Never(_) => quote_spanned!(place=> __health::Interval::Never),
        }
    }
}

impl ToTokens for Probe {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Live => quote!(__health::Probe::Live),
            Self::Ready => quote!(__health::Probe::Ready),
            Self::Startup => quote!(__health::Probe::Startup),
        });
    }
}

impl ToTokens for Scope {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Local => quote!(__health::Scope::Local),
            Self::Shared => quote!(__health::Scope::Shared),
        });
    }
}
