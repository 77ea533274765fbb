//! Whether a trusted key counts: for a stage, in a role, at an instant, for a signature of a certain age.

use lockgate_model::case::{Revocation, TrustedKey};
use lockgate_model::keyring::{Duty, Role, Stages};
use lockgate_model::{Effect, Finding, Severity, StageName, Timestamp};

use crate::findings::{BUILDERS, KEEPERS, Words, finding};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What is asked of a key.
pub(super) struct Asked<'a> {
    /// The instant of judging.
    pub(super) as_of: Timestamp,
    /// The stage to enter.
    pub(super) stage: &'a StageName,
    /// The roles of which it must have one.
    pub(super) roles: &'a [Role],
    /// Every key of the Case: an owner's other keys are among them.
    pub(super) keys: &'a [TrustedKey],
}

/// Why a key does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    Revoked(Revocation),
    NotYetValid(Timestamp),
    Expired(Timestamp),
    Retired(Timestamp),
    OtherStage(Stages),
    OtherRole(String),
    NotApart { other: String, mine: Role, theirs: Role },
    Overdue { due: Timestamp, days: u32 },
    NotAsked,
}

/// Why a signature by `key`, `proven_at` that instant to exist, does not count; nothing when it does. `revocation` is
/// what is known about the key itself, under whichever name.
pub(super) fn doubt(
    key: &TrustedKey,
    revocation: Option<Revocation>,
    proven_at: Option<Timestamp>,
    asked: &Asked<'_>,
) -> Option<Doubt> {
    let older = |than: Timestamp| proven_at.is_some_and(|proven| proven < than);
    if let Some(revoked) = revocation
        && !revoked.compromised_since.is_some_and(older)
    {
        return Some(Doubt::Revoked(revoked));
    }
    if let Some(from) = key.valid_from.filter(|from| asked.as_of < *from) {
        return Some(Doubt::NotYetValid(from));
    }
    if let Some(until) = key.valid_until.filter(|until| asked.as_of >= *until) {
        return Some(Doubt::Expired(until));
    }
    if let Some(retired) = key.retired_at.filter(|retired| asked.as_of >= *retired && !older(*retired)) {
        return Some(Doubt::Retired(retired));
    }
    let duty = key.duty.as_ref()?;
    if !duty.stages.serve(asked.stage) {
        return Some(Doubt::OtherStage(duty.stages.clone()));
    }
    if !asked.roles.iter().any(|role| duty.roles.contains(role)) {
        return Some(Doubt::OtherRole(duty.roles_text()));
    }
    not_apart(key, duty, asked).or_else(|| match rotation(key, duty) {
        Some((due, days)) if asked.as_of >= due => Some(Doubt::Overdue { due, days }),
        _ => None,
    })
}

/// Both ends in one hand: by this key alone, or by another of its owner's that counts now for this stage. The ledger
/// refuses such keys; a Case does not take that on trust.
fn not_apart(key: &TrustedKey, duty: &Duty, asked: &Asked<'_>) -> Option<Doubt> {
    if let Some((mine, theirs)) = duty.both_ends() {
        return Some(Doubt::NotApart { other: key.name.clone(), mine, theirs });
    }
    let counts_now = |other: &&TrustedKey| {
        other.revoked.is_none()
            && other.valid_from.is_none_or(|from| asked.as_of >= from)
            && [other.valid_until, other.retired_at].into_iter().flatten().all(|end| asked.as_of < end)
    };
    asked.keys.iter().filter(|other| other.name != key.name).filter(counts_now).find_map(|other| {
        let theirs = other.duty.as_ref().filter(|duty| duty.stages.serve(asked.stage))?;
        let (mine, theirs) = duty.clash(theirs)?;
        Some(Doubt::NotApart { other: other.name.clone(), mine, theirs })
    })
}

/// When the key is to be rotated, and its cadence in days; nothing for one without, or that is being rotated already.
fn rotation(key: &TrustedKey, duty: &Duty) -> Option<(Timestamp, u32)> {
    let (days, since) = (duty.rotate_every_days?, key.in_use_since?);
    key.retired_at.is_none().then(|| (since.plus_seconds(i64::from(days) * DAY), days))
}

/// The advice to rotate a key that counts, when less than `warn_days` remain.
pub(super) fn rotation_due(key: &TrustedKey, asked: &Asked<'_>, warn_days: u32) -> Option<Finding> {
    let duty = key.duty.as_ref()?;
    let (due, days) = rotation(key, duty)?;
    if asked.as_of.plus_seconds(i64::from(warn_days) * DAY) <= due {
        return None;
    }
    let words = Words {
        title: format!("the key `{}` is to be rotated by {due}: every {days} days", key.name),
        rationale: ROTATION,
        remediation: rotate(&key.name),
        owner: KEEPERS,
    };
    Some(owned(key, finding("signature.key-rotation-due", Severity::Low, Effect::Advise, &key.name, words)))
}

