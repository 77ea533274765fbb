//! Rules that begin with a mark: a text is searched for all marks at once (Aho-Corasick), and what stands at one is checked.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use memchr::memmem;

use super::check::{
    begins, crc_is_right, entropy, is_base62, is_base64, is_bech32, is_macaroon, is_password, is_placeholder,
    is_word, run,
};
use super::{KEY_START, Rule, Text, keys};
use crate::limits;

/// A mark, and whether the rule holds for what stands there: `at` is where the mark begins.
struct Mark {
    text: &'static [u8],
    rule: Rule,
    holds: fn(&Text<'_>, at: usize, after: &[u8]) -> bool,
}

const fn mark(text: &'static [u8], rule: Rule, holds: fn(&Text<'_>, usize, &[u8]) -> bool) -> Mark {
    Mark { text, rule, holds }
}

const MARKS: &[Mark] = &[
    mark(KEY_START, Rule::PrivateKey, |text, _, after| !is_service_account(text) && keys::is_key(after)),
    mark(b"\"private_key\"", Rule::GoogleServiceAccount, |text, _, after| {
        let key = quoted(after).and_then(|value| value.strip_prefix(KEY_START));
        is_service_account(text) && key.is_some_and(keys::is_key)
    }),
    mark(b"AKIA", Rule::AwsAccessKey, aws),
    mark(b"ghp_", Rule::GithubToken, checked),
    mark(b"gho_", Rule::GithubToken, checked),
    mark(b"ghu_", Rule::GithubToken, checked),
    mark(b"ghs_", Rule::GithubToken, checked),
    mark(b"ghr_", Rule::GithubToken, checked),
    mark(b"github_pat_", Rule::GithubToken, |text, at, after| {
        let (user, rest) = after.split_at_checked(22).unwrap_or_default();
        let body = rest.strip_prefix(b"_").map(|rest| run(rest, is_word)).unwrap_or_default();
        let right = user.iter().chain(body).all(|byte| is_base62(*byte));
        right && body.len() == 59 && is_token(text, at, body, 4.0)
    }),
    mark(b"glpat-", Rule::GitlabToken, gitlab),
    mark(b"gldt-", Rule::GitlabToken, gitlab),
    mark(b"glrt-", Rule::GitlabToken, gitlab),
    mark(b"npm_", Rule::NpmToken, checked),
    mark(b"pypi-AgE", Rule::PypiToken, |_, _, after| {
        let whole = [b"AgE", run(after, is_word)].concat();
        BASE64URL_NOPAD.decode(&whole).is_ok_and(|bytes| is_macaroon(&bytes))
    }),
    mark(b"xoxb-", Rule::SlackToken, slack),
    mark(b"xoxp-", Rule::SlackToken, slack),
    mark(b"xapp-1-", Rule::SlackToken, |text, at, after| {
        let parts: Vec<_> = run(after, is_word).split(|byte| *byte == b'-').collect();
        let [app, number, secret] = parts.as_slice() else { return false };
        let named = app.starts_with(b"A") && number.iter().all(u8::is_ascii_digit) && number.len() >= 10;
        named
            && secret.len() == 64
            && secret.iter().all(u8::is_ascii_hexdigit)
            && is_token(text, at, secret, 3.0)
    }),
    mark(b"hooks.slack.com/services/T", Rule::SlackWebhook, |_, _, after| {
        let end = after.iter().position(|byte| !is_base62(*byte) && *byte != b'/').unwrap_or(after.len());
        let parts: Vec<_> =
            after.get(..end.min(64)).unwrap_or_default().split(|byte| *byte == b'/').collect();
        let [team, channel, secret] = parts.as_slice() else { return false };
        let named = team.len() >= 7 && channel.len() >= 8 && channel.starts_with(b"B");
        named && secret.len() == 24 && entropy(secret) >= 3.0 && !is_placeholder(secret)
    }),
    mark(b"sk_live_", Rule::StripeKey, stripe),
    mark(b"rk_live_", Rule::StripeKey, stripe),
    mark(b"AIza", Rule::GoogleApiKey, |text, at, after| sized(text, at, after, is_word, 35..=35, 3.5)),
    mark(b"hvs.", Rule::VaultToken, |text, at, after| sized(text, at, after, is_word, 90..=120, 4.0)),
    mark(b"AGE-SECRET-KEY-1", Rule::AgeIdentity, |text, at, after| {
        let body = run(after, is_base62);
        let whole = text.bytes.get(at..at + 16 + body.len()).unwrap_or_default();
        body.len() == 58 && is_bech32(whole)
    }),
    mark(b"tskey-", Rule::TailscaleKey, |text, at, after| {
        let body = run(after, is_word);
        let parts: Vec<_> = body.split(|byte| *byte == b'-').collect();
        let [_, id, secret] = parts.as_slice() else { return false };
        id.starts_with(b"k")
            && id.ends_with(b"CNTRL")
            && secret.len() >= 20
            && is_token(text, at, secret, 3.0)
    }),
    mark(b"T3BlbkFJ", Rule::OpenaiKey, |text, at, after| {
        let before = text.bytes.get(at.saturating_sub(200)..at).unwrap_or_default();
        let start = memmem::rfind(before, b"sk-").and_then(|from| before.get(from + 3..));
        let whole = start.is_some_and(|start| start.len() >= 20 && start.iter().all(|byte| is_word(*byte)));
        let body = run(after, is_word);
        whole && body.len() >= 20 && entropy(body) >= 3.0 && !is_placeholder(body)
    }),
    mark(b"sk-ant-api03-", Rule::AnthropicKey, |text, at, after| {
        run(after, is_word).ends_with(b"AA") && sized(text, at, after, is_word, 95..=95, 4.0)
    }),
    mark(b"hf_", Rule::HuggingfaceToken, |text, at, after| {
        let body = run(after, is_word);
        let mixed = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
        let letters = body.len() == 34 && body.iter().all(u8::is_ascii_alphabetic);
        letters && mixed && is_token(text, at, body, 3.8)
    }),
    mark(b"dop_v1_", Rule::DigitaloceanToken, digitalocean),
    mark(b"doo_v1_", Rule::DigitaloceanToken, digitalocean),
    mark(b"dor_v1_", Rule::DigitaloceanToken, digitalocean),
    mark(b"\"auth\"", Rule::DockerAuth, |text, _, after| {
        is_docker_config(text) && quoted(after).is_some_and(is_encoded_login)
    }),
    mark(b"\"identitytoken\"", Rule::DockerAuth, |text, _, after| {
        let value = quoted(after).map(|value| run(value, |byte| byte != b'"'));
        is_docker_config(text) && value.is_some_and(|value| value.len() >= 16 && is_password(value))
    }),
    mark(b"client-key-data", Rule::KubernetesClientKey, |_, _, after| {
        let value = after.strip_prefix(b"\"").unwrap_or(after).trim_ascii_start().strip_prefix(b":");
        let value = value.map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| keys::is_encoded_key(value.strip_prefix(b"\"").unwrap_or(value)))
    }),
];

