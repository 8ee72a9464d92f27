//! What the type parameters of a component have to be. Bounds go on parameters only: one on a field's type would show
//! a private type in a public interface, and would never be proved for a type that contains itself.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{GenericArgument, PathArguments, Type, TypeParam};

use super::valid::{Component, Part, What};
use crate::spans;

/// The `where` clause of the impl: the user's own, and what being a component takes.
pub(crate) fn bounds(component: &Component<'_>) -> TokenStream {
    let own = component
        .generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates)
        .map(ToTokens::to_token_stream);
    let added = component.generics.type_params().map(|param| bound(param, &component.parts));
    let all: Vec<_> = own.chain(added).collect();
    if all.is_empty() {
        return TokenStream::new();
    }
    let place = spans::at(component.ident.span());
    quote_spanned!(place=> where #(#all),*)
}

fn bound(param: &TypeParam, parts: &[Part<'_>]) -> TokenStream {
    let ident = &param.ident;
    let place = spans::at(ident.span());
    let used = |wanted: for<'a> fn(&Part<'a>) -> Option<&'a Type>| {
        parts.iter().filter_map(wanted).any(|ty| *ident == ty.to_token_stream().to_string())
    };
    let mut bounds = quote_spanned!(place=> __health::Send + __health::Sync + 'static);
    if used(check) {
        bounds.extend(quote_spanned!(place=> + __health::HealthCheck));
    }
    if used(component) {
        bounds.extend(quote_spanned!(place=> + __health::HealthComponent));
    }
    if used(named_checks) {
        bounds.extend(quote_spanned!(place=> + __health::NamedChecks));
    }
    quote_spanned!(place=> #ident: #bounds)
}

/// The type that has to be a check for this part to be one.
fn check<'a>(part: &Part<'a>) -> Option<&'a Type> {
    match part.what {
        What::Check(_) => Some(through(part.ty, &["Arc", "Box"])),
        What::Each(_) => {
            argument(part.ty, &["BTreeMap", "HashMap"], 1).map(|value| through(value, &["Arc", "Box"]))
        }
        What::With(..) | What::Component(_) => None,
    }
}

fn component<'a>(part: &Part<'a>) -> Option<&'a Type> {
    matches!(part.what, What::Component(_)).then(|| through(part.ty, &["Arc", "Box", "Option"]))
}

fn named_checks<'a>(part: &Part<'a>) -> Option<&'a Type> {
    matches!(part.what, What::Each(_)).then_some(part.ty)
}

/// What is inside the given wrappers, however deep: the traits hold for them when they hold for that.
fn through<'a>(ty: &'a Type, wrappers: &[&str]) -> &'a Type {
    argument(ty, wrappers, 0).map_or(ty, |inner| through(inner, wrappers))
}

/// The type argument at `position` of a type that goes by one of these names.
fn argument<'a>(ty: &'a Type, names: &[&str], position: usize) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| names.iter().any(|name| last.ident == name))?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.into_iter().nth(position)
}
