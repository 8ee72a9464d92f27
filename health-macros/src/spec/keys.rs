//! Keys as they are written, one value each, with their places.

use std::fmt::Write;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{LitStr, Path};

use super::Scope;
use super::probe::Probes;
use super::timing::{Interval, Period, Timing, read_threshold};
use crate::args::{Arg, Value};
use crate::errors::Errors;
use crate::name;
use crate::path::CratePath;

/// Where keys are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Function,
    Struct,
    Field,
}

/// The keys that describe a check at every place.
const DESCRIBING: [&str; 13] = [
    "probe",
    "timeout",
    "critical",
    "scope",
    "depends_on",
    "interval",
    "cache",
    "max_age",
    "failure_threshold",
    "success_threshold",
    "backoff",
    "idle",
    "enabled",
];

impl Place {
    fn known(self) -> impl Iterator<Item = &'static str> {
        let (own, others): (&[_], &[_]) = match self {
            Self::Function => (&["name", "group"], &["blocking", "crate"]),
            Self::Struct => (&["name", "group", "check"], &["crate"]),
            Self::Field => (&["check", "component", "each", "name", "group"], &["blocking"]),
        };
        own.iter().chain(&DESCRIBING).chain(others).copied()
    }

    /// Why a key that is known elsewhere is none here.
    fn elsewhere(self, key: &str) -> Option<&'static str> {
        match (self, key) {
            (Self::Field, "crate") => Some("write it once, on the struct: `#[health(crate = ::path)]`"),
            (Self::Function, "check" | "component" | "each") => Some(
                "it belongs on the fields of a `#[derive(HealthComponent)]`; an annotated function is a check",
            ),
            (Self::Struct, "component" | "each") => Some("it belongs on a field"),
            (Self::Struct, "blocking") => Some("it belongs beside `check = function` on a field"),
            _ => None,
        }
    }
}

/// What a field of a component is, as written.
pub(crate) enum Role<'a> {
    Check,
    With(&'a Path),
    Component,
    Each,
}

/// Everything that one declaration says, each key with the identifier that says it.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    pub(crate) krate: CratePath,
    pub(crate) role: Option<(Role<'a>, &'a Ident)>,
    pub(crate) name: Option<&'a LitStr>,
    pub(crate) probes: Option<Probes<'a>>,
    pub(crate) timing: Timing,
    pub(crate) critical: Option<bool>,
    pub(crate) scope: Option<Scope>,
    pub(crate) group: Option<&'a LitStr>,
    pub(crate) depends_on: Vec<&'a LitStr>,
    pub(crate) blocking: Option<bool>,
    pub(crate) enabled: Option<bool>,
    /// Every known key, in the order written.
    pub(crate) written: Vec<&'a Ident>,
}

impl<'a> Keys<'a> {
    /// Reads what is written at `place`.
    pub(crate) fn read(args: &'a [Arg], place: Place, errors: &mut Errors) -> Self {
        let mut keys = Self::default();
        for arg in args {
            let key = arg.name();
            if !place.known().any(|known| known == key) {
                errors.at(&arg.key, unknown(&key, place));
            } else if keys.written.contains(&&arg.key) {
                errors.at(&arg.key, format!("`{key}` is written twice: keep one of them"));
            } else {
                keys.written.push(&arg.key);
                keys.read_one(&key, arg, errors);
            }
        }
        keys
    }

    /// The identifier of `key`, if it is written.
    pub(crate) fn written(&self, key: &str) -> Option<&'a Ident> {
        self.written.iter().copied().find(|written| *written == key)
    }

    fn read_one(&mut self, key: &str, arg: &'a Arg, errors: &mut Errors) {
        match key {
            "crate" => self.krate = CratePath::read(&arg.value, errors),
            "name" => self.name = arg.text(errors),
            "probe" => self.probes = Probes::read(arg, errors),
            "timeout" => self.timing.timeout = Period::read(arg, errors),
            "interval" => self.timing.interval = Interval::read(arg, errors),
            "cache" => self.timing.cache = Period::read(arg, errors),
            "max_age" => self.timing.max_age = Period::read(arg, errors),
            "failure_threshold" => self.timing.failure_threshold = read_threshold(arg, errors),
            "success_threshold" => self.timing.success_threshold = read_threshold(arg, errors),
            "backoff" => self.timing.backoff = Period::read(arg, errors),
            "idle" => self.timing.idle = Period::read(arg, errors),
            "critical" => self.critical = arg.flag(errors),
            "scope" => self.scope = read_scope(arg, errors),
            "group" => self.group = arg.text(errors),
            "depends_on" => self.depends_on = arg.texts(errors),
            "blocking" => self.blocking = arg.flag(errors),
            "enabled" => self.enabled = arg.flag(errors),
            _ => self.read_role(key, arg, errors),
        }
    }

    fn read_role(&mut self, key: &str, arg: &'a Arg, errors: &mut Errors) {
        if let Some((_, first)) = &self.role {
            errors.at(
                &arg.key,
                format!("a field has one role, and this one is already `{first}`: remove one of them"),
            );
            return;
        }
        let role = match (key, &arg.value) {
            ("check", Value::Absent) => Role::Check,
            ("check", Value::Expr(syn::Expr::Path(function))) if function.qself.is_none() => {
                Role::With(&function.path)
            }
            ("check", _) => {
                errors.at(
                    &arg.value,
                    "`check` stands alone or takes the path of a function: write `check` or `check = function`",
                );
                Role::Check
            }
            (role, value) => {
                if !matches!(value, Value::Absent) {
                    errors.at(value, format!("`{role}` takes no value: write `{role}`"));
                }
                if role == "each" { Role::Each } else { Role::Component }
            }
        };
        self.role = Some((role, &arg.key));
    }
}

fn unknown(key: &str, place: Place) -> String {
    if let Some(hint) = place.elsewhere(key) {
        return format!("`{key}` is no key here: {hint}");
    }
    let mut message = format!("unknown key `{key}`");
    if let Some(nearest) = name::nearest(&key.to_lowercase(), place.known()) {
        let _ = write!(message, ": did you mean `{nearest}`?");
    }
    let known: Vec<_> = place.known().map(|key| format!("`{key}`")).collect();
    let _ = write!(
        message,
        "{} the known keys are {}",
        if message.ends_with('?') { "" } else { ";" },
        known.join(", ")
    );
    message
}

fn read_scope(arg: &Arg, errors: &mut Errors) -> Option<Scope> {
    let word = arg.text(errors)?;
    match word.value().as_str() {
        "local" => Some(Scope::Local),
        "shared" => Some(Scope::Shared),
        _ => {
            errors.at(
                word,
                format!(
                    "unknown scope {}: write `\"local\"` for what belongs to this process or machine, or `\"shared\"` \
                     for what other instances depend on too",
                    word.to_token_stream()
                ),
            );
            None
        }
    }
}
