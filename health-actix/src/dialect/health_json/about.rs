//! What only the author of a service can say about it and its dependencies.

use std::collections::BTreeMap;

/// What is said about the service. Part of what rendered bytes depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) version: Option<String>,
    pub(super) release_id: Option<String>,
    pub(super) service_id: Option<String>,
    pub(super) description: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) links: Links,
    pub(super) components: BTreeMap<String, ComponentDetails>,
}

/// Targets by relation.
pub(super) type Links = BTreeMap<String, String>;

/// What is known about one check beside what it reports; for [`HealthJson::component`](super::HealthJson::component).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct ComponentDetails {
    pub(super) kind: Option<String>,
    pub(super) affects: Vec<String>,
    pub(super) units: BTreeMap<String, String>,
    pub(super) links: Links,
}

impl ComponentDetails {
    /// Nothing beside what the check reports.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its `componentType`: `component`, `datastore`, `system`, a well-known term, or a URI. Default: `component`, which
    /// every check is about.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Which endpoints of the service suffer when it is not well, as URI templates (RFC 6570). Default: not said.
    pub fn affects<T: Into<String>>(mut self, endpoints: impl IntoIterator<Item = T>) -> Self {
        self.affects.extend(endpoints.into_iter().map(Into::into));
        self
    }

    /// The unit of a number that the check reports under this name, as a well-known term or a URI: `By`, `percent`.
    /// Default: not said, because nobody knows it.
    pub fn unit(mut self, datum: impl Into<String>, unit: impl Into<String>) -> Self {
        self.units.insert(datum.into(), unit.into());
        self
    }

    /// Where more is said about it, by the same rules as [`HealthJson::link`](super::HealthJson::link).
    pub fn link(mut self, relation: impl Into<String>, target: impl Into<String>) -> Self {
        insert_link(&mut self.links, relation.into(), target.into());
        self
    }
}

pub(super) fn insert_link(links: &mut Links, relation: String, target: String) {
    if (is_registrable(&relation) || is_uri(&relation)) && is_uri(&target) {
        links.insert(relation, target);
    } else {
        // Without the target, which may have credentials in it.
        tracing::error!(
            target: "health", ?relation,
            "a link leads to a URI, and its relation is a registered one or a URI: this one is not used",
        );
    }
}

/// Whether it has the form of a registered relation (RFC 8288, section 3.3).
fn is_registrable(relation: &str) -> bool {
    let is_first_well = relation.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    is_first_well
        && relation.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

/// Whether it has a scheme, and nothing in it that no URI has (RFC 3986).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let is_escape = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    is_scheme && !rest.is_empty() && rest.bytes().all(is_allowed) && rest.split('%').skip(1).all(is_escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_uri() {
        for uri in ["http://a", "urn:x:y", "https://[::1]:8/a%20b?c=d#e", "mailto:a@b.example", "x+y-1.z:*"] {
            assert!(is_uri(uri), "{uri}");
        }
        for other in [
            "",
            "about",
            "/a",
            "//a/b",
            ":a",
            "1x:y",
            "http:",
            "http://a b",
            "h:%",
            "h:%2",
            "h:%2g",
            "h:ü",
            "h:\n",
            "a_b:c",
            "h:<a>",
        ] {
            assert!(!is_uri(other), "{other}");
        }
    }

    #[test]
    fn a_relation_is_registered_or_a_uri() {
        let mut links = Links::new();
        for relation in ["self", "version-history", "p3pv1", "http://api.x.io/rel/thresholds"] {
            insert_link(&mut links, relation.into(), "http://a".into());
        }
        assert_eq!(links.len(), 4);
        for relation in ["", "Self", "see also", "-x", "1st", "ü", "a_b"] {
            insert_link(&mut links, relation.into(), "http://a".into());
        }
        insert_link(&mut links, "describedby".into(), "/relative".into());
        assert_eq!(links.len(), 4, "{links:?}");
    }
}
