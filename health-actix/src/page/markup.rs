//! HTML in the making. Whatever is put into it comes out as text: only names of tags and attributes are taken as they are,
//! and those cannot come from outside.

use std::fmt::{self, Display, Write};

/// HTML in the making.
#[derive(Debug)]
pub(super) struct Html(String);

/// A tag that has been opened, which takes attributes until it is told what it holds.
#[must_use = "a tag that holds nothing is not closed"]
pub(super) struct Tag<'h> {
    html: &'h mut Html,
    name: &'static str,
}

impl Html {
    pub(super) fn document() -> Self {
        Self("<!doctype html>\n".to_owned())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    pub(super) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.0.push('<');
        self.0.push_str(name);
        Tag { html: self, name }
    }

    pub(super) fn text(&mut self, text: impl Display) {
        // A `Display` that fails has still written what it could, and text cannot fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    /// What others wrote, so that its direction of writing is its own affair.
    pub(super) fn quote(&mut self, text: impl Display) {
        self.tag("bdi").says(text);
    }
}

impl Tag<'_> {
    pub(super) fn set(self, attribute: &'static str, value: impl Display) -> Self {
        let out = &mut self.html.0;
        out.push(' ');
        out.push_str(attribute);
        out.push_str("=\"");
        let _ = write!(Escaping(out), "{value}");
        out.push('"');
        self
    }

    pub(super) fn class(self, classes: impl Display) -> Self {
        self.set("class", classes)
    }

    pub(super) fn flag(self, attribute: &'static str, is_set: bool) -> Self {
        if is_set { self.set(attribute, "") } else { self }
    }

    pub(super) fn holds(self, inside: impl FnOnce(&mut Html)) {
        let Self { html, name } = self;
        html.0.push('>');
        inside(html);
        html.0.push_str("</");
        html.0.push_str(name);
        html.0.push('>');
    }

    pub(super) fn says(self, text: impl Display) {
        self.holds(|html| html.text(text));
    }

    /// For tags that can hold nothing.
    pub(super) fn alone(self) {
        self.html.0.push('>');
    }

    /// Style or script of our own, the one thing that is not text. What is compiled in cannot come from a check.
    pub(super) fn verbatim(self, own: &'static str) {
        self.holds(|html| html.0.push_str(own));
    }
}

/// Text on its way into HTML, between tags or between quotes.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(needs_care) {
            let (plain, from) = rest.split_at(at);
            self.0.push_str(plain);
            let mut characters = from.chars();
            self.0.push_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\'') => "&#39;",
                _ => "\u{fffd}",
            });
            rest = characters.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// Control characters, and those that turn the direction of what follows them, would let a text rewrite the line it
/// stands in.
fn needs_care(character: char) -> bool {
    match character {
        '\n' => false,
        '&'
        | '<'
        | '>'
        | '"'
        | '\''
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Html)) -> String {
        let mut html = Html(String::new());
        write(&mut html);
        html.0
    }

    #[test]
    fn tags_are_closed_and_what_they_hold_is_text() {
        let hostile = "\"><img onerror='x'>&\u{202e}\u{7}";
        let html = written(|html| {
            html.tag("p").class("a b").set("title", hostile).flag("open", true).flag("hidden", false).holds(
                |html| {
                    html.quote(hostile);
                    html.tag("br").alone();
                },
            );
        });
        let escaped = "&quot;&gt;&lt;img onerror=&#39;x&#39;&gt;&amp;\u{fffd}\u{fffd}";
        let expected = format!("<p class=\"a b\" title=\"{escaped}\" open=\"\"><bdi>{escaped}</bdi><br></p>");
        assert_eq!(html, expected);
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text in any::<String>()) {
            let html = written(|html| html.text(&text));
            let markup = ['<', '>', '"', '\'', '\0', '\u{202e}'];
            prop_assert!(!html.contains(markup));
            let back = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            let back = back.replace("&#39;", "'").replace("&amp;", "&");
            let harmless: String =
                text.chars().map(|c| if needs_care(c) && !c.is_ascii_punctuation() { '\u{fffd}' } else { c }).collect();
            prop_assert_eq!(back, harmless);
        }
    }
}
