//! Whether a trusted key or identity counts: for a stage, in a role, at an instant, for a signature of a certain age.

use lockgate_model::CaseRecord;
use lockgate_model::case::{Revocation, Standing, TrustedIdentity, TrustedKey};
use lockgate_model::keyring::{Duty, Role, Stages};
use lockgate_model::{Effect, Finding, Severity, StageName, Timestamp};

use crate::findings::{BUILDERS, KEEPERS, Words, finding};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A key or an identity, by its name and how it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signatory<'a> {
    /// `key` or `identity`: in codes, words and commands.
    pub(super) what: &'static str,
    pub(super) name: &'a str,
    pub(super) standing: &'a Standing,
}

impl<'a> From<&'a TrustedKey> for Signatory<'a> {
    fn from(key: &'a TrustedKey) -> Self {
        Self { what: "key", name: &key.name, standing: &key.standing }
    }
}

impl<'a> From<&'a TrustedIdentity> for Signatory<'a> {
    fn from(identity: &'a TrustedIdentity) -> Self {
        Self { what: "identity", name: &identity.name, standing: &identity.standing }
    }
}

/// What is asked of a key or an identity.
pub(super) struct Asked<'a> {
    /// Which gate asks: its codes begin with it.
    pub(super) gate: &'static str,
    /// The instant of judging.
    pub(super) as_of: Timestamp,
    /// The stage to enter.
    pub(super) stage: &'a StageName,
    /// The roles of which it must have one.
    pub(super) roles: &'a [Role],
    /// Every key and identity of the Case: an owner's others are among them.
    pub(super) all: Vec<Signatory<'a>>,
}