const ROTATION: &str = "a key that is replaced on time is one that can be replaced in an emergency, and limits what a theft nobody noticed is worth";

fn rotate(name: &str) -> String {
    format!("rotate it: lockgate key rotate {name} --to {name}-next --file FILE --overlap-until INSTANT")
}

/// Whoever holds the key is asked.
fn owned(key: &TrustedKey, mut finding: Finding) -> Finding {
    if let Some(duty) = &key.duty {
        finding.owner.clone_from(&duty.owner);
    }
    finding
}

/// The finding that says why `key` does not count. `expected` says what would.
pub(super) fn explain(key: &TrustedKey, doubt: &Doubt, asked: &Asked<'_>, expected: &str) -> Finding {
    let (name, stage) = (&key.name, asked.stage);
    let again = "sign the image again with a key that is valid".to_owned();
    let sign = format!("sign the image with the key of {expected}: lockgate sign IMAGE --key KEY");
    let for_its_roles = "a key vouches for what its role says, where it may, and for nothing else: so a stolen one opens few doors";
    let (code, severity, title, rationale, remediation) = match doubt {
        Doubt::NotYetValid(from) => (
            "key-not-yet-valid",
            Severity::High,
            format!("the key `{name}` is valid from {from}"),
            NOW,
            again,
        ),
        Doubt::Expired(until) => {
            ("key-expired", Severity::High, format!("the key `{name}` was valid until {until}"), NOW, again)
        }
        Doubt::Retired(at) => {
            ("key-retired", Severity::High, format!("the key `{name}` was retired at {at}"), NOW, sign)
        }
        Doubt::Revoked(revoked) => {
            let title = match revoked.compromised_since {
                Some(since) => format!(
                    "the key `{name}` was revoked at {}: others may have signed with it since {since}, and nothing proves that this signature is older",
                    revoked.at
                ),
                None => format!("the key `{name}` was revoked at {}", revoked.at),
            };
            let why = "whoever has a stolen key signs what they like, with whatever date they like: only a trusted time tells old signatures from theirs";
            ("key-revoked", Severity::Critical, title, why, format!("find out what was built, then {sign}"))
        }
        Doubt::OtherStage(stages) => {
            let title = format!("the key `{name}` serves {stages}, not {stage}");
            ("key-other-stage", Severity::High, title, for_its_roles, sign)
        }
        Doubt::OtherRole(roles) => {
            let title = format!("the key `{name}` is one of a {roles}; this stage asks for {expected}");
            ("key-other-role", Severity::High, title, for_its_roles, sign)
        }
        Doubt::NotAsked => {
            let title = format!("the key `{name}` signed it; this stage asks for {expected}");
            ("key-not-asked", Severity::Medium, title, for_its_roles, sign)
        }
        Doubt::NotApart { other, mine, theirs } => {
            let title = format!(
                "whoever holds the key `{name}` is {mine} with it and {theirs} by `{other}`, for {stage}"
            );
            let why = "whoever makes a thing must not be the one who says that it may go out";
            let fix = format!(
                "give one of them to someone else, and retire the other: lockgate key retire {other}"
            );
            ("key-not-apart", Severity::Critical, title, why, fix)
        }
        Doubt::Overdue { due, days } => {
            let title = format!("the key `{name}` was to be rotated by {due}: every {days} days");
            ("key-overdue", Severity::High, title, ROTATION, rotate(name))
        }
    };
    let owner = if key.duty.is_some() { KEEPERS } else { BUILDERS };
    let words = Words { title, rationale, remediation, owner };
    owned(key, finding(&format!("signature.{code}"), severity, Effect::Pause, name, words))
}

const NOW: &str =
    "a signature by a bare key does not prove when it was made: only keys that are valid now count";

