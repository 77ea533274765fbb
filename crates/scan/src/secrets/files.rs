//! Files that have a format for passwords: what stands in the place of one is a secret, unless it is a variable or a word of a
//! document.

use super::check::{is_base64, is_password, is_placeholder, run};
use super::marks::{is_encoded_login, is_login};
use super::{Hit, Rule, Text};
use crate::paths;

/// Whether a line has a secret.
type Says = fn(line: &[u8]) -> bool;

/// The passwords of a file that is called like one that has some.
pub(super) fn find(text: &Text<'_>) -> Vec<Hit> {
    let folder = paths::split(paths::split(text.path).0).1;
    let (rule, says): (Rule, Says) = match (folder, text.name()) {
        (_, ".npmrc" | "npmrc") => (Rule::NpmAuth, of_npm),
        (_, ".yarnrc.yml") => (Rule::NpmAuth, of_yarn),
        (_, ".pypirc") => (Rule::PypiPassword, of_pypi),
        (_, ".git-credentials" | ".gitconfig") | (".git", "config") => (Rule::GitPassword, of_git),
        (_, ".netrc" | "_netrc") => return of_netrc(text.bytes),
        _ => return Vec::new(),
    };
    let lines = (1..).zip(text.bytes.split(|byte| *byte == b'\n'));
    let spoken = lines.filter(|(_, line)| !is_comment(line) && says(line));
    spoken.map(|(line, _)| Hit { line, rule }).collect()
}

fn is_comment(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'#' | b';'))
}

/// Key and value of a line, the value without quotes.
fn pair(line: &[u8], between: fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    let (key, value) = line.split_at_checked(line.iter().position(|byte| between(*byte))?)?;
    let value = value.get(1..)?.trim_ascii();
    let quote = |byte: u8| matches!(byte, b'"' | b'\'');
    let inner = value.first().filter(|first| quote(**first)).and_then(|first| {
        let inner = value.get(1..)?;
        inner.get(..memchr::memchr(*first, inner)?)
    });
    Some((key.trim_ascii(), inner.unwrap_or(value)))
}

/// docs.npmjs.com, "npmrc", "Auth related configuration".
fn of_npm(line: &[u8]) -> bool {
    let Some((key, value)) = pair(line, |byte| byte == b'=') else { return false };
    match key.rsplit(|byte| *byte == b':').next().unwrap_or_default() {
        // A token of npm's has a rule of its own, which takes its checksum.
        b"_authToken" => value.len() >= 16 && is_password(value) && !value.starts_with(b"npm_"),
        b"_auth" => is_encoded_login(value),
        b"_password" => is_password(value) && value.iter().all(|byte| is_base64(*byte)),
        _ => false,
    }
}

/// yarnpkg.com, "Yarnrc files".
fn of_yarn(line: &[u8]) -> bool {
    match pair(line, |byte| byte == b':') {
        Some((b"npmAuthToken", value)) => {
            value.len() >= 16 && is_password(value) && !value.starts_with(b"npm_")
        }
        Some((b"npmAuthIdent", value)) => is_login(value) || is_encoded_login(value),
        _ => false,
    }
}

/// packaging.python.org, "The .pypirc file".
fn of_pypi(line: &[u8]) -> bool {
    let said = pair(line, |byte| matches!(byte, b'=' | b':'));
    said.is_some_and(|(key, value)| key == b"password" && is_password(value) && !value.starts_with(b"pypi-"))
}

/// git-credential-store(1); git-config(1), `url` and `http.extraHeader`.
fn of_git(line: &[u8]) -> bool {
    let of_address =
        memchr::memmem::find(line, b"://").and_then(|at| line.get(at + 3..)).is_some_and(|rest| {
            let address = run(rest, |byte| !byte.is_ascii_whitespace() && byte != b'/' && byte != b'"');
            memchr::memrchr(b'@', address).and_then(|at| address.get(..at)).is_some_and(is_login)
        });
    let small = line.to_ascii_lowercase();
    let of_header = memchr::memmem::find(&small, b"authorization: basic ")
        .and_then(|at| line.get(at + b"authorization: basic ".len()..))
        .is_some_and(|value| is_encoded_login(value.trim_ascii()));
    of_address || of_header
}

/// ftp(1), "The .netrc file": words, of which `password` is followed by one.
fn of_netrc(bytes: &[u8]) -> Vec<Hit> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| !is_comment(line));
    let words = lines.flat_map(|(line, text)| {
        let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.map(move |word| (line, word))
    });
    let (mut hits, mut before): (Vec<Hit>, &[u8]) = (Vec::new(), b"");
    for (line, word) in words {
        if before == b"password" && is_password(word) && !is_placeholder(word) {
            hits.push(Hit { line, rule: Rule::NetrcPassword });
        }
        before = word;
    }
    hits
}
