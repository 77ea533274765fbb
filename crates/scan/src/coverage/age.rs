//! How old a source of advisories is: by when it was fetched, never by what its records say of themselves.

use lockgate_model::Timestamp;
use lockgate_model::feed::FeedOrigin;

/// Days after which a source is too old, unless settings say otherwise.
pub const MAX_AGE_DAYS: u32 = 7;
/// Seconds in a day.
const DAY: i64 = 86_400;

/// How old a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It was fetched so many whole days ago, and is fresh.
    Fresh(u64),
    /// It was fetched so many whole days ago, and is too old.
    Stale(u64),
    /// Nobody knows when it was fetched.
    Undated,
    /// Its date is after the instant that is asked about: it says nothing.
    Future,
}

/// How old a source is at an instant, where at most so many days are allowed.
pub fn age(origin: &FeedOrigin, at: Timestamp, most: u32) -> Age {
    let Some(fetched) = origin.fetched else { return Age::Undated };
    let seconds = at.unix().saturating_sub(fetched.unix());
    let Ok(days) = u64::try_from(seconds.div_euclid(DAY)) else { return Age::Future };
    if seconds > i64::from(most) * DAY { Age::Stale(days) } else { Age::Fresh(days) }
}

impl Age {
    /// What is wrong with a source of that age, for people; nothing when it is fresh.
    pub fn trouble(self, origin: &FeedOrigin, most: u32) -> Option<String> {
        let FeedOrigin { name, fetched, .. } = origin;
        let fetched = fetched.map(|at| at.to_string()).unwrap_or_default();
        Some(match self {
            Self::Fresh(_) => return None,
            Self::Stale(days) => {
                format!(
                    "the advisories of {name} were fetched {days} days ago, at {fetched}; at most {most} days are allowed"
                )
            }
            Self::Undated => format!("nothing says when the advisories of {name} were fetched"),
            Self::Future => format!("the advisories of {name} are dated {fetched}, which is yet to come"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_date_and_no_coming_date_is_fresh() {
        let at: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let of = |fetched: Option<i64>| FeedOrigin {
            name: "osv".into(),
            fetched: fetched.map(|seconds| at.plus_seconds(seconds)),
            claimed: false,
        };
        for (fetched, expected) in [
            (None, Age::Undated),
            (Some(1), Age::Future),
            (Some(400 * DAY), Age::Future),
            (Some(0), Age::Fresh(0)),
            (Some(-7 * DAY), Age::Fresh(7)),
            (Some(-7 * DAY - 1), Age::Stale(7)),
            (Some(-300 * DAY), Age::Stale(300)),
        ] {
            let origin = of(fetched);
            assert_eq!(age(&origin, at, 7), expected, "{fetched:?}");
            assert_eq!(expected.trouble(&origin, 7).is_none(), matches!(expected, Age::Fresh(_)));
        }
    }
}
