//! Identities: patterns that are not anchored, ignored issuers, claims that are not made (GHSA-46mp-8w32-6g94,
//! GHSA-59jp-pj84-45mr).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use lockgate_attest::sigstore::{Claim, Identity, IdentityRule, Pattern, PatternError, Subject, SubjectKind};
use proptest::prelude::*;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SUBJECT: &str = "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main";

fn identity() -> Identity {
    Identity {
        issuer: ISSUER.to_owned(),
        subject: Subject { kind: SubjectKind::Uri, name: SUBJECT.to_owned() },
        claims: BTreeMap::from([(Claim::Repository, "https://github.com/acme/web".to_owned())]),
    }
}

fn rule(issuer: Pattern, subject: Pattern) -> IdentityRule {
    IdentityRule { issuer, subject, kind: None, claims: BTreeMap::new() }
}

fn exact(text: &str) -> Pattern {
    Pattern::exact(text).unwrap()
}

fn matching(text: &str) -> Pattern {
    Pattern::matching(text).unwrap()
}

#[test]
fn both_issuer_and_subject_count() {
    assert_eq!(rule(exact(ISSUER), exact(SUBJECT)).admits(&identity()), Ok(()));
    let issuer = rule(exact("https://other.example"), exact(SUBJECT)).admits(&identity()).unwrap_err();
    assert!(issuer.contains("issuer") && issuer.contains(ISSUER), "{issuer}");
    let subject = rule(exact(ISSUER), exact("https://github.com/acme")).admits(&identity()).unwrap_err();
    assert!(subject.contains("subject") && subject.contains(SUBJECT), "{subject}");
}

#[test]
fn patterns_are_anchored() {
    let web = matching("https://github\\.com/acme/web/\\.github/workflows/[a-z]+\\.yml@refs/heads/main");
    assert!(web.admits(SUBJECT));
    for other in [
        format!("https://evil.example/{SUBJECT}"),
        format!("{SUBJECT}-evil"),
        format!("{SUBJECT}\n"),
        format!("\n{SUBJECT}"),
        format!("{SUBJECT}\nhttps://evil.example"),
    ] {
        assert!(!web.admits(&other), "{other}");
    }
    // Alternatives are anchored as a whole, and lines are no texts.
    let either = matching("a|b");
    assert!(either.admits("a") && either.admits("b"));
    assert!(!either.admits("ax") && !either.admits("xb"));
    let lines = matching("(?m)^a$");
    assert!(lines.admits("a") && !lines.admits("a\nevil"));
}

#[test]
fn patterns_that_are_none() {
    assert_eq!(Pattern::exact("").unwrap_err(), PatternError::Empty);
    assert_eq!(Pattern::matching("").unwrap_err(), PatternError::Empty);
    for anybody in
        [".*", ".+", "(?s).*", "https://.*", "\\S+", "a|.*", "[^x]+", "(a?)*|\\PC*", ".+@.+", "[a-z@.]+"]
    {
        assert!(matches!(Pattern::matching(anybody), Err(PatternError::AdmitsAnybody(_))), "{anybody}");
    }
    // One that would close the anchors' own parenthesis.
    for malformed in ["a)|(?:b", "(", "a(?x) #", "*"] {
        let refused = Pattern::matching(malformed);
        assert!(matches!(refused, Err(PatternError::Malformed { .. })), "{malformed}: {refused:?}");
    }
    let long = Pattern::matching(&"a".repeat(1025));
    assert!(matches!(long, Err(PatternError::Malformed { why, .. }) if why.contains("1024")));
    let large = Pattern::matching("(?:a{1000}){1000}");
    assert!(matches!(large, Err(PatternError::Malformed { .. })));
}

#[test]
fn claims_that_are_not_made_are_not_met() {
    let with = |claim, pattern: &str| {
        let claims = BTreeMap::from([(claim, exact(pattern))]);
        IdentityRule { claims, ..rule(exact(ISSUER), exact(SUBJECT)) }.admits(&identity())
    };
    assert_eq!(with(Claim::Repository, "https://github.com/acme/web"), Ok(()));
    assert!(
        with(Claim::Repository, "https://github.com/acme/webs")
            .unwrap_err()
            .contains("source-repository-uri")
    );
    assert!(
        with(Claim::Ref, "refs/heads/main").unwrap_err().contains("does not say its source-repository-ref")
    );
}

#[test]
fn a_name_of_another_kind_is_another_name() {
    let rule = IdentityRule { kind: Some(SubjectKind::Email), ..rule(exact(ISSUER), exact(SUBJECT)) };
    assert!(rule.admits(&identity()).unwrap_err().contains("another kind"));
}

proptest! {
    #[test]
    fn exact_admits_nothing_else(text in ".{1,40}", other in ".{0,40}") {
        prop_assert_eq!(exact(&text).admits(&other), text == other);
    }

    #[test]
    fn a_literal_pattern_admits_itself_only(text in "[a-z:/.@-]{1,40}", other in "[a-z:/.@-]{0,40}") {
        let pattern: String = text.chars().flat_map(|c| if c.is_ascii_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect();
        let pattern = pattern.replace("\\:", ":").replace("\\/", "/").replace("\\@", "@");
        if let Ok(pattern) = Pattern::matching(&pattern) {
            prop_assert_eq!(pattern.admits(&other), text == other);
            prop_assert!(pattern.admits(&text));
        }
    }
}

#[test]
fn patterns_that_admit_strangers() {
    for (glob, admits) in [
        ("https://github.com/acme/**", false),
        ("https://github.com/acme/*/.github/workflows/build.yml@refs/heads/main", false),
        ("https://gitlab.com/acme/**", false),
        ("https://ci.acme.example/**", false),
        ("*@acme.example", false),
        ("https://github.com/**", true),
        ("https://github.com/*/*/.github/workflows/*@refs/heads/main", true),
        ("https://gitlab.com/**", true),
        ("https://g**", true),
        ("https://**/.github/workflows/build.yml@refs/heads/main", true),
        ("*@gmail.com", true),
        ("https://github.com/s**", true),
    ] {
        assert_eq!(Pattern::glob(glob).unwrap().stranger().is_some(), admits, "{glob}");
    }
    for (regex, admits) in [
        (r"^https://github\.com/acme/.+$", false),
        (r"^(ann|bob)@acme\.example$", false),
        (r"^https://github\.com/.*$", true),
        (r"^https://github\.com/[^/]+/[^/]+/\.github/.*$", true),
        (r"^https://git(hub|lab)\.com/.*$", true),
        (r"^[a-z]+@gmail\.com$", true),
        (r"^.+@.+$", true),
        (r"^[a-z]+$", true),
    ] {
        let pattern = Pattern::matching(regex);
        assert_eq!(pattern.map_or(true, |pattern| pattern.stranger().is_some()), admits, "{regex}");
    }
}
