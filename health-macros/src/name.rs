//! The grammar of names, the same as the library's, so that a malformed one is found where it is written.

/// The longest name that is accepted, in bytes.
const LONGEST: usize = 128;

/// Says what is wrong with a name, as the end of the sentence "the name `x` ...", or nothing when it is well formed.
pub(crate) fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("is empty".into());
    }
    if name.len() > LONGEST {
        return Some(format!("is longer than {LONGEST} bytes"));
    }
    if let Some(odd) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '/')) {
        return Some(format!("contains {odd:?}, and names are segments of `a-z 0-9 - _` separated by `/`"));
    }
    if name.split('/').any(str::is_empty) {
        return Some("has an empty segment".into());
    }
    if name.contains("__") {
        return Some("contains `__`, which stands for `/` in environment variables".into());
    }
    None
}

/// A well-formed name that is close to a malformed one, to be shown in the error about it.
pub(crate) fn mended(name: &str) -> Option<String> {
    let mut close: String = snake_case(name.trim())
        .chars()
        .map(|c| if matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '/') { c } else { '-' })
        .collect();
    for double in ["__", "--", "//"] {
        while close.contains(double) {
            close = close.replace(double, double.get(1..).unwrap_or_default());
        }
    }
    let close = close.trim_matches(['-', '_', '/']);
    fault(close).is_none().then(|| close.to_owned())
}

/// `BillingArchive` as `billing_archive`.
pub(crate) fn snake_case(ident: &str) -> String {
    let mut name = String::new();
    let mut chars = ident.chars().peekable();
    let mut before = None::<char>;
    while let Some(c) = chars.next() {
        let starts_word = before.is_some_and(|before| {
            let ends_acronym = before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase());
            before.is_lowercase() || before.is_ascii_digit() || ends_acronym
        });
        if c.is_uppercase() && starts_word {
            name.push('_');
        }
        name.extend(c.to_lowercase());
        before = Some(c);
    }
    name
}

/// The known word that a mistyped one most likely meant.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{fault, mended, nearest, snake_case};

    /// The library is tested against the same table.
    #[test]
    fn names_are_judged_as_the_table_says() {
        let table = include_str!("../names.txt").lines().filter(|line| !line.starts_with('#'));
        for (verdict, name) in table.map(|line| line.split_once(' ').unwrap()) {
            assert_eq!(fault(name).is_none(), verdict == "yes", "{name:?}");
        }
    }

    #[test]
    fn types_are_named_as_modules_would_be() {
        let cases = [
            ("Billing", "billing"),
            ("BillingArchive", "billing_archive"),
            ("HTTPServer", "http_server"),
            ("S3Bucket", "s3_bucket"),
            ("already_snake", "already_snake"),
        ];
        for (ident, name) in cases {
            assert_eq!(snake_case(ident), name);
        }
    }

    #[test]
    fn a_mended_name_is_well_formed_and_close() {
        let cases = [
            ("Data Base", Some("data-base")),
            ("DataBase", Some("data_base")),
            ("a//b/", Some("a/b")),
            ("a__b", Some("a_b")),
            ("__", None),
            ("", None),
        ];
        for (name, close) in cases {
            assert_eq!(mended(name).as_deref(), close, "{name}");
            assert!(close.is_none_or(|close| fault(close).is_none()));
        }
    }

    #[test]
    fn only_a_likely_word_is_suggested() {
        assert_eq!(nearest("timout", ["name", "timeout"]), Some("timeout"));
        assert_eq!(nearest("frequency", ["name", "timeout"]), None);
    }
}
