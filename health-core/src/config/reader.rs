//! Reads what was written: which check it is for, which key, which value; and lists what cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Unfit};
use super::foreign::{Foreign, Setting};
use super::key::{BELONGS_TO_THE_CODE, Key};
use super::source::{Source, shown};
use super::value::Value;
use super::variables::{CHECKS, DEFAULTS, Environment, UNKNOWN, Variable, spelled};
use super::{HealthConfig, Override};
use crate::name;
use crate::problem::{Problem, ProblemKind};

/// Goes through one source after another; what comes later goes before what came earlier.
pub(super) struct Reader<'a, 'p> {
    names: &'a BTreeSet<&'a str>,
    by_spelling: BTreeMap<String, Vec<&'a str>>,
    unknown_is_fatal: bool,
    pub(super) by_name: BTreeMap<&'a str, BTreeMap<Key, Override>>,
    pub(super) defaults: BTreeMap<Key, Override>,
    /// For every canary.
    pub(super) canaries: BTreeMap<Key, Override>,
    /// The checks without which the process is not to be ready.
    pub(super) required: BTreeMap<&'a str, Source>,
    problems: &'p mut Vec<Problem>,
}

/// How keys are spelled: as they are, or as in a variable.
#[derive(Clone, Copy)]
enum Spelling {
    Written,
    Variable,
}

impl Spelling {
    fn of(self, word: &str) -> String {
        match self {
            Self::Written => word.to_owned(),
            Self::Variable => spelled(word),
        }
    }
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(names: &'a BTreeSet<&'a str>, problems: &'p mut Vec<Problem>) -> Self {
        let mut by_spelling: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for name in names {
            by_spelling.entry(spelled(name)).or_default().push(*name);
        }
        Self {
            names,
            by_spelling,
            unknown_is_fatal: true,
            by_name: BTreeMap::new(),
            defaults: BTreeMap::new(),
            canaries: BTreeMap::new(),
            required: BTreeMap::new(),
            problems,
        }
    }

    /// What is to be thought of names that no check has.
    pub(super) fn policy(&mut self, variable: &Variable) {
        match variable.value.as_deref() {
            Some("warn") => self.unknown_is_fatal = false,
            Some("fail") => self.unknown_is_fatal = true,
            Some(other) => {
                let is = Value::Text(other.to_owned());
                let message = format!("`{UNKNOWN}` is {is}, which says nothing about unknown names");
                let help = "write `warn` to let names pass that no check has, or `fail` (the default) to refuse them";
                self.problem(message, &Source::variable(variable), help);
            }
            None => self.no_text(&Source::variable(variable)),
        }
    }

    pub(super) fn file(&mut self, config: &HealthConfig) {
        let label = config.label.as_deref();
        for (key, value) in &config.defaults.0 {
            let source = Source::written(&["defaults", key], label);
            self.default(key, value, Spelling::Written, source);
        }
        for (name, keys) in &config.checks.0 {
            let is_nested =
                |(key, value): (&String, &Value)| *value == Value::Table && Key::named(key).is_none();
            let known = self.names.get(&**name).copied();
            if known.is_none() && (keys.0.is_empty() || !keys.0.iter().all(is_nested)) {
                let nearest = name::nearest(&name.to_lowercase(), self.names.iter().copied());
                let nearest = nearest.map(str::to_owned);
                self.unknown_name(&Source::written(&["checks", name], label), name, nearest);
            }
            for (key, value) in &keys.0 {
                let source = Source::written(&["checks", name, key], label);
                if is_nested((key, value)) {
                    self.nested(name, key, &source);
                } else {
                    self.by_name(known, key, value, Spelling::Written, source);
                }
            }
        }
    }

    /// The name of a check was taken for a path.
    fn nested(&mut self, name: &str, key: &str, source: &Source) {
        let message = format!("`{}` is a table, and what tunes a check is a single value", source.path);
        let help = format!("a name is one key, as in `checks.\"{}/{}\".timeout`", shown(name), shown(key));
        self.problem(message, source, &help);
    }

    pub(super) fn environment(&mut self, environment: &Environment) {
        for variable in &environment.variables {
            let source = Source::variable(variable);
            let Some(text) = variable.value.clone() else {
                self.no_text(&source);
                continue;
            };
            let value = Value::Text(text);
            if let Some(key) = variable.name.strip_prefix(DEFAULTS) {
                self.default(key, &value, Spelling::Variable, source);
            } else if let Some(rest) = variable.name.strip_prefix(CHECKS) {
                self.variable(rest, &value, source);
            }
        }
    }

    /// What the variables of another product ask for.
    pub(super) fn foreign(&mut self, foreign: &Foreign) {
        for Setting { key, value, variable } in &foreign.canaries {
            let source = Source::variable_called(variable);
            let Some(key) = self.key(key, Spelling::Written, &source, |_| true) else { continue };
            if let Some(change) = self.change(key, &Value::Text(value.clone()), &source) {
                self.canaries.insert(key, Override { change, source });
            }
        }
        for (name, variable) in &foreign.required {
            let source = Source::variable_called(variable);
            match self.names.get(&**name) {
                Some(known) => drop(self.required.insert(known, source)),
                None => self.unknown_required(name, &source),
            }
        }
    }

