//! What a verdict relied on: revoking or changing one of these puts the Decision in question.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// One thing that a verdict relied on. Decisions write it as a text, `KIND:NAME@DIGEST` or `KIND:DIGEST`, which is made and
/// read here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relied {
    /// A key, by the name it was known by and the digest of the key itself (`SubjectPublicKeyInfo`).
    Key(String, Digest),
    /// An identity of the keyring, by its name and [`crate::keyring::Credential::id`].
    Identity(String, Digest),
    /// An instance of Sigstore, by its name and the digest of its trusted root.
    Sigstore(String, Digest),
    /// A trust policy of the Notary Project, by its name and the digest of the policy document.
    Notation(String, Digest),
    /// A policy file, by its path and the digest of its content.
    Policy(String, Digest),
    /// A piece of evidence, by its manifest.
    Evidence(Digest),
    /// The feed.
    Feed(Digest),
    /// The Decision that released the artifact in the stage below.
    Decision(Digest),
}

/// The text names nothing that a verdict can rely on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name what a verdict relied on")]
pub struct ReliedError(String);

impl fmt::Display for Relied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name, digest) => write!(f, "key:{name}@{digest}"),
            Self::Identity(name, digest) => write!(f, "identity:{name}@{digest}"),
            Self::Sigstore(name, digest) => write!(f, "sigstore:{name}@{digest}"),
            Self::Notation(name, digest) => write!(f, "notation:{name}@{digest}"),
            Self::Policy(path, digest) => write!(f, "policy:{path}@{digest}"),
            Self::Evidence(digest) => write!(f, "evidence:{digest}"),
            Self::Feed(digest) => write!(f, "feed:{digest}"),
            Self::Decision(digest) => write!(f, "decision:{digest}"),
        }
    }
}

impl FromStr for Relied {
    type Err = ReliedError;

    fn from_str(text: &str) -> Result<Self, ReliedError> {
        let unknown = || ReliedError(text.chars().take(200).collect());
        let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
        let digest = |text: &str| text.parse().map_err(|_| unknown());
        let named = |make: fn(String, Digest) -> Self| {
            // A name may have the sign in it, a digest may not.
            let (name, named) = rest.rsplit_once('@').ok_or_else(unknown)?;
            Ok(make(name.to_owned(), digest(named)?))
        };
        match kind {
            "key" => named(Self::Key),
            "identity" => named(Self::Identity),
            "sigstore" => named(Self::Sigstore),
            "notation" => named(Self::Notation),
            "policy" => named(Self::Policy),
            "evidence" => Ok(Self::Evidence(digest(rest)?)),
            "feed" => Ok(Self::Feed(digest(rest)?)),
            "decision" => Ok(Self::Decision(digest(rest)?)),
            _ => Err(unknown()),
        }
    }
}

impl Serialize for Relied {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Relied {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_relied() -> impl Strategy<Value = Relied> {
        (0..8, ".{0,20}", any::<[u8; 4]>()).prop_map(|(kind, name, bytes)| {
            let digest = Digest::of(&bytes);
            match kind {
                0 => Relied::Key(name, digest),
                1 => Relied::Identity(name, digest),
                2 => Relied::Sigstore(name, digest),
                3 => Relied::Notation(name, digest),
                4 => Relied::Policy(name, digest),
                5 => Relied::Evidence(digest),
                6 => Relied::Feed(digest),
                _ => Relied::Decision(digest),
            }
        })
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(relied in any_relied()) {
            prop_assert_eq!(relied.to_string().parse::<Relied>(), Ok(relied));
        }
    }

    #[test]
    fn refuses_what_names_nothing() {
        let digest = Digest::of(b"");
        for bad in ["", "key", "key:build", "key:build@", "kee:build@", "feed:x@", "evidence:"] {
            assert!(format!("{bad}x").parse::<Relied>().is_err(), "{bad}");
        }
        assert!(format!("feed:x@{digest}").parse::<Relied>().is_err());
        assert!(format!("key:{digest}").parse::<Relied>().is_err());
    }
}
