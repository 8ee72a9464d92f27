//! The keys that describe a check, wherever they are written.

mod expand;
mod keys;
mod probe;
mod valid;

use std::time::Duration;

use proc_macro2::{Span, TokenStream};

pub(crate) use expand::location;
pub(crate) use keys::{Keys, Place, Role};
pub(crate) use valid::{check_name, group, valid};

use probe::Probe;

/// The description of one check, with nothing wrong in it.
pub(crate) struct Spec {
    pub(crate) name: String,
    /// The identifier that is declared to be a check.
    pub(crate) location: Span,
    description: String,
    probes: Option<Vec<Probe>>,
    timeout: Option<Timeout>,
    critical: Option<bool>,
    scope: Option<Scope>,
    group: Option<String>,
    depends_on: Vec<String>,
    enabled: bool,
}

/// A timeout as written.
pub(crate) enum Timeout {
    Text(Duration),
    /// A constant expression; what it comes to is known to the compiler only.
    Expr(TokenStream),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Local,
    Shared,
}