#[cfg(test)]
mod tests {
    use lockgate_model::Digest;

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_unix(day * DAY)
    }

    fn key(name: &str, roles: &[Role], stages: &str) -> TrustedKey {
        let duty = Duty {
            owner: "ann".into(),
            roles: roles.iter().copied().collect(),
            stages: stages.parse().unwrap(),
            rotate_every_days: None,
        };
        TrustedKey {
            duty: Some(duty),
            in_use_since: Some(at(0)),
            ..TrustedKey::plain(name, Digest::of(b"k"))
        }
    }

    fn ask(key: &TrustedKey, keys: &[TrustedKey], proven_at: Option<Timestamp>) -> Option<Doubt> {
        let stage = "prod".parse().unwrap();
        let asked = Asked { as_of: at(100), stage: &stage, roles: &[Role::Builder], keys };
        doubt(key, key.revoked, proven_at, &asked)
    }

    #[test]
    fn a_revoked_key_counts_for_what_is_proven_to_be_older() {
        let mut key = key("build", &[Role::Builder], "*");
        assert_eq!(ask(&key, &[], None), None);
        let revoked = Revocation { at: at(90), compromised_since: Some(at(50)) };
        key.revoked = Some(revoked);
        for (proven, counts) in [
            (None, false),
            (Some(at(49)), true),
            (Some(at(50)), false),
            (Some(at(51)), false),
            (Some(at(95)), false),
        ] {
            assert_eq!(ask(&key, &[], proven).is_none(), counts, "{proven:?}");
        }
        // Without a date nothing counts, however old.
        let revoked = Revocation { at: at(90), compromised_since: None };
        key.revoked = Some(revoked);
        assert_eq!(ask(&key, &[], Some(at(1))), Some(Doubt::Revoked(revoked)));
        // Also for a Case of the time before: as_of is day 100, the revocation came later.
        key.revoked = Some(Revocation { at: at(200), compromised_since: None });
        assert!(matches!(ask(&key, &[], None), Some(Doubt::Revoked(_))));
    }

    #[test]
    fn a_retired_key_counts_until_then_and_for_what_is_older() {
        let mut key = key("build", &[Role::Builder], "*");
        key.retired_at = Some(at(101));
        assert_eq!(ask(&key, &[], None), None);
        key.retired_at = Some(at(100));
        assert_eq!(ask(&key, &[], None), Some(Doubt::Retired(at(100))));
        assert_eq!(ask(&key, &[], Some(at(99))), None);
        assert_eq!(ask(&key, &[], Some(at(100))), Some(Doubt::Retired(at(100))));
    }

    #[test]
    fn roles_and_stages_are_asked_for() {
        assert_eq!(ask(&key("a", &[Role::Builder, Role::Scanner], "prod"), &[], None), None);
        for stages in ["", "staging"] {
            let doubt = ask(&key("a", &[Role::Builder], stages), &[], None);
            assert_eq!(doubt, Some(Doubt::OtherStage(stages.parse().unwrap())));
        }
        let doubt = ask(&key("a", &[Role::Scanner], "*"), &[], None);
        assert_eq!(doubt, Some(Doubt::OtherRole("scanner".into())));
        // A key of lockgate.yaml has no duty: its name is what is asked for.
        assert_eq!(ask(&TrustedKey::plain("a", Digest::of(b"k")), &[], None), None);
    }

    #[test]
    fn one_hand_does_not_hold_both_ends() {
        let build = key("build", &[Role::Builder], "*");
        let mut other = key("other", &[Role::Releaser], "prod");
        let expected = Doubt::NotApart { other: "other".into(), mine: Role::Builder, theirs: Role::Releaser };
        assert_eq!(ask(&build, std::slice::from_ref(&other), None), Some(expected));
        let spoilt: [fn(&mut TrustedKey); 5] = [
            |other| other.retired_at = Some(at(100)),
            |other| other.valid_until = Some(at(100)),
            |other| other.valid_from = Some(at(101)),
            |other| other.duty.as_mut().unwrap().owner = "bob".into(),
            |other| other.duty.as_mut().unwrap().stages = "staging".parse().unwrap(),
        ];
        for spoil in spoilt {
            let mut other = other.clone();
            spoil(&mut other);
            assert_eq!(ask(&build, &[other], None), None);
        }
        other.revoked = Some(Revocation { at: at(1), compromised_since: None });
        assert_eq!(ask(&build, &[other], None), None);
        let both = key("both", &[Role::Builder, Role::Approver], "*");
        assert!(matches!(ask(&both, &[], None), Some(Doubt::NotApart { .. })));
    }

    #[test]
    fn cadence_warns_before_and_stops_after() {
        let stage: StageName = "prod".parse().unwrap();
        let with = |days: u32| {
            let mut key = key("build", &[Role::Builder], "*");
            key.duty.as_mut().unwrap().rotate_every_days = Some(days);
            key
        };
        let asked = Asked { as_of: at(100), stage: &stage, roles: &[Role::Builder], keys: &[] };
        for (days, warned, overdue) in
            [(114, false, false), (113, true, false), (101, true, false), (100, true, true), (50, true, true)]
        {
            let key = with(days);
            assert_eq!(rotation_due(&key, &asked, 14).is_some(), warned, "{days}");
            assert_eq!(ask(&key, &[], None).is_some(), overdue, "{days}");
        }
        assert!(rotation_due(&with(101), &asked, 0).is_none());
        // One that is being rotated is not asked to be.
        let mut key = with(50);
        key.retired_at = Some(at(120));
        assert!(rotation_due(&key, &asked, 14).is_none() && ask(&key, &[], None).is_none());
    }
}
