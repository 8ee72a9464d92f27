//! What a check may look like.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericArgument, GenericParam, PathArguments, ReturnType, Type};

use super::ast::{Function, Param, Typed};
use crate::args::Arg;
use crate::attrs;
use crate::errors::Errors;
use crate::path::CratePath;
use crate::spec::{self, Keys, Place, Spec};

/// A function that can be asked, with nothing wrong in it.
pub(crate) struct Check<'a> {
    pub(crate) krate: CratePath,
    pub(crate) ident: &'a Ident,
    pub(crate) spec: Spec,
    pub(crate) run: Run,
    pub(crate) resources: Vec<Resource<'a>>,
    /// The return type, when one is written.
    pub(crate) output: Option<&'a Type>,
    /// The lifetimes that the function declares.
    pub(crate) lifetimes: Vec<&'a Ident>,
    pub(crate) inherited: Vec<TokenStream>,
}

/// How the function is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    Async,
    /// On a thread of the engine's own.
    Blocking,
    /// At once, where a future would be polled.
    InPlace,
}

/// What one parameter borrows.
pub(crate) struct Resource<'a> {
    pub(crate) parameter: String,
    pub(crate) ty: &'a Type,
}

pub(crate) fn valid<'a>(args: &[Arg], function: &'a Function, errors: &mut Errors) -> Check<'a> {
    let mut keys = Keys::read(args, Place::Function, errors);
    refuse_second_attribute(function, errors);
    refuse_foreign(function, errors);
    let lifetimes = lifetimes(function, errors);
    let run = run(&keys, function, errors);
    let resources = function.params.iter().filter_map(|param| resource(param, errors)).collect();
    let output = output(function, errors);
    let name = spec::check_name(keys.name, &function.ident, str::to_owned, errors);
    for dependency in keys.depends_on.iter().filter(|dependency| dependency.value() == name) {
        errors.at(dependency, format!("`{name}` depends on itself: name what it needs, or remove this"));
    }
    let krate = std::mem::take(&mut keys.krate);
    let description = attrs::description(&function.attrs);
    let spec = spec::valid(keys, name, function.ident.span(), description, errors);
    let inherited = attrs::inherited(&function.attrs);
    Check { krate, ident: &function.ident, spec, run, resources, output, lifetimes, inherited }
}

fn refuse_second_attribute(function: &Function, errors: &mut Errors) {
    let ours = |path: &syn::Path| path.segments.last().is_some_and(|last| last.ident == "health_check");
    for attr in function.attrs.iter().filter(|attr| ours(attr.path())) {
        errors.at(attr.path(), "one function is one check: keep one `#[health_check]` and remove the other");
    }
}

fn refuse_foreign(function: &Function, errors: &mut Errors) {
    for keyword in &function.foreign {
        let message = format!(
            "a check is an `async fn` or a plain `fn`: remove `{keyword}`, or call this function from one"
        );
        errors.at(keyword, message);
    }
    if !function.has_body {
        errors.at(&function.ident, "a check is asked by running it, and this function has no body: add one");
    }
}

fn lifetimes<'a>(function: &'a Function, errors: &mut Errors) -> Vec<&'a Ident> {
    let mut lifetimes = Vec::new();
    for param in &function.generics.params {
        match param {
            GenericParam::Lifetime(param) => lifetimes.push(&param.lifetime.ident),
            GenericParam::Type(_) | GenericParam::Const(_) => {
                errors.at(
                    param,
                    "a check is one function, not a family of them: write the type in place of the parameter",
                );
            }
        }
    }
    lifetimes
}

