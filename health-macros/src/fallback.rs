//! What takes the place of an expansion when something is wrong: the messages, and the shape that the rest of the
//! program expects, so that one mistake gives one message.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::DeriveInput;

use crate::path::CratePath;
use crate::spans;

/// The annotated item as it is.
pub(crate) fn item(messages: TokenStream, item: TokenStream) -> TokenStream {
    [item, messages].into_iter().collect()
}

/// A component without checks.
pub(crate) fn component(messages: TokenStream, input: &DeriveInput, krate: &CratePath) -> TokenStream {
    if !input.generics.params.is_empty() {
        // Whether the impl would hold depends on what is wrong.
        return messages;
    }
    let place = spans::at(input.ident.span());
    let krate = krate.standing_at(place);
    let ident = &input.ident;
    quote_spanned! {place=>
        #messages
        #[automatically_derived]
        impl #krate::__private_v1::HealthComponent for #ident {
            const NAME: &'static #krate::__private_v1::str = "";
            fn parts(_: &mut #krate::__private_v1::Parts<'_, Self>) {}
        }
    }
}