    /// No setting lets it pass: what nobody ever observes would hold the process for good, or be no requirement.
    fn unknown_required(&mut self, name: &str, source: &Source) {
        let nearest = name::nearest(&name.to_lowercase(), self.names.iter().copied());
        let help = nearest.map_or_else(
            || "name a check of this program, by its full name".into(),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        let message =
            format!("`{}` requires the check `{}`, and no check has that name", source.path, shown(name));
        self.problems.push(Problem::new(ProblemKind::UnknownName, [], message).set_by([source]).help(help));
    }

    fn variable(&mut self, rest: &str, value: &Value, source: Source) {
        let is_a_name = self.by_spelling.contains_key(rest);
        let (name, key) = match rest.rsplit_once("__") {
            Some((name, key)) if !is_a_name || is_spelled_key(key) => (name, key),
            _ => {
                let message = format!("`{}` names no key", source.path);
                let name = if is_a_name { shown(rest) } else { "<NAME>".into() };
                let help = format!("write `{CHECKS}{name}__TIMEOUT`, or another key in place of TIMEOUT");
                self.problem(message, &source, &help);
                return;
            }
        };
        let named = self.by_spelling.get(name).cloned().unwrap_or_default();
        if named.is_empty() {
            let spellings = self.by_spelling.keys().map(String::as_str);
            let nearest = name::nearest(&name.to_uppercase(), spellings);
            let nearest = nearest.map(|nearest| format!("{CHECKS}{nearest}__{}", shown(key)));
            self.unknown_name(&source, name, nearest);
        }
        if named.len() > 1 {
            let names: Vec<_> = named.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("`{}` could mean {}", source.path, names.join(" or "));
            let help =
                "these names are spelled alike in a variable: tune them in a file, or rename one of them";
            self.problem(message, &source, help);
        }
        self.by_name(named.first().copied(), key, value, Spelling::Variable, source);
    }

    /// Key and value are read for an unknown check too: a mistake in them is one in every program.
    fn by_name(
        &mut self,
        known: Option<&'a str>,
        raw: &str,
        value: &Value,
        spelling: Spelling,
        source: Source,
    ) {
        let Some(key) = self.key(raw, spelling, &source, |_| true) else { return };
        let Some(change) = self.change(key, value, &source) else { return };
        if let Some(name) = known {
            self.by_name.entry(name).or_default().insert(key, Override { change, source });
        }
    }

    fn default(&mut self, raw: &str, value: &Value, spelling: Spelling, source: Source) {
        let Some(key) = self.key(raw, spelling, &source, |key| key.why_no_default().is_none()) else {
            return;
        };
        if let Some(why) = key.why_no_default() {
            let message = format!("there is no default for `{}`: {why}", key.as_str());
            let by_name = match spelling {
                Spelling::Written => format!("checks.<name>.{}", key.as_str()),
                Spelling::Variable => format!("{CHECKS}<NAME>__{}", spelled(key.as_str())),
            };
            self.problem(message, &source, &format!("set it by name: `{by_name}`"));
        } else if let Some(change) = self.change(key, value, &source) {
            self.defaults.insert(key, Override { change, source });
        }
    }

    /// The key of this spelling; if there is none, those that are `usual` here are offered.
    fn key(
        &mut self,
        raw: &str,
        spelling: Spelling,
        source: &Source,
        usual: fn(&Key) -> bool,
    ) -> Option<Key> {
        let key = Key::ALL.into_iter().find(|key| spelling.of(key.as_str()) == raw);
        if key.is_some() {
            return key;
        }
        let lower = raw.to_lowercase();
        if BELONGS_TO_THE_CODE.contains(&&*lower) {
            let message = format!("`{lower}` belongs to the code of a check, and cannot be overridden");
            self.problem(message, source, "change it where the check is declared");
            return None;
        }
        let keys = || Key::ALL.into_iter().filter(usual).map(Key::as_str);
        let nearest = name::nearest(&lower, keys());
        let guess = nearest.map_or_else(String::new, |nearest| {
            let above = source.path.strip_suffix(&shown(raw)).unwrap_or_default();
            format!("did you mean `{above}{}`? ", spelling.of(nearest))
        });
        let known: Vec<_> = keys().map(|key| format!("`{}`", spelling.of(key))).collect();
        let message = format!("`{}` is no key that tunes a check", shown(raw));
        self.problem(message, source, &format!("{guess}the keys are {}", known.join(", ")));
        None
    }

    fn change(&mut self, key: Key, value: &Value, source: &Source) -> Option<Change> {
        match Change::read(key, value) {
            Ok(change) => Some(change),
            Err(Unfit { why, help }) => {
                self.problem(format!("`{}` is {value}, which {why}", source.path), source, &help);
                None
            }
        }
    }

    fn unknown_name(&mut self, source: &Source, wrong: &str, nearest: Option<String>) {
        if !self.unknown_is_fatal {
            tracing::warn!(
                target: "health", name = %shown(wrong), source = %source, nearest,
                "the configuration tunes a check that nothing here has",
            );
            return;
        }
        let message =
            format!("`{}` tunes the check `{}`, and no check has that name", source.path, shown(wrong));
        let problem = Problem::new(ProblemKind::UnknownName, [], message).set_by([source]);
        self.problems.push(problem.help(nearest.map_or_else(
            || {
                format!(
                    "where several programs share one configuration, `{UNKNOWN}=warn` in the environment lets it pass"
                )
            },
            |nearest| format!("did you mean `{nearest}`?"),
        )));
    }

    fn no_text(&mut self, source: &Source) {
        self.problem(format!("`{}` is no UTF-8", source.path), source, "write text, or unset the variable");
    }

    fn problem(&mut self, message: String, source: &Source, help: &str) {
        self.problems.push(Problem::new(ProblemKind::Override, [], message).set_by([source]).help(help));
    }
}

fn is_spelled_key(word: &str) -> bool {
    Key::ALL.into_iter().any(|key| spelled(key.as_str()) == word)
}
