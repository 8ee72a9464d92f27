//! Texts that make a reader which is not careful begin again at every byte. One that is quadratic takes whole seconds
//! here.

use super::super::line::LONGEST;
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
    "mysql -pa ",
    "authorization: [\"a",
];

#[test]
fn hostile_texts_come_to_an_end_in_one_short_line() {
    for unit in HOSTILE {
        let clean = text(&unit.repeat(9000 / unit.len()));
        assert!(clean.len() <= LONGEST && !clean.contains(char::is_control), "{unit}");
        assert_eq!(text(&clean), clean, "{unit}");
    }
}
