//! What stands behind the `?`.

use std::borrow::Cow;

/// What stands behind the `?`, read when it is asked for. What cannot be read counts as not there: a poller with a misspelt
/// query still gets its verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    pub(crate) fn has(self, key: &str) -> bool {
        self.values(key).next().is_some()
    }

    /// The values of every `key=`, in their order.
    pub(crate) fn values<'k>(self, key: &'k str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'k> {
        let pairs = form_urlencoded::parse(self.0.as_bytes());
        pairs.filter(move |(known, _)| known == key).map(|(_, value)| value)
    }
}
