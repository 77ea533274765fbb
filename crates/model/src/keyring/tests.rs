//! Each rule of the keyring, by a change that breaks it; and any sequence of changes.

use proptest::prelude::*;

use super::*;
use crate::{Entry, Event};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_000_000 + seconds)
}

fn said(seq: u64, actor: &str) -> Said {
    Said { seq, at: at(i64::try_from(seq).unwrap()), actor: actor.into() }
}

fn pem(content: &str) -> (Digest, String) {
    let body = data_encoding::BASE64.encode(content.as_bytes());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    (Digest::of(content.as_bytes()), pem)
}

fn key(name: &str, owner: &str, roles: &[Role], stages: &str) -> Member {
    let (id, pem) = pem(name);
    Member {
        name: name.into(),
        credential: Credential::Key { id, pem },
        duty: Duty {
            owner: owner.into(),
            roles: roles.iter().copied().collect(),
            stages: stages.parse().unwrap(),
            rotate_every_days: None,
        },
        valid_from: None,
        valid_until: None,
    }
}

fn added(member: Member) -> KeyringChange {
    KeyringChange::Added(Box::new(member))
}

fn retired(name: &str) -> KeyringChange {
    KeyringChange::Retired { name: name.into() }
}

fn revoking(name: &str, since: Option<i64>) -> Revoking {
    Revoking {
        name: name.into(),
        compromised_since: since.map(at),
        reason: "stolen".into(),
        blast_radius: None,
    }
}

fn rotated(old: &str, new: &str, until: i64) -> KeyringChange {
    let (id, pem) = pem(new);
    KeyringChange::Rotated(Rotated {
        old: old.into(),
        new: new.into(),
        id,
        pem,
        valid_until: None,
        overlap_until: at(until),
    })
}

/// A keyring with two builders' keys and a releaser's.
fn three() -> Keyring {
    let mut keyring = Keyring::default();
    let members = [
        key("build", "ci", &[Role::Builder], "*"),
        key("build-b", "ci-b", &[Role::Builder], "*"),
        key("release", "ann", &[Role::Releaser], "prod"),
    ];
    for (seq, member) in (0..).zip(members) {
        keyring.apply(&said(seq, "ann"), &added(member)).unwrap();
    }
    keyring
}

fn refused(keyring: &Keyring, seq: u64, actor: &str, change: &KeyringChange) -> Refusal {
    let mut after = keyring.clone();
    let refusal = after.apply(&said(seq, actor), change).unwrap_err();
    assert_eq!(&after, keyring, "a refusal changes nothing");
    assert!(!refusal.to_string().is_empty() && !refusal.help().is_empty());
    refusal
}

#[test]
fn a_key_is_added_once_under_one_name() {
    let keyring = three();
    let other = key("other", "ci", &[Role::Builder], "*");
    let same_name = Member { name: "build".into(), ..other.clone() };
    assert_eq!(refused(&keyring, 9, "ann", &added(same_name)), Refusal::NameTaken("build".into()));
    let same_key = Member { name: "other".into(), ..keyring.get("build").unwrap().member.clone() };
    let known = Refusal::Known { name: "other".into(), known: "build".into() };
    assert_eq!(refused(&keyring, 9, "ann", &added(same_key.clone())), known);
    // Nor after it was retired or revoked: what was stolen does not come back under another name.
    let mut over = keyring.clone();
    over.apply(&said(9, "ann"), &KeyringChange::Revoked(revoking("build", None))).unwrap();
    assert_eq!(refused(&over, 10, "ann", &added(same_key)), known);
    let rotation_to_known = KeyringChange::Rotated(Rotated {
        old: "build-b".into(),
        new: "x".into(),
        id: keyring.get("build").unwrap().key_id().unwrap(),
        pem: pem("build").1,
        valid_until: None,
        overlap_until: at(99),
    });
    assert!(matches!(refused(&keyring, 9, "ann", &rotation_to_known), Refusal::Known { .. }));
}

