//! What relied on a key, and what of it falls when the key is no longer believed; the same of an identity.
//!
//! Every recorded Decision says which keys and identities its verdicts rest on. Those that rest on it are judged again: the
//! recorded Case, the same instant, only the key revoked in it, and only the gates that relied on it. Keys that were
//! revoked before are revoked in it too: of two signers, each of which was enough, neither may stand in for the other.
//! What relied on a Decision that falls, because its artifact was released below by it, falls with it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lockgate_attest::keys::PublicKey;
use lockgate_judge::{decide_again, gates};
use lockgate_model::blast_radius::{BLAST_RADIUS_VERSION, BlastRadius, Running, Touched};
use lockgate_model::case::Revocation;
use lockgate_model::projection::{DecisionRow, ReleaseRow};
use lockgate_model::{
    Answer, Case, CaseRecord, Decision, Digest, Effect, Evidence, Inputs, Outcome, Relied, Timestamp,
    Verdict, canon,
};

use crate::gather::blocking;
use crate::replay::load_case;
use crate::{EngineError, Workspace};

/// Decisions that are read at a time.
const BATCH: usize = 128;
/// What the text of a Decision has that relied on the one below.
const BELOW: &str = "\"decision:";
/// In place of findings, for a Decision whose Case or content is gone: what cannot be judged again is not believed.
const UNREADABLE: &str = "blast-radius.unreadable";
/// In place of findings, for a Decision that fell with the one below it.
const FELL_BELOW: &str = "route.release-fell";

/// A key or identity that is no longer believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspicion {
    /// Its digest, as [`lockgate_model::keyring::Credential::id`] has it: by which name it was known does not matter.
    pub key: Digest,
    /// When it is, or would be, revoked.
    pub at: Timestamp,
    /// The instant from which others may have signed with it; none: nothing by it counts.
    pub compromised_since: Option<Timestamp>,
}

/// Finds what relied on the key, and judges it again. Writes nothing.
pub async fn measure(workspace: &Workspace, suspicion: &Suspicion) -> Result<BlastRadius, EngineError> {
    let ledger_size = workspace.store.head().await?.size;
    let revoked = revocations(workspace, suspicion).await?;
    let rows = workspace.store.decisions(None).await?;
    let mut found = find(workspace, suspicion, &revoked, &rows).await?;
    judge_again(workspace, revoked, &mut found.direct).await?;
    let judged = touched(&rows, &found);
    let releases = running(&workspace.store.releases(None).await?, &judged);
    let concerned = judged.into_iter().filter(|one| one.concerned).map(|one| one.touched);
    let mut decisions: Vec<Touched> = concerned.collect();
    let mut states = BTreeMap::new();
    for row in workspace.store.promotions(None).await? {
        states.insert(row.intent.decision, row.state);
    }
    for one in &mut decisions {
        one.promotion = states.get(&one.decision).copied();
    }
    Ok(BlastRadius {
        version: BLAST_RADIUS_VERSION,
        key: suspicion.key,
        names: found.names,
        compromised_since: suspicion.compromised_since,
        ledger_size,
        decisions,
        releases,
    })
}

/// The key's revocation, and those of the keyring. Of two about one key the one that says more holds.
async fn revocations(
    workspace: &Workspace,
    suspicion: &Suspicion,
) -> Result<BTreeMap<Digest, Revocation>, EngineError> {
    let Suspicion { key, at, mut compromised_since } = *suspicion;
    let mut revoked = BTreeMap::new();
    for row in workspace.store.keyring().await?.rows() {
        if let Some(said) = &row.revoked {
            let id = row.id();
            let known = said.what.compromised_since;
            if id == key {
                compromised_since = compromised_since.min(known);
            }
            revoked.insert(id, Revocation { at: said.said.at, compromised_since: known });
        }
    }
    revoked.insert(key, Revocation { at, compromised_since });
    Ok(revoked)
}

/// What was found in the recorded Decisions.
#[derive(Default)]
struct Found {
    /// The names by which they knew the key.
    names: BTreeSet<String>,
    /// Those that relied themselves on a key that is not believed.
    direct: BTreeMap<Digest, Direct>,
    /// The Decision below, of every Decision that relied on one.
    below: BTreeMap<Digest, Digest>,
}

