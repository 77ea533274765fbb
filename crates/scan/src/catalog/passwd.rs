//! The accounts of an image (passwd(5)), as runtimes read them (runc, libcontainer/user).

use super::{Facts, File};
use crate::limits;

pub(super) fn wants(path: &str) -> bool {
    path == "etc/passwd"
}

/// Nothing where there are more accounts than are read: nobody can say then who is root.
pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut accounts: Vec<(String, i64)> = Vec::new();
    for line in lines {
        if accounts.len() >= limits::ACCOUNTS {
            return Ok(Facts::default());
        }
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default();
        accounts.push((name.to_owned(), fields.nth(1).map_or(0, number)));
    }
    Ok(Facts { accounts: Some(accounts), ..Facts::default() })
}

/// What is not a number is 0 to them. What no runtime takes as the number of an account is kept as one of those.
fn number(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let beyond = if text.starts_with('-') { -1 } else { 1 << 31 };
    text.parse::<i64>().unwrap_or(beyond).clamp(-1, 1 << 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_accounts_as_runtimes_do() {
        let text = "root:x:0:0:root:/root:/bin/sh\n  app:x:1000:1000::/:\n\nbroken:x:abc:1\nshort\nhalf:x\n\
                    plus:x:+0:0\nminus:x:-0:0\nhuge:x:99999999999999999999:0\n+::::::\n";
        let facts = read(&File { path: "etc/passwd", bytes: text.as_bytes() }).unwrap();
        let accounts = facts.accounts.unwrap();
        let expected = [
            ("root", 0),
            ("app", 1000),
            ("broken", 0),
            ("short", 0),
            ("half", 0),
            ("plus", 0),
            ("minus", 0),
            ("huge", 1 << 31),
            ("+", 0),
        ];
        assert_eq!(accounts, expected.map(|(name, number)| (name.to_owned(), number)));
        let many = "a:x:1:1:::\n".repeat(limits::ACCOUNTS + 1);
        assert_eq!(read(&File { path: "etc/passwd", bytes: many.as_bytes() }).unwrap(), Facts::default());
    }
}
