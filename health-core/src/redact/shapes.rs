//! Secrets that are known by their shape: tokens of vendors, JSON web tokens, private keys.

use std::ops::Range;

use super::line::Line;

/// Finds what looks like a secret, whatever stands around it.
pub(super) fn find(line: Line<'_>, secrets: &mut Vec<Range<usize>>) {
    private_keys(line, secrets);
    let mut index = 0;
    while index < line.len() {
        let shape = token(line, index).or_else(|| web_token(line, index)).or_else(|| base64_key(line, index));
        index = shape.as_ref().map_or(index + 1, |shape| shape.end);
        secrets.extend(shape);
    }
    for (address, skipped) in ADDRESSES {
        for (found, _) in line.0.match_indices(address) {
            let start = found + address.len() + skipped;
            secrets.push(
                start.min(line.len())
                    ..line.skip(start, |byte| is_of_token(byte) || byte == b'/' || byte == b':'),
            );
        }
    }
}

/// Addresses whose path is the secret, and how much of the path is none.
const ADDRESSES: &[(&str, usize)] =
    &[("hooks.slack.com/services/", 0), ("discord.com/api/webhooks/", 0), ("api.telegram.org/bot", 0)];

/// From `BEGIN` to `END`, or to the end of the line; the line breaks between them may be spaces, `\n` or nothing.
fn private_keys(line: Line<'_>, secrets: &mut Vec<Range<usize>>) {
    let mut index = 0;
    while let Some(found) = line.part(index..line.len()).find("-----BEGIN") {
        let start = index + found;
        index = start + 10;
        let label = line.until(index + 40);
        let label = label.part(index..label.len());
        let is_private =
            label.find("PRIVATE").is_some_and(|key| label.find("-----").is_none_or(|end| key < end));
        if !is_private {
            continue;
        }
        let rest = line.part(index..line.len());
        let end = rest.find("-----END").and_then(|end| {
            let dashes = rest.get(end + 8..)?.find("-----")?;
            Some(index + end + 8 + dashes + 5)
        });
        index = end.unwrap_or(line.len());
        secrets.push(start..index);
    }
}

/// What the tokens of one vendor begin with, how long the rest is at least, and whether that is all of it.
struct Kind {
    prefix: &'static str,
    rest: usize,
}

const fn kind(prefix: &'static str, rest: usize) -> Kind {
    Kind { prefix, rest }
}

/// Taken from the vendors' own pages and from the rules of gitleaks, whose lengths are exact; a little less is enough
/// here, and no sentence comes near.
const KINDS: &[Kind] = &[
    kind("AGE-SECRET-KEY-1", 20),
    kind("AIza", 30),
    kind("ATATT3", 20),
    kind("ATCTT3", 20),
    kind("FlyV1", 20),
    kind("GOCSPX-", 10),
    kind("HRKU-", 10),
    kind("NRAK-", 10),
    kind("PMAK-", 10),
    kind("SG.", 20),
    kind("dapi", 32),
    kind("dckr_oat_", 10),
    kind("dckr_pat_", 10),
    kind("doo_v1_", 10),
    kind("dop_v1_", 10),
    kind("dor_v1_", 10),
    kind("fo1_", 20),
    kind("gho_", 10),
    kind("ghp_", 10),
    kind("ghr_", 10),
    kind("ghs_", 10),
    kind("ghu_", 10),
    kind("github_pat_", 10),
    kind("glagent-", 10),
    kind("glc_", 20),
    kind("glcbt-", 10),
    kind("gldt-", 10),
    kind("glft-", 10),
    kind("glpat-", 10),
    kind("glptt-", 10),
    kind("glrt-", 10),
    kind("glsa_", 20),
    kind("glsoat-", 10),
    kind("gsk_", 20),
    kind("hf_", 16),
    kind("hvb.", 10),
    kind("hvr.", 10),
    kind("hvs.", 10),
    kind("key-", 32),
    kind("lin_api_", 10),
    kind("nfp_", 20),
    kind("npm_", 20),
    kind("ntn_", 20),
    kind("phx_", 20),
    kind("pk_live_", 10),
    kind("pk_test_", 10),
    kind("pscale_pw_", 10),
    kind("pscale_tkn_", 10),
    kind("pypi-", 20),
    kind("r8_", 20),
    kind("rk_live_", 10),
    kind("rk_test_", 10),
    kind("rubygems_", 20),
    kind("sbp_", 20),
    kind("shpat_", 10),
    kind("shpca_", 10),
    kind("shppa_", 10),
    kind("shpss_", 10),
    kind("sk-", 10),
    kind("sk_", 10),
    kind("sntrys_", 20),
    kind("sntryu_", 20),
    kind("sq0atp-", 10),
    kind("sq0csp-", 10),
    kind("whsec_", 10),
    kind("xai-", 20),
    kind("xapp-", 10),
    kind("xoxa-", 10),
    kind("xoxb-", 10),
    kind("xoxc-", 10),
    kind("xoxd-", 10),
    kind("xoxe-", 10),
    kind("xoxe.", 10),
    kind("xoxp-", 10),
    kind("xoxr-", 10),
    kind("xoxs-", 10),
    kind("ya29.", 10),
];

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Like [`is_of_token`], with dots that are not the end of a sentence.
fn end_of_token(line: Line<'_>, start: usize) -> usize {
    let mut end = line.skip(start, is_of_token);
    while line.at(end) == b'.' && is_of_token(line.at(end + 1)) {
        end = line.skip(end + 1, is_of_token);
    }
    end
}

