//! The rules that one description has to keep by itself.

use proc_macro2::{Ident, Span};
use syn::LitStr;
use syn::ext::IdentExt;

use super::probe::Probe;
use super::{Keys, Scope, Spec, contradictions};
use crate::errors::Errors;
use crate::name;

/// The name that is written, else the default that `ident` gives.
pub(crate) fn check_name(
    written: Option<&LitStr>,
    ident: &Ident,
    default: impl FnOnce(&str) -> String,
    errors: &mut Errors,
) -> String {
    let Some(written) = written else {
        let bare = ident.unraw().to_string();
        let name = default(&bare);
        if let Some(fault) = name::fault(&name) {
            let close = name::mended(&bare).unwrap_or_else(|| "a-short-name".into());
            errors.at(ident, format!("the default name `{name}` {fault}: write `name = \"{close}\"`"));
        }
        return name;
    };
    refuse_malformed("name", written, errors);
    written.value()
}

/// Reports what is wrong with a name, a group or a dependency, where it is written.
fn refuse_malformed(what: &str, written: &LitStr, errors: &mut Errors) {
    let name = written.value();
    if let Some(fault) = name::fault(&name) {
        let close = name::mended(&name).unwrap_or_else(|| "a-short-name".into());
        errors.at(written, format!("the {what} `{}` {fault}: write `\"{close}\"`", name.escape_debug()));
    }
}

/// What the keys come to, once the rules that concern several of them are kept.
pub(crate) fn valid(
    keys: Keys<'_>,
    name: String,
    location: Span,
    description: String,
    errors: &mut Errors,
) -> Spec {
    refuse_scope(&keys, errors);
    contradictions::refuse(&keys, errors);
    if let Some(group) = keys.group {
        refuse_malformed("group", group, errors);
    }
    for dependency in &keys.depends_on {
        refuse_malformed("dependency", dependency, errors);
    }
    Spec {
        name,
        location,
        description,
        probes: keys.probes.map(|probes| probes.0.iter().map(|(probe, _)| *probe).collect()),
        timing: keys.timing,
        critical: keys.critical,
        scope: keys.scope,
        group: keys.group.map(LitStr::value),
        depends_on: keys.depends_on.iter().map(|dependency| dependency.value()).collect(),
        enabled: keys.enabled.unwrap_or(true),
    }
}

/// A failing liveness or startup probe kills the process, which must not be because of something that a new process
/// would meet again.
fn refuse_scope(keys: &Keys<'_>, errors: &mut Errors) {
    let Some(probes) = &keys.probes else { return };
    let shared = keys.scope == Some(Scope::Shared);
    if let Some(live) = probes.word(Probe::Live) {
        if shared {
            errors.at(
                live,
                "a check with `scope = \"shared\"` cannot join `live`: a failing liveness probe restarts the process, \
                 no restart repairs what others share, and a fleet that restarts together is an outage; write \
                 `probe = \"ready\"`",
            );
        } else if keys.scope.is_none() && keys.written("scope").is_none() {
            errors.at(
                live,
                "`live` needs `scope = \"local\"`: a failing liveness probe restarts the process, which cannot repair a \
                 database, and a fleet that restarts together is an outage; add `scope = \"local\"` if a restart does \
                 repair it, else write `probe = \"ready\"`",
            );
        }
    }
    if let Some(startup) = probes.word(Probe::Startup).filter(|_| shared) {
        errors.at(
            startup,
            "a check with `scope = \"shared\"` cannot join `startup`: a failing startup probe kills the process, so a \
             shared dependency that is down would keep the whole fleet restarting; write `probe = \"ready\"`",
        );
    }
}

/// A group that is written on its own.
pub(crate) fn group(written: &LitStr, errors: &mut Errors) -> String {
    refuse_malformed("group", written, errors);
    written.value()
}
