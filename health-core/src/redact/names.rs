//! Which names are those of secrets, and which words only speak of them.

/// Whether what bears this name is secret: `DB_PASSWORD`, `api-key`, `clientSecret`, but not `token_type`.
pub(super) fn is_secret(name: &str) -> bool {
    let (mut secret, mut before, mut last) = (false, "", "");
    words(name, |word| {
        secret |= is_secret_word(singular(word), before);
        (before, last) = (singular(word), word);
    });
    secret && !is_one_of(last, ABOUT)
}

/// Whether it names a number of things: then a number is no secret.
pub(super) fn is_plural(name: &str) -> bool {
    name.ends_with(['s', 'S']) && !name.ends_with("pass")
}

/// Whether the name says that something is wrong with it, as `InvalidToken` does.
pub(super) fn is_complaint(name: &str) -> bool {
    let mut complains = false;
    words(name, |word| complains |= is_one_of(word, COMPLAINTS));
    complains
}

/// Whether it is the name of an error, as in `CredentialsNotLoaded: no provider`, and no setting.
pub(super) fn is_of_error(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && is_complaint(name)
}

/// Whether a word that stands where a secret could stand is the beginning of an explanation instead:
/// `invalid token: expected ident`.
pub(super) fn explains(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ':', ';', ')', '!', '?', '…']);
    is_one_of(word, EXPLANATIONS) || is_nothing(word)
}

/// Whether a value says that there is none, or that it is hidden already.
pub(super) fn is_nothing(value: &str) -> bool {
    let bare = value.trim_matches([' ', '<', '>', '[', ']', '(', ')', '*', '…', '.', '`', '\'', '"']);
    let is_sign = value.chars().count() <= 3 && !value.contains(char::is_alphanumeric);
    is_sign || bare.is_empty() || is_one_of(bare, NOTHING)
}

/// Whether somebody who reads it takes it for a word: letters, and a capital at most at its beginning.
pub(super) fn is_prose(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ':', ';', ')', '!', '?', '…']);
    let mut letters = word.bytes();
    letters.next().is_none_or(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_lowercase() || matches!(letter, b'-' | b'\''))
        && word.len() < 16
}

/// Words in the sense of `snake_case`, `kebab-case`, `camelCase` and `HTTPHeader`.
fn words<'a>(name: &'a str, mut each: impl FnMut(&'a str)) {
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let bytes = part.as_bytes();
        let upper = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_uppercase);
        let lower = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_lowercase);
        let mut start = 0;
        for index in 1..bytes.len() {
            if upper(index) && (!upper(index - 1) || lower(index + 1)) {
                each(part.get(start..index).unwrap_or_default());
                start = index;
            }
        }
        let rest = part.get(start..).unwrap_or_default();
        if !rest.is_empty() {
            each(rest);
        }
    }
}

fn is_secret_word(word: &str, before: &str) -> bool {
    let is_second =
        |second: &str, first: &str| word.eq_ignore_ascii_case(second) && before.eq_ignore_ascii_case(first);
    is_one_of(word, WHOLE)
        || ENDINGS.split(' ').any(|ending| ends_with(word, ending))
        || word.eq_ignore_ascii_case("key") && is_one_of(before, KEYS_TO)
        || is_second("id", "session")
        || is_second("by", "identified")
}

/// Without the digits and the plural at its end.
fn singular(word: &str) -> &str {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    match word.strip_suffix(['s', 'S']) {
        Some(one) if !one.ends_with(['s', 'S']) => one,
        _ => word,
    }
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|known| known.eq_ignore_ascii_case(word))
}

fn ends_with(word: &str, ending: &str) -> bool {
    let start = word.len().checked_sub(ending.len());
    start.and_then(|start| word.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

const ENDINGS: &str = "\
    password passwd passwort passphrase passcode pwd secret token apikey accesskey accountkey privatekey \
    secretkey authkey masterkey signingkey encryptionkey sharedkey authorization cookie credential \
    sessionid phpsessid signature";

const WHOLE: &str = "pass dbpass userpass pw sig jwt cred csrf xsrf bearer mnemonic psk";

/// A key to one of these is a secret; a primary key and a routing key are not.
const KEYS_TO: &str = "\
    access account api auth consumer encryption functions hmac license master private secret session \
    shared signing subscription";

/// A name that ends so names something about a secret.
const ABOUT: &str = "\
    age alg algorithm at count endpoint error expired expires expiration expiry file format in kind len \
    length limit manager name path policy provider size status store ttl type uri url version";

const COMPLAINTS: &str = "\
    bad denied error exception expected expired failed failure incorrect invalid mismatch missing no not \
    rejected required too unexpected unknown violation wrong";

const NOTHING: &str = "\
    censored empty false filtered hidden masked nil no none null redacted sensitive true undefined unset \
    yes";

const EXPLANATIONS: &str = "\
    a access already an and are at authentication bad but can cannot connect connection contains could \
    decode decoding denied did does empty end eof error exceeded expected expired expires failed failure \
    for found from has http identifier in incorrect insufficient internal invalid io is it lacks \
    malformed may mismatch missing must network no not of on operation or os parse permission premature \
    refresh refused rejected request required response revoked server should status syntax that the this \
    timed timeout to too unable unauthorized undefined unexpected unknown unsupported was which while \
    with wrong";
