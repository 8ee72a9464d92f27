//! Expansions as files. `UPDATE_SNAPSHOTS=1` rewrites them.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// Compares what was generated with `snapshots/<name>.rs`.
pub(crate) fn compare(name: &str, generated: TokenStream) {
    let file = syn::parse2(readable(generated)).expect("what was generated is no Rust");
    let generated = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name).with_extension("rs");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, generated).expect("the snapshot cannot be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(generated, expected, "the expansion differs from {}", path.display());
}

/// The same with what `submit!` takes written as `submit(...)` in a `static`: inside a macro call nothing would be laid
/// out.
fn readable(generated: TokenStream) -> TokenStream {
    let mut readable = Vec::new();
    for token in generated {
        match token {
            TokenTree::Group(group) if is_submit(&readable) => {
                let record = group.stream();
                readable.truncate(readable.len() - 5);
                readable.extend(quote!(static SUBMIT: () = __health::submit(#record);));
            }
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), self::readable(group.stream()));
                inner.set_span(group.span());
                readable.push(TokenTree::Group(inner));
            }
            token => readable.push(token),
        }
    }
    readable.into_iter().collect()
}

/// Whether the tokens end with `__health::submit!`.
fn is_submit(tokens: &[TokenTree]) -> bool {
    let end: Vec<_> = tokens.iter().rev().take(5).rev().map(ToString::to_string).collect();
    end == ["__health", ":", ":", "submit", "!"]
}