/// Nothing where the marks cannot be searched for; a test holds that they can.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let marks = MARKS.iter().map(|mark| mark.text);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks).ok()
});

/// The places where a rule holds, in order. After [`limits::MARKS_PER_FILE`] marks the rest is told as not searched.
pub(super) fn find<'a>(text: &'a Text<'a>) -> impl Iterator<Item = (usize, Rule)> + 'a {
    let found = SEARCH.iter().flat_map(|search| search.find_iter(text.bytes)).enumerate();
    found.take(limits::MARKS_PER_FILE + 1).filter_map(|(count, found)| {
        if count == limits::MARKS_PER_FILE {
            return Some((found.start(), Rule::NotSearched));
        }
        let mark = MARKS.get(found.pattern().as_usize())?;
        (mark.holds)(text, found.start(), text.after(found.end())).then_some((found.start(), mark.rule))
    })
}

/// Whether a token stands alone, is random enough and no placeholder.
fn is_token(text: &Text<'_>, at: usize, body: &[u8], bits: f64) -> bool {
    begins(text.bytes, at) && entropy(body) >= bits && !is_placeholder(body)
}

/// A token of such bytes and of that length.
fn sized(
    text: &Text<'_>,
    at: usize,
    after: &[u8],
    is: fn(u8) -> bool,
    length: std::ops::RangeInclusive<usize>,
    bits: f64,
) -> bool {
    let body = run(after, is);
    length.contains(&body.len()) && is_token(text, at, body, bits)
}

/// A token of 36 letters and digits, of which the last six are a checksum.
fn checked(text: &Text<'_>, at: usize, after: &[u8]) -> bool {
    let body = run(after, is_word);
    body.len() == 36
        && begins(text.bytes, at)
        && body.iter().all(|byte| is_base62(*byte))
        && crc_is_right(body)
}

