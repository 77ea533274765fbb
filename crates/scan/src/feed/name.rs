//! Names of vulnerabilities in few bytes: an import keeps hundreds of thousands of them in memory.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name. Two texts are one name exactly when they are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Name {
    /// `CVE-YEAR-NUMBER`: the number of at least four digits.
    Cve(u16, u32),
    /// `GHSA-xxxx-xxxx-xxxx`: the letters as a number.
    Ghsa(u64),
    /// Any other.
    Other(Box<str>),
}

/// The letters of GitHub's names (github.com/github/advisory-database, "GHSA ID").
const LETTERS: &[u8; 20] = b"23456789cfghjmpqrvwx";

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let short = cve(text).or_else(|| ghsa(text));
        // What does not come back as it was is another text, such as one with more zeros.
        short.filter(|name| name.to_string() == text).unwrap_or_else(|| Self::Other(text.into()))
    }
}

fn cve(text: &str) -> Option<Name> {
    let (year, number) = text.strip_prefix("CVE-")?.split_once('-')?;
    Some(Name::Cve(year.parse().ok()?, number.parse().ok()?))
}

fn ghsa(text: &str) -> Option<Name> {
    let letters = text.strip_prefix("GHSA-")?.bytes().filter(|byte| *byte != b'-');
    let mut number = 0_u64;
    for letter in letters {
        let digit = LETTERS.iter().position(|known| *known == letter)?;
        number = number.checked_mul(LETTERS.len() as u64)?.checked_add(digit as u64)?;
    }
    Some(Name::Ghsa(number))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cve(year, number) => write!(f, "CVE-{year}-{number:04}"),
            Self::Ghsa(number) => {
                let base = LETTERS.len() as u64;
                f.write_str("GHSA")?;
                for place in (0..12_u32).rev() {
                    if (place + 1).is_multiple_of(4) {
                        f.write_str("-")?;
                    }
                    let digit = usize::try_from(number / base.pow(place) % base).unwrap_or_default();
                    let letter = LETTERS.get(digit).copied().unwrap_or(b'?');
                    write!(f, "{}", char::from(letter))?;
                }
                Ok(())
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        for text in [
            "CVE-2024-0001",
            "CVE-2024-1234567",
            "CVE-2024-1",
            "CVE-2024-00001",
            "CVE-02024-0001",
            "CVE-2024-99999999999",
            "CVE-70000-1234",
            "CVE-2024-+123",
            "GHSA-2222-3333-xxxx",
            "GHSA-xxxx-xxxx-xxxx",
            "GHSA-xxxx-xxxx-xxxxx",
            "GHSA-23cf-0000-wwww",
            "GHSA-2222-3333xxxx",
            "GHSA-",
            "",
            "MAL-2024-1",
        ] {
            assert_eq!(Name::from(text).to_string(), text);
        }
        assert!(matches!(Name::from("CVE-2024-0001"), Name::Cve(2024, 1)));
        assert!(matches!(Name::from("GHSA-2222-3333-xxxx"), Name::Ghsa(_)));
    }
}
