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
        // Nothing but what may be asked for is decoded.
        let may_be = move |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            name == key || name.bytes().any(|byte| matches!(byte, b'%' | b'+'))
        };
        // Most pollers ask for nothing.
        let raw = Some(self.0).filter(|raw| !raw.is_empty()).into_iter().flat_map(|raw| raw.split('&'));
        let pairs = raw.filter(may_be).flat_map(|pair| form_urlencoded::parse(pair.as_bytes()));
        pairs.filter(move |(known, _)| known == key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_found_however_it_is_written() {
        let query = Query::new("verbose&a=1&&=&b=x%20y&%61=2&a=3+4&a&A=5&%zz=6&c=%ff&ab=7&a=8=9");
        assert!(query.has("verbose") && query.has("%zz") && !query.has("verb") && !query.has("z"));
        let values = |key| query.values(key).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(values("a"), ["1", "2", "3 4", "", "8=9"]);
        assert_eq!(values("b"), ["x y"]);
        assert_eq!(values("c"), ["\u{fffd}"]);
        assert!(Query::new("").values("").next().is_none());
    }

    proptest::proptest! {
        #[test]
        fn it_is_what_the_standard_makes_of_it(query in "[a-c%0-9&=+]{0,24}", key in "[a-c ]{0,2}") {
            let all = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| *known == key);
            let expected: Vec<_> = all.map(|(_, value)| value).collect();
            proptest::prop_assert_eq!(Query::new(&query).values(&key).collect::<Vec<_>>(), expected);
        }
    }
}
