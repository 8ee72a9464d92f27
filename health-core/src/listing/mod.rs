//! Shows everything that is declared in the binary. Nothing is built or run.

mod columns;
mod json;
mod kubernetes;
mod markdown;
mod mermaid;
mod prometheus_rules;
mod table;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::{Catalog, name};

pub use kubernetes::KubernetesProbes;
pub use prometheus_rules::PrometheusRules;

/// How a [`Listing`] is written. Parsed from its lower-case word, as in `--format json`.
///
/// ```
/// use health_core::Format;
///
/// assert_eq!("json".parse(), Ok(Format::Json));
/// let unknown = "jsno".parse::<Format>().unwrap_err();
/// assert!(unknown.to_string().starts_with("unknown format `jsno`: did you mean `json`?"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Aligned columns, for people. A column in which no check declares anything is left out.
    #[default]
    Table,
    /// An array of objects, one for each check, for programs.
    ///
    /// Every object has every key: `name`, `description`, `probes`, `timeout`, `interval`, `cache`, `max_age`,
    /// `failure_threshold`, `success_threshold`, `backoff`, `idle`, `critical`, `scope`, `group`, `depends_on`,
    /// `enabled`, `kind` and `location`. Limits and `critical` are what applies, declared or not, with the deadline at
    /// its default; durations are texts as the attribute takes them (`"1m 30s"`), and an interval may be `"never"`. A
    /// `description`, `backoff`, `idle`, `scope` or `group` that is not declared is `null`. `kind` is
    /// [`Declaration::kind`](crate::Declaration::kind), `location` is `file:line:column`.
    Json,
    /// The table as Markdown, for a page of documentation.
    Markdown,
    /// What depends on what, as a Mermaid flowchart: each check points at what it depends on.
    Mermaid,
    /// The three probes of a container, as YAML; see [`KubernetesProbes`].
    Kubernetes,
    /// Alerting and recording rules for Prometheus, as YAML; see [`PrometheusRules`], which says what each alert means.
    PrometheusRules,
}

impl Format {
    /// Every format, in the order in which they are offered.
    pub const ALL: &'static [Self] =
        &[Self::Table, Self::Json, Self::Markdown, Self::Mermaid, Self::Kubernetes, Self::PrometheusRules];

    /// The lower-case word that is parsed: `table`, `json`, `markdown`, `mermaid`, `kubernetes` or `prometheus-rules`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Mermaid => "mermaid",
            Self::Kubernetes => "kubernetes",
            Self::PrometheusRules => "prometheus-rules",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.iter().copied().find(|format| format.as_str() == word);
        known.ok_or_else(|| UnknownFormat { word: word.to_owned() })
    }
}

/// No [`Format`] has this word. Lists those that there are.
///
/// `Debug` prints what `Display` does, because that is what a `main` that returns an error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct UnknownFormat {
    word: String,
}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = || Format::ALL.iter().map(|format| format.as_str());
        write!(f, "unknown format `{}`", self.word.escape_debug())?;
        match name::nearest(&self.word.to_lowercase(), known()) {
            Some(nearest) => write!(f, ": did you mean `{nearest}`? ")?,
            None => f.write_str("; ")?,
        }
        let known: Vec<_> = known().map(|word| format!("`{word}`")).collect();
        write!(f, "the known formats are {}", known.join(", "))
    }
}

impl fmt::Debug for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for UnknownFormat {}

/// A [`Catalog`] in one [`Format`]; made by [`Catalog::listing`]. Its `Display` is the text, which ends with a newline.
///
/// ```
/// # fn main() -> Result<(), health_core::UnknownFormat> {
/// let format: health_core::Format = std::env::args().nth(1).as_deref().unwrap_or("table").parse()?;
/// print!("{}", health_core::catalog().listing(format));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Listing<'a> {
    catalog: &'a Catalog,
    format: Format,
    kubernetes: KubernetesProbes,
    prometheus_rules: PrometheusRules,
}

impl Catalog {
    /// Everything declared, ready to be printed.
    pub fn listing(&self, format: Format) -> Listing<'_> {
        let (kubernetes, prometheus_rules) = Default::default();
        Listing { catalog: self, format, kubernetes, prometheus_rules }
    }
}

impl Listing<'_> {
    /// What [`Format::Kubernetes`] is written from, where the defaults do not fit.
    pub fn kubernetes(mut self, probes: KubernetesProbes) -> Self {
        self.kubernetes = probes;
        self
    }

    /// What [`Format::PrometheusRules`] is written from, where the defaults do not fit.
    pub fn prometheus_rules(mut self, rules: PrometheusRules) -> Self {
        self.prometheus_rules = rules;
        self
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declarations = self.catalog.declarations();
        match self.format {
            Format::Table => table::write(declarations, f),
            Format::Json => json::write(declarations, f),
            Format::Markdown => markdown::write(declarations, f),
            Format::Mermaid => mermaid::write(declarations, f),
            Format::Kubernetes => kubernetes::write(&self.kubernetes, f),
            Format::PrometheusRules => prometheus_rules::write(&self.prometheus_rules, declarations, f),
        }
    }
}

/// What is said where nothing is declared: an empty table would leave the reader wondering what went wrong.
const NOTHING: &str = "No checks are declared in this binary. Those of another crate are only found if that crate is \
                       linked: `use my_checks as _;`.";

/// Text of the authors as part of a line. What would end the line, move the cursor or turn the direction of writing
/// becomes a space.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if is_harmless(character) { character } else { ' ' }).collect()
}

fn is_harmless(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::Catalog;

    #[test]
    fn that_nothing_is_declared_is_said() {
        let empty = Catalog { declarations: Vec::new() };
        let listed = |format| empty.listing(format).to_string();
        for format in [Format::Table, Format::Markdown] {
            assert!(listed(format).starts_with("No checks are declared in this binary."));
        }
        assert_eq!(listed(Format::Json), "[]\n");
        assert_eq!(listed(Format::Mermaid), "flowchart TD\n    nothing[\"no checks are declared\"]\n");
        assert!(listed(Format::Kubernetes).contains("readinessProbe:"));
    }
}
