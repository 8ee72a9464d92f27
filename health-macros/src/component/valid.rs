//! What a component may declare.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{Generics, Path, Type};

use super::ast::{Declared, Field};
use crate::errors::Errors;
use crate::path::CratePath;
use crate::spec::{self, Keys, Place, Role, Spec};
use crate::{attrs, name};

/// A component, with nothing wrong in it.
pub(crate) struct Component<'a> {
    pub(crate) krate: CratePath,
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) name: String,
    pub(crate) group: Option<String>,
    /// The description of the component as a check, if it is one itself.
    pub(crate) itself: Option<Spec>,
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) inherited: Vec<TokenStream>,
}

/// A field that is declared.
pub(crate) struct Part<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) what: What<'a>,
}

pub(crate) enum What<'a> {
    Check(Spec),
    With(Spec, With<'a>),
    Component(String),
    Each(Spec),
}

/// A function that asks about a field.
pub(crate) struct With<'a> {
    pub(crate) function: &'a Path,
    /// As the key says; a function without it is an `async fn`.
    pub(crate) blocking: Option<bool>,
}

pub(crate) fn valid<'a>(declared: &'a Declared<'a>, errors: &mut Errors) -> Component<'a> {
    let mut keys = Keys::read(&declared.args, Place::Struct, errors);
    let krate = std::mem::take(&mut keys.krate);
    let name = spec::check_name(keys.name, declared.ident, name::snake_case, errors);
    let group = keys.group.take().map(|group| spec::group(group, errors));
    let itself = itself(keys, declared, errors);
    let fields = declared.fields.as_deref();
    let parts = fields.map(|fields| parts(fields, group.is_some(), errors)).unwrap_or_default();
    refuse_lifetimes(declared.generics, errors);
    let declares = itself.is_some() || fields.is_none_or(|fields| fields.iter().any(Field::is_annotated));
    if !declares {
        errors.at(
            declared.ident,
            "this component declares no check: write `#[health(check)]`, `#[health(component)]` or `#[health(each)]` on \
             a field, or `#[health(check)]` on the struct",
        );
    }
    let inherited = attrs::inherited(declared.attrs);
    Component {
        krate,
        ident: declared.ident,
        generics: declared.generics,
        name,
        group,
        itself,
        parts,
        inherited,
    }
}

fn itself<'a>(keys: Keys<'a>, declared: &'a Declared<'a>, errors: &mut Errors) -> Option<Spec> {
    match keys.role {
        Some((Role::With(function), _)) => {
            errors.at(
                function,
                "a function checks a field; for the struct itself write `check` and implement `HealthCheck` for it",
            );
        }
        Some(_) => {}
        None => {
            for key in
                keys.written.iter().filter(|key| !["name", "group", "crate"].iter().any(|own| **key == own))
            {
                errors.at(
                    key,
                    format!("`{key}` describes a check, and the struct is none: add `check`, or write `{key}` on a field"),
                );
            }
            return None;
        }
    }
    // It is named as the component is, whatever that is called where it is handed in.
    let description = attrs::description(declared.attrs);
    Some(spec::valid(keys, String::new(), declared.ident.span(), description, errors))
}

fn parts<'a>(fields: &'a [Field<'a>], in_group: bool, errors: &mut Errors) -> Vec<Part<'a>> {
    let mut names: Vec<(String, &Ident)> = Vec::new();
    let mut parts = Vec::new();
    for field in fields {
        let Some(annotated) = field.annotated else {
            continue;
        };
        let keys = Keys::read(&field.args, Place::Field, errors);
        let name = spec::check_name(keys.name, field.ident, str::to_owned, errors);
        if let Some((_, first)) = names.iter().find(|(known, _)| *known == name) {
            let message = format!(
                "`{name}` is the name of the field `{first}` already: write another `name = \"...\"`"
            );
            match keys.name {
                Some(written) => errors.at(written, message),
                None => errors.at(field.ident, message),
            }
        }
        names.push((name.clone(), field.ident));
        if let Some(what) = what(keys, name, field, annotated, in_group, errors) {
            parts.push(Part { field: field.ident, ty: field.ty, what });
        }
    }
    parts
}

fn what<'a>(
    keys: Keys<'a>,
    name: String,
    field: &'a Field<'a>,
    annotated: &Path,
    in_group: bool,
    errors: &mut Errors,
) -> Option<What<'a>> {
    let mut keys = keys;
    let Some((role, key)) = keys.role.take() else {
        // A key that is not known may well have been meant to be the role, and has been reported.
        if keys.written.len() == field.args.len() {
            let hint = "say what the field is: `check`, `check = function`, `component` or `each`";
            match keys.written.first() {
                Some(first) => errors.at(first, hint),
                None => errors.at(annotated, hint),
            }
        }
        return None;
    };
    refuse_unfit(&keys, &role, errors);
    if matches!(role, Role::Each) && !in_group && keys.written("critical").is_none() && keys.group.is_none() {
        errors.at(
            key,
            "one of many must not take all down by accident: add `critical = false`, or `critical = true`, or a `group` \
             whose policy decides",
        );
    }
    let blocking = keys.blocking;
    if matches!(role, Role::Component) {
        return Some(What::Component(name));
    }
    let description = attrs::description(field.attrs);
    let spec = spec::valid(keys, name, field.ident.span(), description, errors);
    Some(match role {
        Role::With(function) => What::With(spec, With { function, blocking }),
        Role::Each => What::Each(spec),
        Role::Check | Role::Component => What::Check(spec),
    })
}

/// Reports keys that say nothing about this role.
fn refuse_unfit(keys: &Keys<'_>, role: &Role<'_>, errors: &mut Errors) {
    if matches!(role, Role::Component) {
        for key in keys.written.iter().filter(|key| **key != "component" && **key != "name") {
            errors
                .at(key, format!("`{key}` says nothing about a component: write it on the checks inside it"));
        }
    } else if let Some(key) = keys.written("blocking").filter(|_| !matches!(role, Role::With(_))) {
        errors.at(
            key,
            "`blocking` says how a function is run: write it beside `check = function`, or remove it",
        );
    }
}

fn refuse_lifetimes(generics: &Generics, errors: &mut Errors) {
    for lifetime in generics.lifetimes() {
        errors.at(
            lifetime,
            format!(
                "a component lives as long as the engine that asks it, so it cannot borrow for `'{}`: own the value, or \
                 share it in an `Arc`",
                lifetime.lifetime.ident.unraw()
            ),
        );
    }
}