/// A Decision that relied on a key that is not believed.
struct Direct {
    case: Digest,
    /// Whether it is the key that is asked about, as far as anyone can tell.
    concerned: bool,
    /// What it said; nothing when its content is gone.
    recorded: Option<Decision>,
    gates: BTreeSet<String>,
    again: Again,
}

/// What judging again gave.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Again {
    outcome: Outcome,
    findings: Vec<String>,
}

impl Again {
    fn blind() -> Self {
        Self { outcome: Outcome::Pause, findings: vec![UNREADABLE.to_owned()] }
    }

    fn of(decision: &Decision) -> Self {
        let findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
        let blocking = findings.filter(|finding| finding.effect != Effect::Advise);
        let codes: BTreeSet<_> = blocking.map(|finding| finding.code.clone()).collect();
        Self { outcome: decision.outcome, findings: codes.into_iter().collect() }
    }
}

/// Reads every Decision, and understands those that can have to do with the keys.
async fn find(
    workspace: &Workspace,
    suspicion: &Suspicion,
    revoked: &BTreeMap<Digest, Revocation>,
    rows: &[DecisionRow],
) -> Result<Found, EngineError> {
    let mut found = Found::default();
    let keys: BTreeMap<Digest, bool> = revoked.keys().map(|key| (*key, *key == suspicion.key)).collect();
    // A Decision whose text has none of these is not understood: most are of other keys.
    let named: Vec<String> = keys.keys().map(|key| format!("@{key}")).collect();
    for rows in rows.chunks(BATCH) {
        let digests: Vec<Digest> = rows.iter().map(|row| row.decision).collect();
        for (row, bytes) in rows.iter().zip(workspace.store.blobs(&digests).await?) {
            let bytes = bytes.filter(|bytes| Digest::of(bytes) == row.decision).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let told = text.contains(BELOW) || named.iter().any(|key| text.contains(key));
            if !bytes.is_empty() && !told {
                continue;
            }
            if let Ok(recorded) = canon::from_bytes(&bytes) {
                note(&mut found, row, recorded, &keys);
            } else {
                // It may have relied on the key: nobody can tell.
                let (gates, again) = (BTreeSet::new(), Again::blind());
                let direct = Direct { case: row.case, concerned: true, recorded: None, gates, again };
                found.direct.insert(row.decision, direct);
            }
        }
    }
    Ok(found)
}

/// Notes what a Decision relied on. `keys`: those that are not believed, and whether it is the one asked about.
fn note(found: &mut Found, row: &DecisionRow, recorded: Decision, keys: &BTreeMap<Digest, bool>) {
    let (mut gates, mut concerned) = (BTreeSet::new(), false);
    for verdict in &recorded.verdicts {
        for relied in &verdict.relied_on {
            match relied {
                Relied::Key(name, id) | Relied::Identity(name, id) => {
                    let Some(asked) = keys.get(id) else { continue };
                    gates.insert(verdict.gate.clone());
                    if *asked {
                        concerned = true;
                        found.names.insert(name.clone());
                    }
                }
                Relied::Decision(below) => drop(found.below.insert(row.decision, *below)),
                _ => {}
            }
        }
    }
    if !gates.is_empty() {
        let again = Again::blind();
        let direct = Direct { case: row.case, concerned, recorded: Some(recorded), gates, again };
        found.direct.insert(row.decision, direct);
    }
}

/// Judges every Decision that relied on such a key again, one after another: the evidence of one is held at a time.
async fn judge_again(
    workspace: &Workspace,
    revoked: BTreeMap<Digest, Revocation>,
    direct: &mut BTreeMap<Digest, Direct>,
) -> Result<(), EngineError> {
    let mut keys = Keys { revoked, files: BTreeMap::new() };
    let readable = |one: &&mut Direct| one.recorded.is_some();
    let mut all: Vec<&mut Direct> = direct.values_mut().filter(readable).collect();
    for some in all.chunks_mut(BATCH) {
        let cases: Vec<Digest> = some.iter().map(|one| one.case).collect();
        for (one, bytes) in some.iter_mut().zip(workspace.store.blobs(&cases).await?) {
            let bytes = bytes.filter(|bytes| Digest::of(bytes) == one.case);
            let record = bytes.and_then(|bytes| canon::from_bytes::<CaseRecord>(&bytes).ok());
            if let (Some(record), Some(recorded)) = (record, one.recorded.take()) {
                one.again = judge_one(workspace, &record, recorded, &one.gates, &mut keys).await?;
            }
        }
    }
    Ok(())
}

