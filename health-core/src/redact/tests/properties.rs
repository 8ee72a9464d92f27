//! What holds for every text.

use std::borrow::Cow;

use proptest::sample::select;

use super::super::line::LONGEST;
use super::super::{summary, text};

/// Pieces of which texts are made that look like secrets more often than chance would have it.
fn piece() -> impl proptest::strategy::Strategy<Value = String> {
    let pieces = [
        "password",
        "token",
        "API_KEY",
        "key",
        "Authorization",
        "Cookie",
        "Bearer ",
        "basic ",
        "--password ",
        "-p ",
        "-u ",
        "=",
        ": ",
        ":",
        "=>",
        "://",
        "%3A%2F%2F",
        "@",
        "%40",
        "/",
        "?",
        "&",
        ",",
        ";",
        " ",
        "\"",
        "'",
        "`",
        "\\",
        "\\\"",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "Some(",
        "<",
        ">",
        "</",
        "\n",
        "\\n",
        "…",
        "***",
        "*",
        "é",
        "host",
        "user:",
        "hunter2",
        "expected",
        "none",
        "ghp_0123456789abcdef",
        "eyJhbGciOi.abc",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "postgres://u:p@h",
        "https://tok3n@h",
        "digest a=b, ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaa0",
    ];
    select(pieces.to_vec()).prop_map(str::to_owned)
}

use proptest::strategy::Strategy as _;

proptest::proptest! {
    #[test]
    fn whatever_comes_in_one_short_line_goes_out(raw in "\\PC*|(.|\n){0,3000}") {
        let clean = text(&raw);
        proptest::prop_assert!(clean.len() <= LONGEST && !clean.contains(char::is_control));
        proptest::prop_assert_eq!(summary(Cow::Owned(raw)), clean);
    }

    #[test]
    fn a_password_in_an_address_never_survives(
        before in "[a-z =,]{0,40}",
        user in "[a-z]{0,8}",
        password in "[a-zA-Z0-9!#$%^&*()+/:?@=._~-]{1,40}",
        after in "[a-z0-9:/ ]{0,40}",
    ) {
        let planted = format!("§{password}§");
        let clean = text(&format!("{before} postgres://{user}:{planted}@{after}"));
        proptest::prop_assert!(!clean.contains('§'), "{clean}");
    }

    #[test]
    fn a_named_secret_never_survives(
        name in "(db_|DB_)?(password|PASSWORD|secret|api_key|api-key|Token|pwd)",
        (sign, end) in select(vec![("=", ""), (": ", ""), ("\": \"", "\""), (" = ", ""), ("='", "'")]),
        secret in "[a-zA-Z0-9]{1,40}",
    ) {
        let clean = text(&format!("cannot connect: {name}{sign}§{secret}§{end} host=db"));
        proptest::prop_assert!(!clean.contains('§'), "{clean}");
        proptest::prop_assert!(clean.contains("host=db"), "{clean}");
    }

        #[test]
        fn nothing_is_left_to_hide(pieces in proptest::collection::vec(piece(), 0..60), times in select(vec![1, 1, 1, 7, 40])) {
            let clean = text(&pieces.concat().repeat(times));
            proptest::prop_assert!(clean.len() <= LONGEST && !clean.contains(char::is_control));
            proptest::prop_assert_eq!(text(&clean), clean);
        }

        #[test]
        fn a_cut_leaves_no_part_of_a_secret(
            before in select(vec![900_usize, 1000, 1015, 1024, 1030, 7900, 8150, 8180, 8192, 8200]),
            shift in 0_usize..30,
            secret in "[a-z][0-9][a-z0-9]{18,300}",
            (open, close) in select(vec![
                ("password=", ""), ("{\"token\":\"", "\"}"), ("redis://u:", "@h"), ("Authorization: Bearer ", ""),
                ("ghp_", ""), ("Pwd='", "';x=1"), ("https://", "@h"), ("--token ", " x"), ("?sig=", "&x"),
            ]),
        ) {
            // Two lengths of what stands before: one that stays, and one that shrinks to almost nothing.
            for filler in ["x ".repeat((before + shift) / 2), format!("token={} ", "y".repeat(before + shift))] {
                let secret = secret.replace(['x', 'y'], "z");
                let clean = text(&format!("{filler}{open}{secret}{close} end"));
                proptest::prop_assert!(!clean.contains(&secret[..8]), "{clean}");
            }
        }

        #[test]
        fn a_quoted_secret_never_survives(
            name in select(vec!["password", "apiKey", "DB_PASSWORD", "client-secret", "auth_token"]),
            sign in select(vec!["=", ": ", ":", " = ", " => "]),
            quote in select(vec!['"', '\'']),
            secret in "[ -~]{1,40}",
            depth in 0..3,
        ) {
            let escaped = secret.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"));
            let mut raw = format!("{name}{sign}{quote}0§{escaped}§{quote}, user=app");
            for _ in 0..depth {
                raw = serde_json::Value::from(raw).to_string();
            }
            let clean = text(&raw);
            proptest::prop_assert!(!clean.contains('§'), "{raw} is {clean}");
        }

        #[test]
        fn a_percent_encoded_password_never_survives(password in "[a-zA-Z0-9!#$*()+/:?@=._~-]{1,40}", twice in proptest::bool::ANY) {
            let encode = |raw: &str| raw.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let mut address = format!("postgres{}u{}§{}§{}h", encode("://"), encode(":"), encode(&password), encode("@"));
            if twice {
                address = address.replace('%', "%25");
            }
            let clean = text(&format!("https://p/login?next={address}&x=1"));
            proptest::prop_assert!(!clean.contains('§') && clean.ends_with("&x=1"), "{clean}");
        }
}