#[test]
fn members_are_well_made() {
    let keyring = Keyring::default();
    let good = key("build", "ci", &[Role::Builder], "*");
    let spoil = |spoil: &dyn Fn(&mut Member)| {
        let mut member = good.clone();
        spoil(&mut member);
        refused(&keyring, 5, "ann", &added(member))
    };
    let malformed = |change: &dyn Fn(&mut Member)| {
        let refusal = spoil(change);
        assert!(matches!(refusal, Refusal::Malformed { .. }), "{refusal}");
    };
    malformed(&|member| member.name = "Build".into());
    malformed(&|member| member.name = String::new());
    malformed(&|member| member.duty.owner = " ".into());
    malformed(&|member| member.duty.owner = "a\nb".into());
    malformed(&|member| member.duty.roles.clear());
    malformed(&|member| member.duty.rotate_every_days = Some(0));
    malformed(&|member| member.duty.rotate_every_days = Some(10_000));
    // The digest and the key are of one another.
    let (id, _) = pem("build");
    let other = pem("other").1;
    malformed(&|member| member.credential = Credential::Key { id, pem: other.clone() });
    malformed(&|member| member.credential = Credential::Key { id, pem: "x".into() });
    malformed(&|member| member.credential = Credential::Key { id, pem: "x".repeat(1 << 20) });
    for issuer in ["", "http://a.example", "https://*.example", "https://a example"] {
        malformed(&|member| {
            let subject = Subject::Exact("ann".into());
            member.credential = Credential::Identity { issuer: issuer.into(), subject };
        });
    }
    malformed(&|member| {
        let subject = Subject::Regex("ann".into());
        member.credential = Credential::Identity { issuer: "https://a.example".into(), subject };
    });
    let dates = |change: &dyn Fn(&mut Member)| {
        let refusal = spoil(change);
        assert!(matches!(refusal, Refusal::Dates { .. }), "{refusal}");
    };
    dates(&|member| member.valid_until = Some(at(5)));
    dates(&|member| (member.valid_from, member.valid_until) = (Some(at(9)), Some(at(9))));
}

#[test]
fn rotation_keeps_both_until_the_overlap_ends() {
    let mut keyring = three();
    keyring.apply(&said(5, "ann"), &rotated("build", "build-2", 50)).unwrap();
    let (old, new) = (keyring.get("build").unwrap(), keyring.get("build-2").unwrap());
    assert_eq!((old.state(at(49)), new.state(at(49))), (State::Usable, State::Usable));
    assert_eq!((old.state(at(50)), new.state(at(50))), (State::Retired, State::Usable));
    assert_eq!(new.member.duty, old.member.duty);
    assert_eq!((new.replaces.as_deref(), old.replaced_by.as_deref()), (Some("build"), Some("build-2")));
    assert_eq!((old.changed, new.changed), (5, 5));
    assert!(matches!(refused(&keyring, 6, "ann", &rotated("build", "x", 60)), Refusal::Over { .. }));
    assert!(matches!(refused(&keyring, 6, "ann", &rotated("build-2", "x", 6)), Refusal::Dates { .. }));
    assert!(matches!(refused(&keyring, 6, "ann", &rotated("nobody", "x", 60)), Refusal::Unknown { .. }));
    // The old one may go earlier than was said, and then no more.
    keyring.apply(&said(7, "ann"), &retired("build")).unwrap();
    assert_eq!(keyring.get("build").unwrap().state(at(7)), State::Retired);
    assert!(matches!(refused(&keyring, 8, "ann", &retired("build")), Refusal::Over { done: "retired", .. }));
}

#[test]
fn retiring_and_revoking_are_said_once() {
    let mut keyring = three();
    assert!(matches!(refused(&keyring, 5, "ann", &retired("nobody")), Refusal::Unknown { .. }));
    keyring.apply(&said(5, "ann"), &retired("build")).unwrap();
    assert!(matches!(refused(&keyring, 6, "ann", &retired("build")), Refusal::Over { .. }));
    assert!(matches!(refused(&keyring, 6, "ann", &rotated("build", "x", 60)), Refusal::Over { .. }));
    // What was retired can be found out to be stolen.
    keyring.apply(&said(6, "ann"), &KeyringChange::Revoked(revoking("build", Some(4)))).unwrap();
    assert_eq!(keyring.get("build").unwrap().state(at(6)), State::Revoked);
    assert!(matches!(refused(&keyring, 7, "ann", &retired("build")), Refusal::Over { done: "revoked", .. }));
    // Again only for longer.
    for since in [Some(4), Some(5)] {
        let again = KeyringChange::Revoked(revoking("build", since));
        assert!(matches!(refused(&keyring, 7, "ann", &again), Refusal::Over { done: "revoked", .. }));
    }
    keyring.apply(&said(7, "ann"), &KeyringChange::Revoked(revoking("build", Some(2)))).unwrap();
    keyring.apply(&said(8, "ann"), &KeyringChange::Revoked(revoking("build", None))).unwrap();
    let again = KeyringChange::Revoked(revoking("build", Some(0)));
    assert!(matches!(refused(&keyring, 9, "ann", &again), Refusal::Over { .. }));
}

