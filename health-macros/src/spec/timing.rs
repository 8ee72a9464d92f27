//! The keys that say when a check runs, how long what it said may be used, and when its status moves.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, Lit, LitInt, LitStr};

use crate::args::{Arg, Value, form};
use crate::duration;
use crate::errors::Errors;

/// These keys, each as written.
#[derive(Default)]
pub(crate) struct Timing {
    pub(super) timeout: Option<Period>,
    pub(super) interval: Option<Interval>,
    pub(super) cache: Option<Period>,
    pub(super) max_age: Option<Period>,
    pub(super) failure_threshold: Option<u32>,
    pub(super) success_threshold: Option<u32>,
    pub(super) backoff: Option<Period>,
    pub(super) idle: Option<Period>,
}

/// A length of time.
pub(super) enum Period {
    Text(LitStr, Duration),
    /// A constant expression; what it comes to is known to the compiler only.
    Expr(TokenStream),
}

pub(super) enum Interval {
    Every(Period),
    /// On demand only, with the word that says so.
    Never(LitStr),
}

impl Period {
    /// The text with what it comes to, where that can be seen.
    pub(super) fn text(&self) -> Option<(&LitStr, Duration)> {
        match self {
            Self::Text(text, duration) => Some((text, *duration)),
            Self::Expr(_) => None,
        }
    }

    pub(super) fn read(arg: &Arg, errors: &mut Errors) -> Option<Self> {
        Self::read_or(arg, "a duration", "", errors)
    }

    /// `hint` is added to what is wrong with a text.
    fn read_or(arg: &Arg, takes: &str, hint: &str, errors: &mut Errors) -> Option<Self> {
        match &arg.value {
            Value::Lit(Lit::Str(text)) => match duration::parse(&text.value()) {
                Ok(duration) => Some(Self::Text(again(text), duration)),
                Err(fault) => {
                    errors.at(text, fault + hint);
                    None
                }
            },
            Value::Lit(Lit::Int(number)) => {
                errors.at(number, not_text(&arg.name(), number));
                None
            }
            Value::Expr(_) | Value::Other(_) => Some(Self::Expr(arg.value.to_token_stream())),
            Value::Absent | Value::Lit(_) | Value::List(..) => arg.refuse(takes, errors),
        }
    }
}

/// The same text at the same place: `syn` clones its tokens only with a feature that costs build time.
fn again(text: &LitStr) -> LitStr {
    LitStr::new(&text.value(), text.span())
}

/// A number with or without a unit, and without quotes.
fn not_text(key: &str, number: &LitInt) -> String {
    let digits = number.base10_digits();
    match number.suffix() {
        "" => format!("`{digits}` has no unit: write `{key} = \"{digits}ms\"` or `\"{digits}s\"`"),
        unit if duration::parse(&format!("{digits}{unit}")).is_ok() => {
            format!("a duration is written as text: write `{key} = \"{digits}{unit}\"`")
        }
        _ => format!("`{number}` is no duration: write `{}`", form(key)),
    }
}

impl Interval {
    pub(super) fn read(arg: &Arg, errors: &mut Errors) -> Option<Self> {
        let takes = "a duration or `\"never\"`";
        match &arg.value {
            Value::Lit(Lit::Str(text)) if text.value() == "never" => Some(Self::Never(again(text))),
            // Else the compiler would look for a constant of that name.
            Value::Expr(Expr::Path(word)) if word.path.is_ident("never") => arg.refuse(takes, errors),
            _ => {
                let hint = "; `\"never\"` is for on demand only";
                Period::read_or(arg, takes, hint, errors).map(Self::Every)
            }
        }
    }

    pub(super) fn every(&self) -> Option<&Period> {
        match self {
            Self::Every(period) => Some(period),
            Self::Never(_) => None,
        }
    }
}

/// How many observations in a row move the held status.
pub(super) fn read_threshold(arg: &Arg, errors: &mut Errors) -> Option<u32> {
    let Value::Lit(Lit::Int(number)) = &arg.value else {
        return arg.refuse("a number of observations, at least 1", errors);
    };
    let key = &arg.key;
    if !matches!(number.suffix(), "" | "u32") {
        let digits = number.base10_digits();
        errors.at(number, format!("`{key}` takes a plain number: write `{key} = {digits}`"));
        return None;
    }
    match number.base10_parse() {
        Ok(0) => {
            let message = format!("no status moves after 0 observations: write `{key} = 1` for no threshold");
            errors.at(number, message);
            None
        }
        Ok(threshold) => Some(threshold),
        Err(_) => {
            let message =
                format!("`{key}` is at most {}: write a number such as `{}`", u32::MAX, form(&arg.name()));
            errors.at(number, message);
            None
        }
    }
}
