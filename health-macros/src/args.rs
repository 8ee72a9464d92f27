//! The grammar `key`, `key = value` that the attribute and the derive share, every part with its place.
//!
//! A part that cannot be understood is reported and passed over, so that the mistakes after it are reported too.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Lit, LitStr, Token, bracketed, token};

use crate::errors::Errors;

/// Every key of every place with the way to write it.
const FORMS: [(&str, &str); 20] = [
    ("name", "name = \"db\""),
    ("probe", "probe = \"ready\""),
    ("timeout", "timeout = \"500ms\""),
    ("critical", "critical = true"),
    ("scope", "scope = \"local\""),
    ("group", "group = \"replicas\""),
    ("depends_on", "depends_on = [\"db\"]"),
    ("interval", "interval = \"10s\""),
    ("cache", "cache = \"1s\""),
    ("max_age", "max_age = \"1m\""),
    ("failure_threshold", "failure_threshold = 3"),
    ("success_threshold", "success_threshold = 2"),
    ("backoff", "backoff = \"1m\""),
    ("idle", "idle = \"30s\""),
    ("blocking", "blocking = true"),
    ("enabled", "enabled = false"),
    ("crate", "crate = ::path"),
    ("check", "check"),
    ("component", "component"),
    ("each", "each"),
];

/// How `key` is written, with an example value.
pub(crate) fn form(key: &str) -> &'static str {
    FORMS.iter().find(|(known, _)| *known == key).map_or("name = \"db\"", |(_, form)| form)
}

/// One `key` or `key = value`.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What stands behind the `=`.
pub(crate) enum Value {
    /// Nothing: the key stands alone.
    Absent,
    Lit(Lit),
    List(TokenStream, Vec<Value>),
    Expr(Expr),
    /// Tokens that are no simple expression; the compiler has the last word about them.
    Other(TokenStream),
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Absent => {}
            Self::Lit(lit) => lit.to_tokens(tokens),
            Self::List(list, _) => list.to_tokens(tokens),
            Self::Expr(expr) => expr.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

impl Arg {
    /// The name of the key.
    pub(crate) fn name(&self) -> String {
        self.key.to_string()
    }

    pub(crate) fn text(&self, errors: &mut Errors) -> Option<&LitStr> {
        self.value.text().or_else(|| self.refuse("text", errors))
    }

    pub(crate) fn flag(&self, errors: &mut Errors) -> Option<bool> {
        match &self.value {
            Value::Lit(Lit::Bool(flag)) => Some(flag.value),
            _ => self.refuse("`true` or `false`", errors),
        }
    }

    /// A list of texts; one text alone is a list of one.
    pub(crate) fn texts(&self, errors: &mut Errors) -> Vec<&LitStr> {
        if let Value::List(_, values) = &self.value {
            let mut texts = Vec::new();
            for value in values {
                match value.text() {
                    Some(text) => texts.push(text),
                    None => errors
                        .at(value, format!("`{}` lists texts: write `{}`", self.key, form(&self.name()))),
                }
            }
            return texts;
        }
        self.value.text().or_else(|| self.refuse("text or a list of texts", errors)).into_iter().collect()
    }

    /// Reports a value of the wrong form, at the value.
    pub(crate) fn refuse<T>(&self, takes: &str, errors: &mut Errors) -> Option<T> {
        let message = format!("`{}` takes {takes}: write `{}`", self.key, self.mended());
        match self.value {
            Value::Absent => errors.at(&self.key, message),
            _ => errors.at(&self.value, message),
        }
        None
    }
}

impl Arg {
    /// How to write it, with the value that was meant when that can be seen.
    fn mended(&self) -> String {
        let (key, form) = (&self.key, form(&self.name()));
        match &self.value {
            Value::Expr(Expr::Path(word)) if form.ends_with('"') => match word.path.get_ident() {
                Some(word) => format!("{key} = \"{word}\""),
                None => form.into(),
            },
            Value::Lit(Lit::Str(text)) if matches!(text.value().as_str(), "true" | "false") => {
                format!("{key} = {}", text.value())
            }
            Value::Lit(Lit::Str(text)) if form.ends_with(char::is_numeric) && is_threshold(&text.value()) => {
                format!("{key} = {}", text.value())
            }
            _ => form.into(),
        }
    }
}

fn is_threshold(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|threshold| threshold > 0)
}

impl Value {
    fn text(&self) -> Option<&LitStr> {
        match self {
            Self::Lit(Lit::Str(text)) => Some(text),
            _ => None,
        }
    }

    fn parse(input: ParseStream<'_>) -> Self {
        if input.peek(token::Bracket) {
            return Self::parse_list(input).unwrap_or_else(|_| Self::Other(rest_of_value(input)));
        }
        if input.fork().parse::<Expr>().is_err() {
            return Self::Other(rest_of_value(input));
        }
        input.parse().map_or_else(|_| Self::Other(rest_of_value(input)), Self::of)
    }

    /// A literal is one also when it comes out of another macro, in a group that nobody sees.
    fn of(expr: Expr) -> Self {
        match expr {
            Expr::Lit(expr) => Self::Lit(expr.lit),
            Expr::Group(group) => Self::of(*group.expr),
            expr => Self::Expr(expr),
        }
    }

    fn parse_list(input: ParseStream<'_>) -> syn::Result<Self> {
        let list = input.fork().parse::<TokenTree>()?.into_token_stream();
        let content;
        bracketed!(content in input);
        let mut values = Vec::new();
        while !content.is_empty() {
            let misplaced_comma = content.peek(Token![,]);
            values.push(Self::parse(&content));
            if misplaced_comma || (!content.is_empty() && content.parse::<Token![,]>().is_err()) {
                content.parse::<TokenStream>()?;
                return Ok(Self::Other(list));
            }
        }
        Ok(Self::List(list, values))
    }
}

/// Reads `key = value, key, ...`.
pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Arg> {
    let mut args = Vec::new();
    while !input.is_empty() {
        match parse_one(input) {
            Ok(arg) => args.push(arg),
            Err(error) => {
                errors.add(error);
                rest_of_value(input);
            }
        }
        if input.is_empty() {
            break;
        }
        if let Err(error) = input.parse::<Token![,]>() {
            errors.add(syn::Error::new(error.span(), "expected `,` before the next key"));
            if !input.peek(Ident::peek_any) {
                rest_of_value(input);
                let _ = input.parse::<Token![,]>();
            }
        }
    }
    args
}

fn parse_one(input: ParseStream<'_>) -> syn::Result<Arg> {
    if let Ok(text) = input.fork().parse::<LitStr>() {
        let message = format!("expected a key: write `name = {}`", text.to_token_stream());
        return Err(syn::Error::new_spanned(text, message));
    }
    let key = input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(error.span(), "expected a key: write `key = value`, for example `name = \"db\"`")
    })?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Arg { key, value: Value::Absent });
    }
    if !input.peek(Token![=]) {
        let message = format!("expected `=` or `,` after `{key}`: write `{}`", form(&key.to_string()));
        return Err(input.error(message));
    }
    let equals = input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{key}` has no value: write `{}`", form(&key.to_string()));
        return Err(syn::Error::new_spanned(equals, message));
    }
    Ok(Arg { key, value: Value::parse(input) })
}

/// Everything up to the next comma that belongs to no group.
fn rest_of_value(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}
