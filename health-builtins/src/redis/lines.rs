//! How a server tells about itself: a name and a value on each line.

/// The value of the first line of this name.
pub(super) fn named<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    all(info).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Each name with its value. Titles are no lines of this kind.
pub(super) fn all(info: &str) -> impl Iterator<Item = (&str, &str)> {
    info.lines().filter_map(|line| line.split_once(':'))
}
