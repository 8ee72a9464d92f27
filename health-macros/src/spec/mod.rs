//! The keys that describe a check, wherever they are written.

mod contradictions;
mod expand;
mod keys;
mod probe;
mod timing;
mod valid;

use proc_macro2::Span;

pub(crate) use expand::location;
pub(crate) use keys::{Keys, Place, Role};
pub(crate) use valid::{check_name, group, valid};

use probe::Probe;
use timing::Timing;

/// The description of one check, with nothing wrong in it.
pub(crate) struct Spec {
    pub(crate) name: String,
    /// The identifier that is declared to be a check.
    pub(crate) location: Span,
    description: String,
    probes: Option<Vec<Probe>>,
    timing: Timing,
    critical: Option<bool>,
    scope: Option<Scope>,
    group: Option<String>,
    depends_on: Vec<String>,
    enabled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Local,
    Shared,
}
