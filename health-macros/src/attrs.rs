//! What generated code takes from the attributes beside ours: the description and lint levels.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Lit, Meta};

/// The first paragraph of a doc comment, as one line.
pub(crate) fn description(attrs: &[Attribute]) -> String {
    let text: Vec<String> = attrs.iter().filter_map(doc_text).collect();
    let lines = text.iter().flat_map(|text| text.split('\n'));
    let lines = lines.map(|line| line.trim().trim_start_matches('*').trim_start());
    let paragraph: Vec<_> =
        lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

/// The text of `#[doc = "..."]`; of one that is computed there is nothing to see here.
fn doc_text(attr: &Attribute) -> Option<String> {
    match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(expr) => match &expr.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The lint levels that generated code beside an item needs too: what the item may use, the code that names it may use.
/// Conditions are not among them: the compiler has evaluated every `cfg` of an item before anybody else sees it.
pub(crate) fn inherited(attrs: &[Attribute]) -> Vec<TokenStream> {
    attrs.iter().filter_map(|attr| inherited_level(&attr.meta)).collect()
}

fn inherited_level(meta: &Meta) -> Option<TokenStream> {
    match meta {
        // That it is still asked is nobody's mistake.
        meta if meta.path().is_ident("deprecated") => Some(quote!(#[allow(deprecated)])),
        // An expectation is met, or not, at the item itself.
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
            let lints = &list.tokens;
            Some(quote!(#[allow(#lints)]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::{ItemFn, parse_quote};

    use super::{description, inherited};

    #[test]
    fn the_description_is_the_first_paragraph() {
        let item: ItemFn = parse_quote! {
            /// The "primary" answers
            /// a trivial query.
            ///
            /// More about it.
            fn f() {}
        };
        assert_eq!(description(&item.attrs), "The \"primary\" answers a trivial query.");
        let item: ItemFn = parse_quote! {
            #[doc = include_str!("x.md")]
            #[doc(hidden)]
            #[doc = "\n * In a block.\n * Still.\n\n Not."]
            fn f() {}
        };
        assert_eq!(description(&item.attrs), "In a block. Still.");
        let item: ItemFn = parse_quote! { fn f() {} };
        assert_eq!(description(&item.attrs), "");
    }

    #[test]
    fn lint_levels_are_inherited_and_nothing_else() {
        let item: ItemFn = parse_quote! {
            #[inline]
            #[allow(dead_code, reason = "a test")]
            #[expect(deprecated)]
            #[warn(unused)]
            #[deprecated = "a test"]
            fn f() {}
        };
        let inherited: Vec<_> = inherited(&item.attrs).iter().map(ToString::to_string).collect();
        assert_eq!(
            inherited,
            [
                "# [allow (dead_code , reason = \"a test\")]",
                "# [allow (deprecated)]",
                "# [allow (deprecated)]"
            ]
        );
    }
}
