//! A type and its fields with what is written about them.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Meta, Path, Type};

use crate::args::{self, Arg};
use crate::errors::Errors;

pub(crate) struct Declared<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attrs: &'a [Attribute],
    pub(crate) args: Vec<Arg>,
    /// The named fields; `None` when the type cannot be a component, which has been reported.
    pub(crate) fields: Option<Vec<Field<'a>>>,
}

pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: &'a [Attribute],
    /// The `health` of `#[health(...)]`, when there is one.
    pub(crate) annotated: Option<&'a Path>,
    pub(crate) args: Vec<Arg>,
}

impl Field<'_> {
    pub(crate) fn is_annotated(&self) -> bool {
        self.attrs.iter().any(|attr| attr.path().is_ident("health"))
    }
}

impl<'a> Declared<'a> {
    pub(crate) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let (args, _) = read_args(&input.attrs, errors);
        let fields = read_fields(input, errors);
        Self { ident: &input.ident, generics: &input.generics, attrs: &input.attrs, args, fields }
    }
}

fn read_fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Option<Vec<Field<'a>>> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            errors.at(
                data.enum_token.to_token_stream(),
                "a component is a struct, whose fields are all there at once: wrap the enum in a struct, or implement \
                 `HealthCheck` for it",
            );
            return None;
        }
        Data::Union(data) => {
            errors.at(
                data.union_token.to_token_stream(),
                "a component is a struct, and the fields of a union cannot be borrowed: use a struct",
            );
            return None;
        }
    };
    match fields {
        Fields::Named(named) => {
            Some(named.named.iter().filter_map(|field| read_field(field, errors)).collect())
        }
        Fields::Unit => Some(Vec::new()),
        Fields::Unnamed(unnamed) => {
            errors.at(unnamed, "the checks of a component are named after its fields: give the fields names");
            None
        }
    }
}

fn read_field<'a>(field: &'a syn::Field, errors: &mut Errors) -> Option<Field<'a>> {
    let (args, annotated) = read_args(&field.attrs, errors);
    Some(Field { ident: field.ident.as_ref()?, ty: &field.ty, attrs: &field.attrs, annotated, args })
}

/// What all `#[health(...)]` together say.
fn read_args<'a>(attrs: &'a [Attribute], errors: &mut Errors) -> (Vec<Arg>, Option<&'a Path>) {
    let mut args = Vec::new();
    let mut annotated = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("health")) {
        annotated = Some(attr.path());
        if !matches!(attr.meta, Meta::List(_)) {
            errors.at(attr.meta.to_token_stream(), "write what it is in parentheses: `#[health(check)]`");
            annotated = None;
            continue;
        }
        match attr.parse_args_with(|input: ParseStream<'_>| Ok(args::parse(input, errors))) {
            Ok(more) => args.extend(more),
            Err(error) => errors.add(error),
        }
    }
    (args, annotated)
}