impl<'a> Asked<'a> {
    /// As the Case asks.
    pub(super) fn of(gate: &'static str, record: &'a CaseRecord, roles: &'a [Role]) -> Self {
        let keys = record.keys.iter().map(Signatory::from);
        let all = keys.chain(record.identities.iter().map(Signatory::from)).collect();
        Self { gate, as_of: record.as_of, stage: &record.to, roles, all }
    }
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

/// Why a signature by `by`, `proven_at` that instant to exist, does not count; nothing when it does. `revocation` is
/// what is known about the key itself, under whichever name.
pub(super) fn doubt(
    by: Signatory<'_>,
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
    if let Some(from) = by.standing.valid_from.filter(|from| asked.as_of < *from) {
        return Some(Doubt::NotYetValid(from));
    }
    if let Some(until) = by.standing.valid_until.filter(|until| asked.as_of >= *until) {
        return Some(Doubt::Expired(until));
    }
    if let Some(retired) =
        by.standing.retired_at.filter(|retired| asked.as_of >= *retired && !older(*retired))
    {
        return Some(Doubt::Retired(retired));
    }
    let duty = by.standing.duty.as_ref()?;
    if !duty.stages.serve(asked.stage) {
        return Some(Doubt::OtherStage(duty.stages.clone()));
    }
    if !asked.roles.iter().any(|role| duty.roles.contains(role)) {
        return Some(Doubt::OtherRole(duty.roles_text()));
    }
    not_apart(by, duty, asked).or_else(|| match rotation(by.standing, duty) {
        Some((due, days)) if asked.as_of >= due => Some(Doubt::Overdue { due, days }),
        _ => None,
    })
}

/// Both ends in one hand: by this key alone, or by another of its owner's that counts now for this stage. The ledger
/// refuses such keys; a Case does not take that on trust.
fn not_apart(by: Signatory<'_>, duty: &Duty, asked: &Asked<'_>) -> Option<Doubt> {
    if let Some((mine, theirs)) = duty.both_ends() {
        return Some(Doubt::NotApart { other: by.name.to_owned(), mine, theirs });
    }
    let counts_now = |other: &Standing| {
        other.revoked.is_none()
            && other.valid_from.is_none_or(|from| asked.as_of >= from)
            && [other.valid_until, other.retired_at].into_iter().flatten().all(|end| asked.as_of < end)
    };
    let others = asked.all.iter().filter(|other| other.name != by.name && counts_now(other.standing));
    others.filter_map(|other| Some((other.name, other.standing.duty.as_ref()?))).find_map(|(name, theirs)| {
        let (mine, theirs) = duty.clash(Some(theirs).filter(|duty| duty.stages.serve(asked.stage))?)?;
        Some(Doubt::NotApart { other: name.to_owned(), mine, theirs })
    })
}

/// When the key is to be rotated, and its cadence in days; nothing for one without, or that is being rotated already.
fn rotation(standing: &Standing, duty: &Duty) -> Option<(Timestamp, u32)> {
    let (days, since) = (duty.rotate_every_days?, standing.in_use_since?);
    standing.retired_at.is_none().then(|| (since.plus_seconds(i64::from(days) * DAY), days))
}

/// The advice to rotate a key that counts, when less than `warn_days` remain.
pub(super) fn rotation_due(by: Signatory<'_>, asked: &Asked<'_>, warn_days: u32) -> Option<Finding> {
    let duty = by.standing.duty.as_ref()?;
    let (due, days) = rotation(by.standing, duty)?;
    if asked.as_of.plus_seconds(i64::from(warn_days) * DAY) <= due {
        return None;
    }
    let Signatory { what, name, .. } = by;
    let words = Words {
        title: format!("the {what} `{name}` is to be rotated by {due}: every {days} days"),
        rationale: ROTATION,
        remediation: rotate(by),
        owner: KEEPERS,
    };
    let code = format!("{}.{what}-rotation-due", asked.gate);
    Some(owned(by, finding(&code, Severity::Low, Effect::Advise, name, words)))
}

const ROTATION: &str = "a key that is replaced on time is one that can be replaced in an emergency, and limits what a theft nobody noticed is worth";

fn rotate(by: Signatory<'_>) -> String {
    let Signatory { what, name, .. } = by;
    if what == "key" {
        return format!(
            "rotate it: lockgate key rotate {name} --to {name}-next --file FILE --overlap-until INSTANT"
        );
    }
    format!(
        "see that it is still whom you trust, then add it anew: lockgate identity add {name}-next, and: lockgate identity retire {name}"
    )
}

/// Whoever holds it is asked.
fn owned(by: Signatory<'_>, mut finding: Finding) -> Finding {
    if let Some(duty) = &by.standing.duty {
        finding.owner.clone_from(&duty.owner);
    }
    finding
}

/// The finding that says why `by` does not count. `expected` says what would.
pub(super) fn explain(by: Signatory<'_>, doubt: &Doubt, asked: &Asked<'_>, expected: &str) -> Finding {
    let Signatory { what, name, standing } = by;
    let stage = asked.stage;
    let again = format!("sign the image again with a {what} that is valid");
    let sign = match (asked.gate, what) {
        ("signature", "key") => {
            format!("sign the image with the key of {expected}: lockgate sign IMAGE --key KEY")
        }
        ("signature", _) => format!("sign the image as {expected}: lockgate sign IMAGE --keyless"),
        _ => format!("let {expected} attest it: lockgate attest IMAGE"),
    };
    let for_its_roles = "a key vouches for what its role says, where it may, and for nothing else: so a stolen one opens few doors";
    let (code, severity, title, rationale, remediation) = match doubt {
        Doubt::NotYetValid(from) => {
            ("not-yet-valid", Severity::High, format!("the {what} `{name}` is valid from {from}"), NOW, again)
        }
        Doubt::Expired(until) => {
            ("expired", Severity::High, format!("the {what} `{name}` was valid until {until}"), NOW, again)
        }
        Doubt::Retired(at) => {
            ("retired", Severity::High, format!("the {what} `{name}` was retired at {at}"), NOW, sign)
        }
        Doubt::Revoked(revoked) => {
            let title = match revoked.compromised_since {
                Some(since) => format!(
                    "the {what} `{name}` was revoked at {}: others may have signed with it since {since}, and nothing proves that this signature is older",
                    revoked.at
                ),
                None => format!("the {what} `{name}` was revoked at {}", revoked.at),
            };
            let why = "whoever has a stolen key signs what they like, with whatever date they like: only a trusted time tells old signatures from theirs";
            ("revoked", Severity::Critical, title, why, format!("find out what was built, then {sign}"))
        }
        Doubt::OtherStage(stages) => {
            let title = format!("the {what} `{name}` serves {stages}, not {stage}");
            ("other-stage", Severity::High, title, for_its_roles, sign)
        }
        Doubt::OtherRole(roles) => {
            let title = format!("the {what} `{name}` is one of a {roles}; this stage asks for {expected}");
            ("other-role", Severity::High, title, for_its_roles, sign)
        }
        Doubt::NotAsked => {
            let title = format!("the {what} `{name}` signed it; this stage asks for {expected}");
            ("not-asked", Severity::Medium, title, for_its_roles, sign)
        }
        Doubt::NotApart { other, mine, theirs } => {
            let title = format!(
                "whoever holds the {what} `{name}` is {mine} with it and {theirs} by `{other}`, for {stage}"
            );
            let why = "whoever makes a thing must not be the one who says that it may go out";
            let fix = format!(
                "give one of them to someone else, and retire the other: lockgate key retire {other}"
            );
            ("not-apart", Severity::Critical, title, why, fix)
        }
        Doubt::Overdue { due, days } => {
            let title = format!("the {what} `{name}` was to be rotated by {due}: every {days} days");
            ("overdue", Severity::High, title, ROTATION, rotate(by))
        }
    };
    let owner = if standing.duty.is_some() { KEEPERS } else { BUILDERS };
    let words = Words { title, rationale, remediation, owner };
    owned(by, finding(&format!("{}.{what}-{code}", asked.gate), severity, Effect::Pause, name, words))
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
        let standing = Standing { duty: Some(duty), in_use_since: Some(at(0)), ..Standing::default() };
        TrustedKey { name: name.to_owned(), file: Digest::of(b"k"), standing }
    }

