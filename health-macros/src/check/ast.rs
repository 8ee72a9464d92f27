//! A function as far as the attribute has to understand it: its signature. The body is nobody's business.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Generics, ReturnType, Token, Type, Visibility, parenthesized};

pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    /// `const`, `unsafe`, `extern "C"`: what a check cannot be.
    pub(crate) foreign: Vec<TokenStream>,
    pub(crate) asynchronous: Option<Token![async]>,
    pub(crate) fn_token: Token![fn],
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) params: Vec<Param>,
    pub(crate) output: ReturnType,
    /// Whether there is a body behind the signature.
    pub(crate) has_body: bool,
}

pub(crate) enum Param {
    Receiver(TokenStream),
    Typed(Box<Typed>),
}

pub(crate) struct Typed {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) pattern: TokenStream,
    pub(crate) ty: Type,
}

impl Typed {
    /// How messages call it.
    pub(crate) fn name(&self) -> String {
        let mut idents = self.pattern.clone().into_iter().filter_map(|token| match token {
            TokenTree::Ident(ident) if ident != "mut" && ident != "ref" => Some(ident),
            _ => None,
        });
        match (idents.next(), idents.next()) {
            (Some(ident), None) => ident.unraw().to_string(),
            _ => self.pattern.to_string(),
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let mut foreign = Vec::new();
        let mut asynchronous = None;
        while !input.peek(Token![fn]) {
            if input.peek(Token![async]) {
                asynchronous = Some(input.parse()?);
            } else if input.peek(Token![extern]) && !input.peek2(Token![crate]) {
                let mut tokens = input.parse::<Token![extern]>()?.into_token_stream();
                tokens.extend(input.parse::<Option<syn::LitStr>>()?.map(ToTokens::into_token_stream));
                foreign.push(tokens);
            } else if is_qualifier(input) {
                foreign.push(input.parse::<TokenTree>()?.into_token_stream());
            } else {
                return Err(no_function(input));
            }
        }
        let fn_token = input.parse()?;
        let ident = input.parse()?;
        let mut generics: Generics = input.parse()?;
        let list;
        parenthesized!(list in input);
        let mut params = Vec::new();
        while !list.is_empty() {
            params.push(list.parse()?);
            if !list.is_empty() {
                list.parse::<Token![,]>()?;
            }
        }
        let output = input.parse()?;
        generics.where_clause = input.parse()?;
        let has_body = !input.peek(Token![;]);
        input.parse::<TokenStream>()?;
        Ok(Self { attrs, foreign, asynchronous, fn_token, ident, generics, params, output, has_body })
    }
}

impl Parse for Param {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let mut pattern = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) && !ends_pattern(input) {
            pattern.extend([input.parse::<TokenTree>()?]);
        }
        let is_self =
            pattern.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(it) if it == "self"));
        if ends_pattern(input) {
            input.parse::<Token![:]>()?;
            let ty = input.parse()?;
            return Ok(if is_self {
                Self::Receiver(pattern)
            } else {
                Self::Typed(Box::new(Typed { attrs, pattern, ty }))
            });
        }
        if is_self { Ok(Self::Receiver(pattern)) } else { Err(input.error("expected `: &Type`")) }
    }
}

fn ends_pattern(input: ParseStream<'_>) -> bool {
    input.peek(Token![:]) && !input.peek(Token![::])
}

/// Whether the next word is one that may stand before `fn`, and `fn` or another one follows.
fn is_qualifier(input: ParseStream<'_>) -> bool {
    let follows = input.peek2(Token![fn]) || input.peek2(Token![async]) || input.peek2(Token![unsafe]);
    let follows = follows || input.peek2(Token![extern]) || input.peek2(Token![const]);
    (input.peek(Token![const]) || input.peek(Token![unsafe]) || input.peek(syn::Ident)) && follows
}

fn no_function(input: ParseStream<'_>) -> Error {
    let hint = if input.peek(Token![struct]) || input.peek(Token![enum]) {
        "a type is made a component by `#[derive(HealthComponent)]`"
    } else {
        "put it on an `async fn`, or on a `fn` with `blocking = true` or `blocking = false`"
    };
    input.error(format!("`#[health_check]` belongs on a function; {hint}"))
}
