//! `#[derive(HealthComponent)]`.

mod ast;
mod bounds;
mod expand;
mod valid;

#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;
use crate::fallback;

/// The impl and the record, or what is wrong with the type.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::new();
    let declared = ast::Declared::read(&input, &mut errors);
    let component = valid::valid(&declared, &mut errors);
    let krate = component.krate.clone();
    match errors.finish(component) {
        Ok(component) => expand::expand(&component),
        Err(messages) => fallback::component(messages, &input, &krate),
    }
}
