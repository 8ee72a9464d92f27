//! A component as a list of its parts, and a record of it. Nothing is decided here.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

use super::bounds;
use super::valid::{Component, Part, What, With};
use crate::spans;
use crate::spec;

pub(crate) fn expand(component: &Component<'_>) -> TokenStream {
    let ident = component.ident;
    let place = spans::at(ident.span());
    let krate = component.krate.standing_at(place);
    let name = &component.name;
    let parts = local("parts", place);
    let group = component.group.as_ref().map(|group| quote_spanned!(place=> #parts.group(#group);));
    let itself = component.itself.as_ref().map(|spec| {
        let spec = spec.expand();
        quote_spanned!(place=> #parts.itself(#spec);)
    });
    let declared = component.parts.iter().map(Part::expand);
    let inherited = &component.inherited;
    let (generics, arguments, _) = component.generics.split_for_impl();
    let bounds = bounds::bounds(component);
    let record = component.generics.params.is_empty().then(|| {
        let location = spec::location(ident.span());
        quote_spanned!(place=> __health::submit! { __health::ComponentRecord::of::<#ident>(#location) })
    });
    quote_spanned! {place=>
        #(#inherited)*
        const _: () = {
            use #krate::__private_v1::{self as __health, here as __here};
            #[automatically_derived]
            impl #generics __health::HealthComponent for #ident #arguments #bounds {
                const NAME: &'static __health::str = #name;
                fn parts(#parts: &mut __health::Parts<'_, Self>) {
                    #group
                    #itself
                    #(#declared)*
                }
            }
            #record
        };
    }
}

impl Part<'_> {
    fn expand(&self) -> TokenStream {
        let place = spans::at(self.field.span());
        let (parts, this) = (local("parts", place), local("this", place));
        let mut field = self.field.clone();
        field.set_span(place);
        let ty = spans::copied(self.ty.to_token_stream(), &[]);
        let project = quote_spanned!(place=> |#this| &#this.#field);
        match &self.what {
            What::Check(spec) => {
                let spec = spec.expand();
                quote_spanned!(place=> #parts.check::<#ty>(#spec, #project);)
            }
            What::Each(spec) => {
                let spec = spec.expand();
                quote_spanned!(place=> #parts.each::<#ty>(#spec, #project);)
            }
            What::Component(name) => quote_spanned!(place=> #parts.component::<#ty>(#name, #project);),
            What::With(spec, with) => {
                let (spec, run) = (spec.expand(), with.run());
                let method = Ident::new(with.method(), place);
                quote_spanned!(place=> #parts.#method::<#ty>(#spec, #project, #run);)
            }
        }
    }
}

impl With<'_> {
    fn method(&self) -> &'static str {
        if self.blocking == Some(true) { "check_blocking" } else { "check_with" }
    }

    /// The closure that calls the function.
    fn run(&self) -> TokenStream {
        let place = spans::at(self.function.span());
        let value = local("value", place);
        let function = spans::copied(self.function.to_token_stream(), &[]);
        let call = quote_spanned!(place=> #function(#value));
        match self.blocking {
            Some(true) => quote_spanned!(place=> |#value| __health::outcome(#call)),
            Some(false) => quote_spanned!(place=> |#value| __health::ran(#call)),
            None => quote_spanned!(place=> |#value| __health::run(__health::asked(#call))),
        }
    }
}

/// A name that nothing of the user's can be confused with, and no error about it stands elsewhere.
fn local(name: &str, place: Span) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(place))
}
