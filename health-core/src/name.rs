//! The grammar of names.

/// The longest name that is accepted, in bytes: it appears in every body, label and log line.
pub(crate) const LONGEST: usize = 128;

/// Says what is wrong with a name, as the end of the sentence "the name `x` ...", or nothing when it is well formed:
/// segments of `a-z 0-9 - _` separated by `/`, none of them empty, no `__`.
pub(crate) fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("is empty".into());
    }
    if name.len() > LONGEST {
        return Some(format!("is longer than {LONGEST} bytes"));
    }
    if let Some(odd) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '/')) {
        return Some(format!("contains {odd:?}; write segments of `a-z 0-9 - _` separated by `/`"));
    }
    if name.split('/').any(str::is_empty) {
        return Some("has an empty segment; write `one/two`".into());
    }
    if name.contains("__") {
        return Some("contains `__`, which stands for `/` in environment variables".into());
    }
    None
}

/// The known name that a mistyped one most likely meant.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
