//! The words for who is asking.

use syn::LitStr;

use crate::args::{Arg, Value};
use crate::errors::Errors;
use crate::name;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    Live,
    Ready,
    Startup,
}

const WORDS: [&str; 4] = ["live", "ready", "startup", "none"];

/// Words of other systems for the same things.
const FOREIGN: [(&str, &str); 14] = [
    ("liveness", "live"),
    ("livez", "live"),
    ("alive", "live"),
    ("readiness", "ready"),
    ("readyz", "ready"),
    ("healthz", "ready"),
    ("start", "startup"),
    ("started", "startup"),
    ("startupz", "startup"),
    ("start-up", "startup"),
    ("informational", "none"),
    ("info", "none"),
    ("never", "none"),
    ("", "none"),
];

/// The probes of a check, each with the word that says so; empty for `"none"`.
pub(crate) struct Probes<'a>(pub(crate) Vec<(Probe, &'a LitStr)>);

impl<'a> Probes<'a> {
    pub(crate) fn read(arg: &'a Arg, errors: &mut Errors) -> Option<Self> {
        let words = arg.texts(errors);
        if words.is_empty() {
            if matches!(&arg.value, Value::List(_, values) if values.is_empty()) {
                errors.at(
                    &arg.value,
                    "an empty list of probes is ambiguous: write `probe = \"none\"` for a check that weighs nowhere, \
                     or leave the key out for `\"ready\"`",
                );
            }
            return None;
        }
        let alone = words.len() == 1;
        let mut probes: Vec<(Probe, &'a LitStr)> = Vec::new();
        for word in words {
            let text = word.value();
            let probe = match text.as_str() {
                "live" => Probe::Live,
                "ready" => Probe::Ready,
                "startup" => Probe::Startup,
                "none" if alone => break,
                "none" => {
                    errors.at(
                        word,
                        "`none` stands alone: write `probe = \"none\"`, or leave it out of the list",
                    );
                    continue;
                }
                _ => {
                    errors.at(word, unknown(&text));
                    continue;
                }
            };
            if probes.iter().any(|(known, _)| *known == probe) {
                errors.at(word, format!("`{text}` is listed twice: remove this one"));
            } else {
                probes.push((probe, word));
            }
        }
        Some(Self(probes))
    }

    /// The word by which the check joins `probe`.
    pub(crate) fn word(&self, probe: Probe) -> Option<&'a LitStr> {
        self.0.iter().find(|(joined, _)| *joined == probe).map(|(_, word)| *word)
    }
}

fn unknown(word: &str) -> String {
    let lower = word.trim().to_lowercase();
    let meant = FOREIGN
        .iter()
        .find(|(foreign, _)| *foreign == lower)
        .map(|(_, known)| *known)
        .or_else(|| name::nearest(&lower, WORDS));
    let known = "the probes are `live`, `ready`, `startup`, or `none` for no probe";
    match meant {
        Some(meant) => format!("unknown probe `{}`: write `{meant}`; {known}", word.escape_debug()),
        None => format!("unknown probe `{}`; {known}", word.escape_debug()),
    }
}
