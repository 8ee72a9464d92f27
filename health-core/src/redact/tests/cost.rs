//! What somebody who chooses the text of an error can make us spend on it.

use std::time::{Duration, Instant};

use super::super::text;

/// Each of them, repeated, makes a reader that is not careful begin again and again.
const HOSTILE: &[&str] = &[
    "a",
    "a ",
    "a:",
    "a:a,",
    "@",
    "a@",
    "\"",
    "\"a",
    "'",
    "\\",
    "\\\"",
    "--",
    "--p ",
    "://",
    "a://",
    "a://b@,",
    "a://b:c@,",
    "'a://",
    "'a://b@,",
    "password",
    "password ",
    "password=",
    "password='",
    "password 'x ",
    "token \"aaa ",
    "password:{",
    "token: {a",
    "token: [(",
    "token=Some(",
    "a=,",
    "password=,a",
    "password=,aaaa",
    "cookie: a;",
    "authorization: a ",
    "authorization: Digest a=\"",
    "authorization: a=b, ",
    "bearer ",
    "basic a",
    "eyJ",
    "eyJa.",
    "sk-",
    "ghp_",
    "ghp_a.",
    "v1.local.",
    "-----BEGIN",
    "-----BEGIN PRIVATE",
    "%3A%2F%2F",
    "%25",
    "a/b@",
    "/@",
    "a/",
    "key ",
    "api key ",
    "<a>",
    "<password>",
    "<password></p",
    "&key=",
    "aA",
    "aB1_",
    "%",
    "-p a ",
    "-u a",
    "AKIA",
    "password=\\n",
    "hooks.slack.com/services/",
    "a:b ",
    "é",
    "=",
    " ",
    "a://b:c ",
    "…",
    "password: *",
    "a://[",
    "password|: ",
];

/// Some milliseconds without optimization, and a tenth of that with it; a reader that begins again at every byte needs
/// whole seconds.
const ENOUGH: Duration = Duration::from_millis(500);

#[test]
fn no_text_takes_long() {
    for unit in HOSTILE {
        let raw = unit.repeat(9000 / unit.len());
        let spent = (0..5).map(|_| {
            let began = Instant::now();
            std::hint::black_box(text(&raw));
            began.elapsed()
        });
        let spent = spent.min().unwrap_or_default();
        println!("{:>8} us  {unit}", spent.as_micros());
        assert!(spent < ENOUGH, "{unit} takes {spent:?}");
    }
}
