//! For when a signer is trusted: a window, and what was signed before its key was stolen.
//!
//! The rule is the Notary Project's for invalidity dates, for managed keys and keyless identities alike: what a trusted
//! time proves to be older than the compromise stays valid; what is later, or not dated, does not.

use lockgate_model::Timestamp;
use serde::{Deserialize, Serialize};

/// For when a key or an identity is trusted. Nothing set means always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validity {
    /// The first instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The last instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Since when others may have had the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
}

/// Why a signature does not count although its signer is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// Signed before the signer was trusted.
    #[error("it was signed at {at}, and the signer is trusted from {from}")]
    Early {
        /// When it was signed, or is judged.
        at: Timestamp,
        /// From when the signer is trusted.
        from: Timestamp,
    },
    /// Signed after the signer was trusted.
    #[error("it was signed at {at}, and the signer was trusted until {until}")]
    Late {
        /// When it was signed, or is judged.
        at: Timestamp,
        /// Until when the signer was trusted.
        until: Timestamp,
    },
    /// Signed when others may have had the key.
    #[error("it was signed at {at}, and others may have had the key since {since}")]
    Compromised {
        /// When it was signed.
        at: Timestamp,
        /// Since when.
        since: Timestamp,
    },
    /// Others may have had the key, and when it was signed is not proven.
    #[error("others may have had the key since {since}, and nothing proves that it was signed before")]
    Undated {
        /// Since when.
        since: Timestamp,
    },
}

impl Validity {
    /// Whether a signature counts that is proven to have existed by `existed_by` (see
    /// [`crate::sigstore::Verified::existed_by`] and [`crate::notary::Outcome::signed_at`]), judged for `as_of`. Without a
    /// proof it counts as signed at `as_of`.
    pub fn admits(&self, existed_by: Option<Timestamp>, as_of: Timestamp) -> Result<(), ValidityError> {
        if let Some(since) = self.compromised_since {
            match existed_by {
                None => return Err(ValidityError::Undated { since }),
                Some(at) if at >= since => return Err(ValidityError::Compromised { at, since }),
                Some(_) => {}
            }
        }
        let at = existed_by.unwrap_or(as_of);
        if let Some(from) = self.not_before.filter(|from| at < *from) {
            return Err(ValidityError::Early { at, from });
        }
        if let Some(until) = self.not_after.filter(|until| at > *until) {
            return Err(ValidityError::Late { at, until });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn nothing_set_is_always() {
        for existed_by in [None, Some(at(0)), Some(at(100))] {
            assert_eq!(Validity::default().admits(existed_by, at(50)), Ok(()));
        }
    }

    #[test]
    fn a_window_holds_its_ends_and_nothing_outside() {
        let validity =
            Validity { not_before: Some(at(10)), not_after: Some(at(20)), compromised_since: None };
        for (signed, inside) in [(9, false), (10, true), (20, true), (21, false)] {
            // Proven, and otherwise judged as if it were made now.
            assert_eq!(validity.admits(Some(at(signed)), at(1000)).is_ok(), inside, "{signed}");
            assert_eq!(validity.admits(None, at(signed)).is_ok(), inside, "{signed}");
        }
        assert_eq!(
            validity.admits(Some(at(9)), at(15)),
            Err(ValidityError::Early { at: at(9), from: at(10) })
        );
        assert_eq!(validity.admits(None, at(30)), Err(ValidityError::Late { at: at(30), until: at(20) }));
    }

    #[test]
    fn what_is_proven_older_than_the_compromise_stays() {
        let validity = Validity { compromised_since: Some(at(10)), ..Validity::default() };
        assert_eq!(validity.admits(Some(at(9)), at(1000)), Ok(()));
        let since = at(10);
        assert_eq!(
            validity.admits(Some(at(10)), at(1000)),
            Err(ValidityError::Compromised { at: at(10), since })
        );
        assert_eq!(validity.admits(None, at(5)), Err(ValidityError::Undated { since }));
    }

    #[test]
    fn a_misspelt_field_is_no_field() {
        assert!(serde_json::from_str::<Validity>(r#"{"notAfter": "2026-01-01T00:00:00Z"}"#).is_ok());
        assert!(serde_json::from_str::<Validity>(r#"{"notafter": "2026-01-01T00:00:00Z"}"#).is_err());
    }
}