async fn judge_one(
    workspace: &Workspace,
    record: &CaseRecord,
    recorded: Decision,
    gates: &BTreeSet<String>,
    keys: &mut Keys,
) -> Result<Again, EngineError> {
    let case = keys.revoked(workspace, record).await?;
    if gates.iter().all(|gate| rests_on_trust_alone(record, gate)) {
        let (again, gates) = (recorded.clone(), gates.clone());
        let again = blocking(move || decide_again(&case, &again, &gates)).await?;
        if !heard(&again.verdicts, &recorded) {
            return Ok(Again::of(&again));
        }
    }
    let whole = load_case(workspace, &recorded.case).await?;
    let whole = Case { record: keys.revoked_record(&whole.record), inputs: whole.inputs };
    let (_, decision) = crate::judge::decide(whole).await?;
    Ok(Again::of(&decision))
}

/// Whether the gate read nothing but evidence and trust; others that rest on keys read all of a Case.
fn rests_on_trust_alone(record: &CaseRecord, gate: &str) -> bool {
    let asked = gates::named(gate).zip(record.gates.get(gate));
    asked.is_some_and(|(gate, settings)| gate.reads.rests_on_trust_alone(settings))
}

/// Whether what the gates say now could change what a gate says that is given the findings of those before it:
/// then the one answer is not enough. A gate that no longer passes decides by itself.
fn heard(again: &[Verdict], recorded: &Decision) -> bool {
    let hears = |verdict: &Verdict| gates::named(&verdict.gate).is_none_or(|gate| gate.reads.findings);
    let is_heard = recorded.verdicts.iter().any(hears);
    let passes = again.iter().all(|verdict| verdict.answer == Answer::Pass);
    let findings = |verdicts: &[Verdict]| -> Vec<_> {
        verdicts.iter().filter(|verdict| !hears(verdict)).map(|one| one.findings.clone()).collect()
    };
    is_heard && passes && findings(again) != findings(&recorded.verdicts)
}

/// The keys of Cases, which share them.
struct Keys {
    /// Those that are not believed.
    revoked: BTreeMap<Digest, Revocation>,
    /// The files that were read, and the digest of the key in each.
    files: BTreeMap<Digest, (Bytes, Option<Digest>)>,
}

impl Keys {
    /// The Case with these keys revoked in it, and with what gates that rest on trust alone read: evidence and trust.
    async fn revoked(&mut self, workspace: &Workspace, record: &CaseRecord) -> Result<Case, EngineError> {
        let files = record.trust_files();
        let unread = files.iter().filter(|file| !self.files.contains_key(file));
        let evidence = record.pieces().flat_map(Evidence::digests);
        let wanted: BTreeSet<Digest> = evidence.chain(unread).copied().collect();
        let wanted: Vec<Digest> = wanted.into_iter().collect();
        let mut inputs = Inputs::new();
        for (digest, bytes) in wanted.iter().zip(workspace.store.blobs(&wanted).await?) {
            let Some(bytes) = bytes else { continue };
            if files.contains(digest) {
                let id = PublicKey::from_pem(&bytes).ok().map(|key| key.id());
                self.files.insert(*digest, (bytes.clone(), id));
            }
            inputs.insert(bytes);
        }
        for (bytes, _) in files.iter().filter_map(|file| self.files.get(file)) {
            inputs.insert(bytes.clone());
        }
        Ok(Case { record: self.revoked_record(record), inputs })
    }