/// Twenty characters, or since 2025 a longer one with two parts after dots (docs.gitlab.com, "Token overview").
fn gitlab(text: &Text<'_>, at: usize, after: &[u8]) -> bool {
    let body = run(after, is_word);
    let rest = after.get(body.len()..).unwrap_or_default().strip_prefix(b".");
    let routed = body.len() >= 27 && rest.is_some_and(|rest| run(rest, is_base62).len() >= 2);
    (body.len() == 20 || routed) && is_token(text, at, body, 3.0)
}

fn slack(text: &Text<'_>, at: usize, after: &[u8]) -> bool {
    let parts: Vec<_> = run(after, is_word).split(|byte| *byte == b'-').collect();
    let Some((secret, numbers)) = parts.split_last() else { return false };
    let number = |part: &&[u8]| (10..=13).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let numbered = (2..=3).contains(&numbers.len()) && numbers.iter().all(number);
    numbered && (24..=34).contains(&secret.len()) && is_token(text, at, secret, 3.0)
}

fn stripe(text: &Text<'_>, at: usize, after: &[u8]) -> bool {
    sized(text, at, after, is_base62, 24..=247, 3.0)
}

fn digitalocean(text: &Text<'_>, at: usize, after: &[u8]) -> bool {
    let body = run(after, is_word);
    body.len() == 64 && body.iter().all(u8::is_ascii_hexdigit) && is_token(text, at, body, 3.0)
}

/// How far the secret of an access key may stand from its id, in bytes.
const BESIDE: usize = 300;

/// An id of an access key, in base32, with its secret beside it: 40 characters of base64 that are not a digest in
/// hexadecimal digits.
fn aws(text: &Text<'_>, at: usize, after: &[u8]) -> bool {
    let id = run(after, is_word);
    let is_id = id.len() == 16 && id.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    if !is_id || !begins(text.bytes, at) || id.ends_with(b"EXAMPLE") {
        return false;
    }
    let end = text.bytes.len().min(at + 20 + BESIDE);
    let window = text.bytes.get(at.saturating_sub(BESIDE)..end).unwrap_or_default();
    let is_piece = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    window.split(is_piece).any(|piece| {
        let hexadecimal = piece.iter().all(u8::is_ascii_hexdigit);
        piece.len() == 40 && !hexadecimal && entropy(piece) >= 4.2 && !is_placeholder(piece)
    })
}

/// The content of a JSON text after its key.
fn quoted(after: &[u8]) -> Option<&[u8]> {
    after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
}

/// Whether a file says that it is of a service account.
fn is_service_account(text: &Text<'_>) -> bool {
    let start = text.bytes.get(..text.bytes.len().min(SERVICE_ACCOUNT)).unwrap_or_default();
    start.trim_ascii_start().starts_with(b"{")
        && [&b"\"service_account\""[..], b"\"client_email\""]
            .iter()
            .all(|word| memmem::find(start, word).is_some())
}

/// Largest file of a service account, in bytes.
const SERVICE_ACCOUNT: usize = 8 << 10;

/// Whether a file is Docker's config, in its present or its old form.
fn is_docker_config(text: &Text<'_>) -> bool {
    let start = text.bytes.get(..text.bytes.len().min(DOCKER_CONFIG)).unwrap_or_default();
    text.name() == ".dockercfg" || memmem::find(start, b"\"auths\"").is_some()
}

/// How far into Docker's config it says that it is one, in bytes.
const DOCKER_CONFIG: usize = 4 << 10;

/// Longest name and password in base64, in bytes: the password may be the key file of a service account.
const LOGIN: usize = 16 << 10;

/// Whether a name and a password are in base64 here.
pub(super) fn is_encoded_login(value: &[u8]) -> bool {
    let end = value.iter().take(LOGIN).position(|byte| !is_base64(*byte)).unwrap_or(value.len());
    let encoded = value.get(..end).filter(|encoded| encoded.len() <= LOGIN);
    encoded.and_then(|encoded| BASE64.decode(encoded).ok()).is_some_and(|login| is_login(&login))
}

/// Whether it is a name and a password with a colon in between.
pub(super) fn is_login(value: &[u8]) -> bool {
    let Some((name, password)) = memchr::memchr(b':', value).and_then(|colon| value.split_at_checked(colon))
    else {
        return false;
    };
    !name.is_empty()
        && std::str::from_utf8(value).is_ok()
        && is_password(password.strip_prefix(b":").unwrap_or_default())
}
