//! Who signed a piece of evidence, of everybody whom a Case knows, and what it says. No verdict rests on it: whoever closes
//! Cases asks what is worth remembering, and people are told.

use std::collections::BTreeSet;

use lockgate_attest::verify::{Carried, Examined, Speaks, claimed};
use lockgate_model::keyring::Role;
use lockgate_model::{Case, Evidence};
use serde::Serialize;

use super::roots::Roots;
use super::signers::{Signers, Wanted};
use crate::docket::Docket;

/// One thing that a known signer said in a piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Signed {
    /// `signature`, or the predicate type of an attestation.
    pub what: String,
    /// The names of those who signed it, whether they count today or not.
    pub by: Vec<String>,
}

/// What known signers say in each of `pieces`, in their order: keys and identities of the Case, and whom its trust policy
/// admits. Nothing where nobody whom the Case knows signed it.
pub fn signed(case: &Case, pieces: &[Evidence]) -> Vec<Vec<Signed>> {
    let docket = Docket::of(case);
    let record = &case.record;
    let wanted = Wanted {
        keys: Some(record.keys.iter().map(|key| key.name.clone()).collect()),
        identities: Some(record.identities.iter().map(|identity| identity.name.clone()).collect()),
        ..Wanted::default()
    };
    // What cannot be used is for the gates to tell.
    let mut unusable = Vec::new();
    let roots = Roots::read(&docket, "evidence", true, &mut unusable);
    let signers = Signers::read(&docket, "evidence", &wanted, &Role::ALL, roots, &mut unusable);
    pieces.iter().map(|piece| said(piece, &signers, case)).collect()
}

fn said(piece: &Evidence, signers: &Signers<'_>, case: &Case) -> Vec<Signed> {
    let Some(carried) = Carried::of(piece, &case.inputs) else { return vec![] };
    // A statement about the source counts as one: about which commits, it says itself.
    let statements = claimed(&carried);
    let subjects = statements.iter().flat_map(|statement| &statement.subject);
    let commits: Vec<String> =
        subjects.filter_map(|subject| subject.digest.get("gitCommit").cloned()).collect();
    let examined = signers.examine_with(&carried, &commits);
    let said: BTreeSet<Signed> = examined.iter().filter_map(|one| by(one, signers)).collect();
    said.into_iter().collect()
}

fn by(examined: &Examined, signers: &Signers<'_>) -> Option<Signed> {
    let (weighed, what) = match (&examined.refusal, &examined.unread, &examined.speaks) {
        // What somebody signed and nobody can read is worth remembering too: it may have said no.
        (Some(_), Some(unread), _) => {
            let unnamed = || "a statement that cannot be read".to_owned();
            let what = unread.predicate_type.clone().unwrap_or_else(unnamed);
            (signers.weigh_unread(examined, unread), what)
        }
        (None, _, Some(Speaks::Signature)) => (signers.weigh(examined), "signature".to_owned()),
        (None, _, Some(Speaks::Attestation { predicate_type })) => {
            (signers.weigh(examined), predicate_type.clone())
        }
        _ => return None,
    };
    let counted = weighed.counted.iter().map(|one| one.name.clone());
    let by: BTreeSet<String> =
        counted.chain(weighed.doubted.iter().map(|(member, _)| member.name.to_owned())).collect();
    (!by.is_empty()).then(|| Signed { what, by: by.into_iter().collect() })
}