#[test]
fn a_revocation_has_a_reason_and_no_date_to_come() {
    let keyring = three();
    let reasonless = Revoking { reason: " ".into(), ..revoking("build", None) };
    let two_lines = Revoking { reason: "a\nb".into(), ..revoking("build", None) };
    for bad in [reasonless, two_lines] {
        for change in [KeyringChange::Revoked(bad.clone()), KeyringChange::RevocationProposed(bad.clone())] {
            assert!(matches!(refused(&keyring, 9, "ann", &change), Refusal::Malformed { .. }));
        }
    }
    let to_come = KeyringChange::Revoked(revoking("build", Some(10)));
    assert!(matches!(refused(&keyring, 9, "ann", &to_come), Refusal::Dates { .. }));
    let nobody = KeyringChange::Revoked(revoking("nobody", None));
    assert!(matches!(refused(&keyring, 9, "ann", &nobody), Refusal::Unknown { .. }));
}

#[test]
fn the_last_of_a_role_takes_two_people() {
    let mut keyring = three();
    let revoke = |since| KeyringChange::Revoked(revoking("release", since));
    let second = |keyring: &Keyring, actor: &str, since| {
        let refusal = refused(keyring, 9, actor, &revoke(since));
        assert!(matches!(refusal, Refusal::SecondPerson { role: Role::Releaser, .. }), "{refusal}");
    };
    second(&keyring, "ann", None);
    keyring.apply(&said(5, "ann"), &KeyringChange::RevocationProposed(revoking("release", Some(3)))).unwrap();
    second(&keyring, "ann", Some(3));
    // The other person must agree to what was proposed.
    second(&keyring, "bob", None);
    second(&keyring, "bob", Some(2));
    // Retiring it first is no way around.
    let mut around = keyring.clone();
    around.apply(&said(6, "ann"), &retired("release")).unwrap();
    second(&around, "ann", Some(3));
    keyring.apply(&said(9, "bob"), &revoke(Some(3))).unwrap();
    assert_eq!(keyring.get("release").unwrap().state(at(9)), State::Revoked);
    // Where another one is usable, one person is enough; where the other one expired, not.
    let mut keyring = three();
    keyring.apply(&said(9, "ann"), &KeyringChange::Revoked(revoking("build", None))).unwrap();
    let last = KeyringChange::Revoked(revoking("build-b", None));
    assert!(matches!(refused(&keyring, 10, "ann", &last), Refusal::SecondPerson { .. }));
}

#[test]
fn nobody_holds_both_ends() {
    let keyring = three();
    for (one, two) in APART {
        let both = key("both", "eve", &[one, two], "");
        assert_eq!(
            refused(&keyring, 5, "ann", &added(both)),
            Refusal::BothEnds { name: "both".into(), one, two }
        );
        for (mine, theirs) in [(one, two), (two, one)] {
            let mut keyring = Keyring::default();
            keyring.apply(&said(1, "ann"), &added(key("first", "eve", &[mine], "staging,prod"))).unwrap();
            let clash = added(key("second", "eve", &[theirs], "prod"));
            assert!(matches!(refused(&keyring, 5, "ann", &clash), Refusal::NotApart { .. }));
            let everywhere = added(key("second", "eve", &[theirs], "*"));
            assert!(matches!(refused(&keyring, 5, "ann", &everywhere), Refusal::NotApart { .. }));
            // Another owner, another stage, no stage, another time.
            for right in [key("second", "bob", &[theirs], "prod"), key("third", "eve", &[theirs], "dev")] {
                keyring.clone().apply(&said(5, "ann"), &added(right)).unwrap();
            }
            keyring.clone().apply(&said(5, "ann"), &added(key("second", "eve", &[theirs], ""))).unwrap();
            keyring.apply(&said(6, "ann"), &retired("first")).unwrap();
            keyring.apply(&said(7, "ann"), &clash).unwrap();
        }
    }
    // One that is to come counts with one that is still there then.
    let mut keyring = Keyring::default();
    let mut first = key("first", "eve", &[Role::Builder], "*");
    first.valid_until = Some(at(100));
    keyring.apply(&said(1, "ann"), &added(first)).unwrap();
    let mut second = key("second", "eve", &[Role::Releaser], "*");
    second.valid_from = Some(at(99));
    assert!(matches!(refused(&keyring, 2, "ann", &added(second.clone())), Refusal::NotApart { .. }));
    second.valid_from = Some(at(100));
    keyring.apply(&said(2, "ann"), &added(second)).unwrap();
}

