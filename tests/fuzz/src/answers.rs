//! What every answer must be, whatever was asked.

use serde_json::Value;

/// The headers of one answer, in the order and the case in which they came.
#[derive(Debug)]
pub struct Head<'a> {
    pub code: u16,
    pub headers: Vec<(&'a str, &'a str)>,
}

impl Head<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = all.next()?;
        assert!(all.next().is_none(), "{name} comes twice: {self:?}");
        Some(value)
    }
}

/// Judges everything that one connection answered.
pub fn judge_connection(mut said: &[u8]) {
    while !said.is_empty() {
        let end = said.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = head(std::str::from_utf8(&said[..end]).expect("a head of ASCII"));
        said = &said[end + 4..];
        if head.code == 100 {
            continue;
        }
        let length: usize =
            head.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        // The answer to HEAD announces a body and has none; no body of ours begins like an answer.
        let has_body = !said.is_empty() && !said.starts_with(b"HTTP/1.");
        let body = if has_body { said.get(..length).expect("a whole body") } else { &[] };
        said = &said[body.len()..];
        judge(&head, body);
    }
}

/// An answer is a verdict, a 404, a 405, or a refusal of the server itself.
pub fn judge(head: &Head<'_>, body: &[u8]) {
    match (head.code, head.header("x-health-status")) {
        (200, Some("healthy" | "degraded")) | (503, Some("unhealthy")) => judge_verdict(head, body),
        (405, None) => {
            let allowed = head.header("allow");
            assert!(matches!(allowed, Some("GET, HEAD, OPTIONS" | "GET, HEAD")), "{head:?}");
            assert!(body.is_empty(), "{head:?}");
        }
        // No room for one more who follows the events.
        (503, None) => assert!(body.is_empty() && head.header("retry-after").is_some(), "{head:?}"),
        (404, None) => assert!(body.is_empty(), "{head:?}"),
        (400..=499, None) => {}
        _ => panic!("neither a verdict nor a refusal: {head:?}"),
    }
}

fn judge_verdict(head: &Head<'_>, body: &[u8]) {
    assert_eq!(head.header("cache-control"), Some("no-store"), "{head:?}");
    assert_eq!(head.header("x-content-type-options"), Some("nosniff"), "{head:?}");
    if body.is_empty() {
        return;
    }
    let text = std::str::from_utf8(body).expect("UTF-8");
    let verdict = head.header("x-health-status").expect("a verdict");
    match head.header("content-type") {
        Some("text/plain; charset=utf-8") if text == "ok" => assert_ne!(verdict, "unhealthy"),
        Some("text/plain; charset=utf-8") => judge_lines(text),
        Some(JSON) if text.starts_with(r#"{"status":"healthy""#) && text.contains(r#""instances":["#) => {
            judge_others(text)
        }
        Some(JSON)
            if ["healthy", "degraded", "unhealthy"]
                .iter()
                .any(|word| text.starts_with(&format!(r#"{{"status":"{word}""#))) =>
        {
            judge_json(text, Some(verdict));
        }
        Some(JSON | "application/json; charset=utf-8" | "application/health+json") => judge_others(text),
        Some(spring) if spring.starts_with("application/vnd.spring-boot.actuator.v") => judge_others(text),
        other => panic!("{other:?}"),
    }
}

const JSON: &str = "application/json";

/// The form of another product: JSON on one line.
fn judge_others(text: &str) {
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert!(value.is_array() || value["status"].is_string(), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// One object, whose first field is the verdict.
pub fn judge_json(text: &str, verdict: Option<&str>) {
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(value["status"].as_str(), verdict, "{text}");
    assert!(text.starts_with(r#"{"status":""#), "{text}");
    // What a text needs is escaped, so that no byte of it can end the line or command a terminal.
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// Clean lines: one for each check, each ended by a newline.
pub fn judge_lines(text: &str) {
    let lines = text.strip_suffix('\n').expect("a last line that is ended");
    let (checks, whole) = lines.rsplit_once('\n').unwrap_or(("", lines));
    for line in checks.lines() {
        assert!(["[+]", "[~]", "[-]", "warn: "].iter().any(|mark| line.starts_with(mark)), "{text:?}");
        assert!(!line.contains(|c: char| c.is_control() || is_deceptive(c)), "{line:?}");
    }
    assert!(whole.ends_with(" check passed") || whole.ends_with(" check failed"), "{text:?}");
}

/// Whether it would end a line or reorder it for a reader.
pub fn is_deceptive(character: char) -> bool {
    matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn head(text: &str) -> Head<'_> {
    let mut lines = text.split("\r\n");
    let status = lines.next().expect("a status line");
    let code = status.strip_prefix("HTTP/1.1 ").or_else(|| status.strip_prefix("HTTP/1.0 "));
    let code = code.and_then(|rest| rest.split(' ').next()?.parse().ok());
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{line:?}");
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
        (name, value)
    });
    let headers = headers.collect();
    Head { code: code.unwrap_or_else(|| panic!("no status line: {status:?}")), headers }
}
