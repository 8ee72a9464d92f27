//! A check as a record and a thunk. Nothing is decided here.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Type;

use super::valid::{Check, Run};
use crate::spans;

pub(crate) fn expand(check: &Check<'_>) -> TokenStream {
    let place = spans::at(check.ident.span());
    let krate = check.krate.standing_at(place);
    let spec = check.spec.expand();
    let bind = check.bind(place);
    let inherited = &check.inherited;
    quote_spanned! {place=>
        #(#inherited)*
        const _: () = {
            use #krate::__private_v1::{self as __health, here as __here};
            __health::submit! {
                __health::CheckRecord {
                    spec: #spec,
                    bind: #bind,
                }
            }
        };
    }
}

impl Check<'_> {
    /// The closure that borrows all resources, or notes all that are missing, and says how the function is run.
    fn bind(&self, place: Span) -> TokenStream {
        let (kind, run) = match self.run {
            Run::Async => ("task", "run"),
            Run::InPlace => ("task", "ran"),
            Run::Blocking => ("thread", "outcome"),
        };
        let (kind, run) = (Ident::new(kind, place), Ident::new(run, place));
        let types: Vec<_> = self.resources.iter().map(|resource| self.copied(resource.ty)).collect();
        let parameters = self.resources.iter().map(|resource| &resource.parameter);
        let positions = 0..types.len();
        let (binder, lent) = if types.is_empty() {
            (quote_spanned!(place=> _), quote_spanned!(place=> _))
        } else {
            (local("binder", place), local("lent", place))
        };
        let mut function = self.ident.clone();
        function.set_span(place);
        let output = self.output.map(|output| {
            let output = self.copied(output);
            quote_spanned!(place=> ::<#output>)
        });
        quote_spanned! {place=>
            |#binder| __health::#kind(
                [#(__health::lend::<#types>(#binder, #parameters)),*],
                |#lent| __health::#run #output (#function(#(#lent.get::<#types>(#positions)),*)),
            )
        }
    }

    fn copied(&self, ty: &Type) -> TokenStream {
        spans::copied(ty.to_token_stream(), &self.lifetimes)
    }
}

/// A name that nothing of the user's can be confused with, and no error about it stands elsewhere.
fn local(name: &str, place: Span) -> TokenStream {
    Ident::new(name, Span::mixed_site().located_at(place)).into_token_stream()
}