    fn ask(key: &TrustedKey, keys: &[TrustedKey], proven_at: Option<Timestamp>) -> Option<Doubt> {
        let stage = "prod".parse().unwrap();
        let all = keys.iter().map(Signatory::from).collect();
        let asked = Asked { gate: "signature", as_of: at(100), stage: &stage, roles: &[Role::Builder], all };
        doubt(key.into(), key.standing.revoked, proven_at, &asked)
    }

    #[test]
    fn a_revoked_key_counts_for_what_is_proven_to_be_older() {
        let mut key = key("build", &[Role::Builder], "*");
        assert_eq!(ask(&key, &[], None), None);
        let revoked = Revocation { at: at(90), compromised_since: Some(at(50)) };
        key.standing.revoked = Some(revoked);
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
        key.standing.revoked = Some(revoked);
        assert_eq!(ask(&key, &[], Some(at(1))), Some(Doubt::Revoked(revoked)));
        // Also for a Case of the time before: as_of is day 100, the revocation came later.
        key.standing.revoked = Some(Revocation { at: at(200), compromised_since: None });
        assert!(matches!(ask(&key, &[], None), Some(Doubt::Revoked(_))));
    }

    #[test]
    fn a_retired_key_counts_until_then_and_for_what_is_older() {
        let mut key = key("build", &[Role::Builder], "*");
        key.standing.retired_at = Some(at(101));
        assert_eq!(ask(&key, &[], None), None);
        key.standing.retired_at = Some(at(100));
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
            |other| other.standing.retired_at = Some(at(100)),
            |other| other.standing.valid_until = Some(at(100)),
            |other| other.standing.valid_from = Some(at(101)),
            |other| other.standing.duty.as_mut().unwrap().owner = "bob".into(),
            |other| other.standing.duty.as_mut().unwrap().stages = "staging".parse().unwrap(),
        ];
        for spoil in spoilt {
            let mut other = other.clone();
            spoil(&mut other);
            assert_eq!(ask(&build, &[other], None), None);
        }
        other.standing.revoked = Some(Revocation { at: at(1), compromised_since: None });
        assert_eq!(ask(&build, &[other], None), None);
        let both = key("both", &[Role::Builder, Role::Approver], "*");
        assert!(matches!(ask(&both, &[], None), Some(Doubt::NotApart { .. })));
    }

    #[test]
    fn cadence_warns_before_and_stops_after() {
        let stage: StageName = "prod".parse().unwrap();
        let with = |days: u32| {
            let mut key = key("build", &[Role::Builder], "*");
            key.standing.duty.as_mut().unwrap().rotate_every_days = Some(days);
            key
        };
        let roles = &[Role::Builder];
        let asked = Asked { gate: "signature", as_of: at(100), stage: &stage, roles, all: vec![] };
        for (days, warned, overdue) in
            [(114, false, false), (113, true, false), (101, true, false), (100, true, true), (50, true, true)]
        {
            let key = with(days);
            assert_eq!(rotation_due((&key).into(), &asked, 14).is_some(), warned, "{days}");
            assert_eq!(ask(&key, &[], None).is_some(), overdue, "{days}");
        }
        assert!(rotation_due((&with(101)).into(), &asked, 0).is_none());
        // One that is being rotated is not asked to be.
        let mut key = with(50);
        key.standing.retired_at = Some(at(120));
        assert!(rotation_due((&key).into(), &asked, 14).is_none() && ask(&key, &[], None).is_none());
    }
}
