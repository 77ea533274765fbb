//! Instants in whole seconds, UTC. Nothing here reads a clock: the instant is always an argument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC with a resolution of one second, written as RFC 3339 with a `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 date and time such as 2026-11-23T08:00:00Z")]
pub struct TimestampError {
    /// The text that was refused, at most 100 characters of it.
    pub text: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The last instant of the year 9999 or so: nothing is later.
    pub const LAST: Self = Self(253_402_207_200);

    /// From seconds since 1970-01-01T00:00:00Z; values outside the years 0 to 9999 are clamped.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(-62_167_219_200, 253_402_207_200))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Any RFC 3339 offset is read; fractions of a second are cut off.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let instant: jiff::Timestamp =
            text.parse().map_err(|_| TimestampError { text: text.chars().take(100).collect() })?;
        Ok(Self::from_unix(instant.as_second()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_writes_utc() {
        let instant: Timestamp = "2026-11-23T10:00:00.75+02:00".parse().unwrap();
        assert_eq!(instant.to_string(), "2026-11-23T08:00:00Z");
        assert_eq!(instant.plus_seconds(60).to_string(), "2026-11-23T08:01:00Z");
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for bad in ["", "2026-11-23", "2026-11-23T10:00:00", "yesterday"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_instant_can_be_read_back() {
        for seconds in [i64::MIN, -1, 0, 1, i64::MAX] {
            let instant = Timestamp::from_unix(seconds);
            assert_eq!(instant.to_string().parse(), Ok(instant));
        }
    }
}