#[test]
fn stages_are_all_some_or_none() {
    for (text, spelt) in [("*", "[\"*\"]"), ("prod, dev", "[\"dev\",\"prod\"]"), ("", "[]")] {
        let stages: Stages = text.parse().unwrap();
        assert_eq!(serde_json::to_string(&stages).unwrap(), spelt);
        assert_eq!(serde_json::from_str::<Stages>(spelt).unwrap(), stages);
    }
    assert_eq!("*,dev".parse::<Stages>(), Err(StagesError::AllAndSome));
    assert!(matches!("Prod".parse::<Stages>(), Err(StagesError::Name(_))));
    let (all, none): (Stages, Stages) = ("*".parse().unwrap(), "".parse().unwrap());
    assert!(all.meet(&all) && !all.meet(&none) && !none.meet(&all) && !none.serve(&"dev".parse().unwrap()));
}

fn any_change() -> impl Strategy<Value = KeyringChange> {
    let name = || prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let owner = prop::sample::select(vec!["ann", "bob"]);
    let roles = prop::collection::btree_set(prop::sample::select(Role::ALL.to_vec()), 0..3);
    let stages = prop::sample::select(vec!["*", "", "prod", "staging,prod"]);
    let date = || prop::option::of(0_i64..40);
    let add = (name(), name(), owner, roles, stages, date(), date()).prop_map(
        |(name, content, owner, roles, stages, from, until)| {
            let roles: Vec<_> = roles.into_iter().collect();
            let mut member = key(content, owner, &roles, stages);
            member.name = name.into();
            (member.valid_from, member.valid_until) = (from.map(at), until.map(at));
            added(member)
        },
    );
    prop_oneof![
        4 => add,
        2 => (name(), name(), 0_i64..40).prop_map(|(old, new, until)| rotated(old, new, until)),
        1 => name().prop_map(retired),
        1 => (name(), date()).prop_map(|(name, since)| KeyringChange::RevocationProposed(revoking(name, since))),
        1 => (name(), date()).prop_map(|(name, since)| KeyringChange::Revoked(revoking(name, since))),
    ]
}

proptest! {
    /// Whatever is said, in whatever order: folding never panics, gives the same twice, keeps what refuses unchanged, and
    /// never lets a rule be broken; and every change and row reads back from its canonical bytes.
    #[test]
    fn any_sequence_keeps_the_rules(changes in prop::collection::vec((any_change(), any::<bool>()), 0..25)) {
        let (mut one, mut two) = (Keyring::default(), Keyring::default());
        for (seq, (change, ann)) in (0..).zip(&changes) {
            let said = said(seq, if *ann { "ann" } else { "bob" });
            let entry = Entry::new(said.at, &said.actor, Event::Keyring(change.clone()));
            prop_assert_eq!(&Entry::decode(&entry.encode().unwrap()).unwrap(), &entry);
            let before = one.clone();
            let result = one.apply(&said, change);
            prop_assert_eq!(&result, &two.apply(&said, change));
            if result.is_err() {
                prop_assert_eq!(&one, &before);
            }
            for row in one.rows() {
                let changed = result.iter().flatten().any(|name| name == row.name());
                prop_assert_eq!(changed, before.get(row.name()) != Some(row));
            }
            let rows: Vec<_> = one.rows().cloned().collect();
            for row in &rows {
                let bytes = crate::canon::to_bytes(row).unwrap();
                prop_assert_eq!(&crate::canon::from_bytes::<MemberRow>(&bytes).unwrap(), row);
                prop_assert!(row.member.duty.both_ends().is_none());
                for other in rows.iter().filter(|other| other.name() != row.name()) {
                    prop_assert!(row.key_id() != other.key_id());
                    let both = |at| row.state(at) == State::Usable && other.state(at) == State::Usable;
                    let clash = row.member.duty.clash(&other.member.duty).is_some();
                    prop_assert!(!clash || !(0..60).any(|second| both(at(second)) && second >= i64::try_from(seq).unwrap()));
                }
            }
            prop_assert_eq!(Keyring::of(rows), one.clone());
        }
        prop_assert_eq!(one, two);
    }
}