    /// The same list, with these keys revoked.
    fn revoked_record(&self, record: &CaseRecord) -> CaseRecord {
        let mut record = record.clone();
        for key in &mut record.keys {
            let id = self.files.get(&key.file).and_then(|(_, id)| *id);
            if let Some(revoked) = id.and_then(|id| self.revoked.get(&id)) {
                key.standing.revoked = Some(*revoked);
            }
        }
        for identity in &mut record.identities {
            if let Some(revoked) = self.revoked.get(&identity.id()) {
                identity.standing.revoked = Some(*revoked);
            }
        }
        record
    }
}

/// A Decision that was judged again, and whether it has to do with the key that is asked about.
struct Judged {
    touched: Touched,
    concerned: bool,
}

/// The Decisions that relied on a key that is not believed, themselves or through the one below, in the ledger's order.
fn touched(rows: &[DecisionRow], found: &Found) -> Vec<Judged> {
    let mut known: BTreeMap<Digest, Judged> = BTreeMap::new();
    // Each pass follows one more step of a route. What falls stays fallen, so that there is a last one.
    loop {
        let fallen = |known: &BTreeMap<Digest, Judged>| {
            (known.len(), known.values().filter(|one| one.touched.falls).count())
        };
        let before = fallen(&known);
        for row in rows {
            let below = found.below.get(&row.decision).and_then(|below| known.get(below));
            if let Some(judged) = judged(row, found.direct.get(&row.decision), below) {
                known.insert(row.decision, judged);
            }
        }
        if before == fallen(&known) {
            break;
        }
    }
    let mut all: Vec<_> = known.into_values().collect();
    all.sort_by_key(|one| one.touched.seq);
    all
}

/// What has become of one Decision; nothing when it relied on no such key, and on no Decision that did.
fn judged(row: &DecisionRow, direct: Option<&Direct>, below: Option<&Judged>) -> Option<Judged> {
    let mut again = match (direct, below) {
        (Some(direct), _) => direct.again.clone(),
        (None, Some(_)) => Again { outcome: row.outcome, findings: vec![] },
        (None, None) => return None,
    };
    if below.is_some_and(|below| below.touched.falls) {
        // `rework` says more than that someone must act.
        again.outcome = again.outcome.max(Outcome::Pause);
        again.findings.push(FELL_BELOW.to_owned());
    }
    let itself = direct.is_some_and(|direct| direct.concerned);
    let through = below.filter(|below| below.concerned && !itself);
    let touched = Touched {
        seq: row.seq,
        at: row.at,
        decision: row.decision,
        service: row.service.clone(),
        to: row.to.clone(),
        artifact: row.artifact,
        outcome: row.outcome,
        again: again.outcome,
        falls: row.outcome == Outcome::Proceed && again.outcome != Outcome::Proceed,
        through: through.map(|below| below.touched.decision),
        promotion: None,
        findings: again.findings,
    };
    Some(Judged { touched, concerned: itself || through.is_some() })
}

/// What stages hold by a Decision that has to do with the key, and the Release before it that stands.
fn running(releases: &[ReleaseRow], judged: &[Judged]) -> Vec<Running> {
    let judged: BTreeMap<_, _> = judged.iter().map(|one| (one.touched.decision, one)).collect();
    let falls = |row: &ReleaseRow| judged.get(&row.decision).is_some_and(|one| one.touched.falls);
    let concerned = |row: &ReleaseRow| judged.get(&row.decision).is_some_and(|one| one.concerned);
    let mut places: BTreeMap<_, Vec<&ReleaseRow>> = BTreeMap::new();
    for row in releases {
        places.entry((&row.service, &row.stage)).or_default().push(row);
    }
    let mut running = Vec::new();
    for rows in places.into_values() {
        let Some((held, earlier)) = rows.split_last() else { continue };
        if !concerned(held) {
            continue;
        }
        let good = earlier.iter().rev().find(|row| !falls(row));
        running.push(Running {
            service: held.service.clone(),
            stage: held.stage.clone(),
            artifact: held.artifact,
            tag: held.tag.clone(),
            decision: held.decision,
            since: held.at,
            falls: falls(held),
            last_good: good.filter(|_| falls(held)).map(|row| row.artifact),
        });
    }
    running
}
