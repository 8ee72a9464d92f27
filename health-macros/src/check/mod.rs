//! `#[health_check]`.

mod ast;
mod expand;
mod valid;

#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;
use syn::parse::Parser;

use crate::errors::Errors;
use crate::{args, fallback};

/// The function as it was, and beside it its record or what is wrong with it.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    match record(args, item.clone()) {
        Ok(record) => [item, record].into_iter().collect(),
        Err(messages) => fallback::item(messages, item),
    }
}

fn record(args: TokenStream, item: TokenStream) -> Result<TokenStream, TokenStream> {
    let function: ast::Function = syn::parse2(item).map_err(syn::Error::into_compile_error)?;
    let mut errors = Errors::new();
    let args = Parser::parse2(|input: syn::parse::ParseStream<'_>| Ok(args::parse(input, &mut errors)), args)
        .unwrap_or_else(|error| {
            errors.add(error);
            Vec::new()
        });
    let check = valid::valid(&args, &function, &mut errors);
    errors.finish(check).map(|check| expand::expand(&check))
}