/// Whether a word begins there, also after an escape such as `\n` or `%20`.
fn begins_at(line: Line<'_>, index: usize) -> bool {
    let before = |distance: usize| index.checked_sub(distance).map_or(0, |index| line.at(index));
    !before(1).is_ascii_alphanumeric() || before(2) == b'\\' || before(3) == b'%'
}

fn token(line: Line<'_>, index: usize) -> Option<Range<usize>> {
    let first = line.at(index);
    if !first.is_ascii_alphabetic() {
        return None;
    }
    let is_start = begins_at(line, index);
    let text = line.0.get(index..)?;
    for Kind { prefix, rest } in KINDS.iter().filter(|kind| kind.prefix.as_bytes().first() == Some(&first)) {
        // A long prefix with a sign in it is no accident even in the middle of a word.
        let is_telling = prefix.len() >= 4 && prefix.ends_with(['_', '-', '.']);
        let start = index + prefix.len();
        if (is_start || is_telling) && text.starts_with(prefix) && is_random(line, start, *rest) {
            return Some(index..end_of_token(line, start));
        }
    }
    if is_start { exact(line, index) } else { None }
}

/// Whether that much stands there, and more than the letters of a sentence.
fn is_random(line: Line<'_>, start: usize, length: usize) -> bool {
    // Of a run of letters without end not everything is looked at for each prefix in it.
    const FAR: usize = 128;
    let end = end_of_token(line.until(start + FAR), start);
    let mut rest = line.part(start..end).bytes();
    end - start >= length && rest.any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// Shapes that have no telling prefix, but an exact length.
fn exact(line: Line<'_>, index: usize) -> Option<Range<usize>> {
    let of = |prefixes: &[&str], rest: usize, is_of_it: fn(u8) -> bool| {
        let text = line.0.get(index..)?;
        let start = index + prefixes.iter().find(|prefix| text.starts_with(**prefix))?.len();
        let end = line.until(start + rest + 1).skip(start, is_of_it);
        (end - start == rest && !line.at(end).is_ascii_alphanumeric()).then_some(index..end)
    };
    let is_base32 = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    // AWS; Twilio and its key; the seed of a NATS user, account or operator; the older tokens of Vault.
    of(&["AKIA", "ASIA", "ABIA", "ACCA"], 16, is_base32)
        .or_else(|| of(&["SK"], 32, |byte| byte.is_ascii_alphanumeric()))
        .or_else(|| of(&["SU", "SA", "SO"], 56, is_base32))
        .or_else(|| of(&["s."], 24, |byte| byte.is_ascii_alphanumeric()))
}

/// JSON web tokens and PASETO.
fn web_token(line: Line<'_>, index: usize) -> Option<Range<usize>> {
    const PASETO: [&str; 8] = [
        "v1.local.",
        "v1.public.",
        "v2.local.",
        "v2.public.",
        "v3.local.",
        "v3.public.",
        "v4.local.",
        "v4.public.",
    ];
    let text = line.0.get(index..)?;
    if !text.starts_with("eyJ") && !PASETO.iter().any(|known| text.starts_with(known)) {
        return None;
    }
    let end = end_of_token(line, index);
    let dots = line.part(index..end).contains('.');
    (end - index >= 10 && dots || end - index >= 40).then_some(index..end)
}

/// Keys of Azure and of others: 64 random bytes in base64.
fn base64_key(line: Line<'_>, index: usize) -> Option<Range<usize>> {
    const LENGTH: usize = 86;
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if !begins_at(line, index) || !is_of_it(line.at(index)) {
        return None;
    }
    let end = line.until(index + LENGTH + 1).skip(index, is_of_it);
    (end - index == LENGTH && line.says(end, "==")).then_some(index..end + 2)
}