fn run(keys: &Keys<'_>, function: &Function, errors: &mut Errors) -> Run {
    match (&function.asynchronous, keys.written("blocking")) {
        (Some(_), None) => Run::Async,
        (Some(_), Some(key)) => {
            errors.at(key, "`blocking` says how a plain `fn` is run, and this one is `async`: remove `blocking`, or `async`");
            Run::Async
        }
        (None, Some(_)) if keys.blocking == Some(false) => Run::InPlace,
        (None, Some(_)) => Run::Blocking,
        (None, None) => {
            let (fn_token, ident) = (&function.fn_token, &function.ident);
            errors.at(
                quote!(#fn_token #ident),
                "a plain `fn` must say whether it may block its thread: add `blocking = true` to run it on a thread of \
                 the engine's own, `blocking = false` if it answers at once, or make it an `async fn`",
            );
            Run::InPlace
        }
    }
}

fn resource<'a>(param: &'a Param, errors: &mut Errors) -> Option<Resource<'a>> {
    let typed = match param {
        Param::Typed(typed) => typed,
        Param::Receiver(receiver) => {
            errors.at(
                receiver,
                "a check is no method: borrow the value as a resource, `this: &Type`, in a function outside the `impl`, \
                 or implement `HealthCheck` for the type",
            );
            return None;
        }
    };
    for attr in
        typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
    {
        errors
            .at(attr, "a parameter of a check is there or not: write two functions and put `#[cfg]` on them");
    }
    if let Some(token) = impl_trait(typed.ty.to_token_stream()) {
        errors.at(token, "a resource is found by its type, and `impl Trait` is none: name the type, or borrow a `&dyn Trait`");
        return None;
    }
    let Some(reference) = reference(&typed.ty) else {
        errors.at(&typed.ty, by_value(typed));
        return None;
    };
    if let Some(mutability) = &reference.mutability {
        errors.at(
            mutability,
            "a resource is shared with the application: borrow it as `&T`, and put what changes behind a lock",
        );
    }
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
        errors.at(lifetime, "a check borrows its resources for one run: remove `'static`");
    }
    Some(Resource { parameter: typed.name(), ty: &reference.elem })
}

/// `&T`, also when it comes in parentheses or out of another macro.
fn reference(ty: &Type) -> Option<&syn::TypeReference> {
    match ty {
        Type::Reference(reference) => Some(reference),
        Type::Group(group) => reference(&group.elem),
        Type::Paren(paren) => reference(&paren.elem),
        _ => None,
    }
}

fn by_value(typed: &Typed) -> String {
    let parameter = typed.name();
    match shared_content(&typed.ty) {
        Some((wrapper, content)) if wrapper == "Data" => format!(
            "a check borrows its resources: write `{parameter}: &{}`, and hand in `.resource({parameter}.into_inner())`",
            written(content)
        ),
        Some((_, content)) => format!(
            "a check borrows its resources: write `{parameter}: &{}`, which is lent from an `Arc` too",
            written(content)
        ),
        None => format!("a check borrows its resources: write `{parameter}: &{}`", written(&typed.ty)),
    }
}

/// What an `Arc`, or the `Data` of actix-web, shares.
fn shared_content(ty: &Type) -> Option<(&Ident, &Type)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Arc" || last.ident == "Data")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(content)) => Some((&last.ident, content)),
        _ => None,
    }
}

/// The type as people space it.
fn written(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, usual) in [(" ::", "::"), (":: ", "::"), (" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ",")]
    {
        text = text.replace(spaced, usual);
    }
    text
}

fn output<'a>(function: &'a Function, errors: &mut Errors) -> Option<&'a Type> {
    let ReturnType::Type(_, ty) = &function.output else {
        return None;
    };
    if let Some(token) = impl_trait(ty.to_token_stream()) {
        errors.at(
            token,
            "a check says what it returns: write `()`, `Status`, `Outcome`, or a `Result` of one of them",
        );
    }
    Some(ty)
}

/// The first `impl` of a type: whatever it hides has no name that generated code could write.
fn impl_trait(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "impl" => Some(ident),
        TokenTree::Group(group) => impl_trait(group.stream()),
        _ => None,
    })
}
