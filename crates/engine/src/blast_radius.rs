//! What relied on a key, and what of it falls when the key is no longer believed.
//!
//! Every recorded Decision says which keys its verdicts rest on. Those that rest on the key are judged again: the
//! recorded Case, the same instant, only the key revoked in it, and only the gates that relied on it. What relied on a
//! Decision that falls, because its artifact was released below by it, falls with it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lockgate_attest::keys::PublicKey;
use lockgate_judge::decide_again;
use lockgate_model::blast_radius::{BLAST_RADIUS_VERSION, BlastRadius, Running, Touched};
use lockgate_model::case::Revocation;
use lockgate_model::projection::{DecisionRow, ReleaseRow};
use lockgate_model::{
    Answer, Case, CaseRecord, Decision, Digest, Effect, Inputs, Outcome, Timestamp, Verdict, canon,
};

use crate::gather::blocking;
use crate::replay::load_case;
use crate::{EngineError, Workspace};

/// Decisions that are read at a time.
const BATCH: usize = 256;
/// The prefix by which the route's verdict names the Decision below.
const DECISION: &str = "decision:";
/// In place of findings, for a Decision whose Case or content is gone: what cannot be judged again is not believed.
const UNREADABLE: &str = "blast-radius.unreadable";
/// In place of findings, for a Decision that fell with the one below it.
const FELL_BELOW: &str = "route.release-fell";

/// A key that is no longer believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspicion {
    /// The key's digest: by which name it was known does not matter.
    pub key: Digest,
    /// When it is, or would be, revoked.
    pub at: Timestamp,
    /// The instant from which others may have signed with it; none: nothing by it counts.
    pub compromised_since: Option<Timestamp>,
}

/// Finds what relied on the key, and judges it again. Writes nothing.
pub async fn measure(workspace: &Workspace, suspicion: &Suspicion) -> Result<BlastRadius, EngineError> {
    let ledger_size = workspace.store.head().await?.size;
    let rows = workspace.store.decisions(None).await?;
    let mut found = find(workspace, suspicion, &rows).await?;
    judge_again(workspace, suspicion, &mut found.direct).await?;
    let mut decisions = touched(&rows, &found);
    let mut states = BTreeMap::new();
    for row in workspace.store.promotions(None).await? {
        states.insert(row.intent.decision, row.state);
    }
    for one in &mut decisions {
        one.promotion = states.get(&one.decision).copied();
    }
    let releases = running(&workspace.store.releases(None).await?, &decisions);
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

/// What was found in the recorded Decisions.
#[derive(Default)]
struct Found {
    /// The names by which they knew the key.
    names: BTreeSet<String>,
    /// Those that relied on the key themselves.
    direct: BTreeMap<Digest, Direct>,
    /// The Decision below, of every Decision that relied on one.
    below: BTreeMap<Digest, Digest>,
}

/// A Decision that relied on the key.
struct Direct {
    case: Digest,
    recorded: Decision,
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

/// Reads every Decision, and understands those that can have to do with the key.
async fn find(
    workspace: &Workspace,
    suspicion: &Suspicion,
    rows: &[DecisionRow],
) -> Result<Found, EngineError> {
    let mut found = Found::default();
    let by_key = format!("@{}", suspicion.key);
    for rows in rows.chunks(BATCH) {
        let digests: Vec<Digest> = rows.iter().map(|row| row.decision).collect();
        for (row, bytes) in rows.iter().zip(workspace.store.blobs(&digests).await?) {
            let bytes = bytes.filter(|bytes| Digest::of(bytes) == row.decision);
            let bytes = bytes.ok_or(EngineError::Missing { what: "the Decision", digest: row.decision })?;
            let text = String::from_utf8_lossy(&bytes);
            if text.contains(&by_key) || text.contains(&format!("\"{DECISION}")) {
                note(&mut found, row, canon::from_bytes(&bytes)?, &by_key);
            }
        }
    }
    Ok(found)
}

fn note(found: &mut Found, row: &DecisionRow, recorded: Decision, by_key: &str) {
    let mut gates = BTreeSet::new();
    for verdict in &recorded.verdicts {
        for relied in &verdict.relied_on {
            if let Some(name) = relied.strip_prefix("key:").and_then(|relied| relied.strip_suffix(by_key)) {
                found.names.insert(name.to_owned());
                gates.insert(verdict.gate.clone());
            }
            if let Some(below) = relied.strip_prefix(DECISION).and_then(|text| text.parse().ok()) {
                found.below.insert(row.decision, below);
            }
        }
    }
    if !gates.is_empty() {
        let direct = Direct { case: row.case, recorded, gates, again: Again::blind() };
        found.direct.insert(row.decision, direct);
    }
}

/// Judges every Decision that relied on the key again.
async fn judge_again(
    workspace: &Workspace,
    suspicion: &Suspicion,
    direct: &mut BTreeMap<Digest, Direct>,
) -> Result<(), EngineError> {
    let mut keys = Keys { suspicion: *suspicion, ids: BTreeMap::new(), files: BTreeMap::new() };
    let all: Vec<Digest> = direct.keys().copied().collect();
    for digests in all.chunks(BATCH) {
        let cases = digests.iter().filter_map(|digest| direct.get(digest)).map(|one| one.case);
        let cases: Vec<Digest> = cases.collect();
        let records = records(&cases, workspace.store.blobs(&cases).await?);
        let inputs = evidence(workspace, &records, &mut keys).await?;
        let mut work = Vec::new();
        for (digest, case) in digests.iter().zip(&cases) {
            let (Some(one), Some(record)) = (direct.get(digest), records.get(case)) else { continue };
            work.push((*digest, keys.revoked(record, &inputs), one.recorded.clone(), one.gates.clone()));
        }
        let judged = blocking(move || {
            let judge = |(digest, case, recorded, gates): (Digest, Case, Decision, BTreeSet<String>)| {
                (digest, decide_again(&case, &recorded, &gates), recorded)
            };
            work.into_iter().map(judge).collect::<Vec<_>>()
        })
        .await?;
        for (digest, again, recorded) in judged {
            let again = if heard(&again.verdicts, &recorded) {
                whole(workspace, &digest, direct, &keys).await?
            } else {
                Again::of(&again)
            };
            if let Some(one) = direct.get_mut(&digest) {
                one.again = again;
            }
        }
    }
    Ok(())
}

/// Whether what the gates say now could change what a policy says, which is given the findings of the gates before it:
/// then the one answer is not enough. A gate that no longer passes decides by itself.
fn heard(again: &[Verdict], recorded: &Decision) -> bool {
    let asks_policies = recorded.verdicts.iter().any(|verdict| verdict.gate == "policy");
    let passes = again.iter().all(|verdict| verdict.answer == Answer::Pass);
    let findings = |verdicts: &[Verdict]| -> Vec<_> {
        verdicts.iter().filter(|verdict| verdict.gate != "policy").map(|one| one.findings.clone()).collect()
    };
    asks_policies && passes && findings(again) != findings(&recorded.verdicts)
}

/// The whole Case judged again.
async fn whole(
    workspace: &Workspace,
    digest: &Digest,
    direct: &BTreeMap<Digest, Direct>,
    keys: &Keys,
) -> Result<Again, EngineError> {
    let Some(one) = direct.get(digest) else { return Ok(Again::blind()) };
    let case = load_case(workspace, &one.case).await?;
    let case = Case { record: keys.revoked_record(&case.record), inputs: case.inputs };
    let (_, decision) = crate::judge::decide(case).await?;
    Ok(Again::of(&decision))
}

/// The Cases that can be read, by their digest.
fn records(digests: &[Digest], blobs: Vec<Option<Bytes>>) -> BTreeMap<Digest, CaseRecord> {
    let read = |(digest, bytes): (&Digest, Option<Bytes>)| {
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == *digest)?;
        Some((*digest, canon::from_bytes::<CaseRecord>(&bytes).ok()?))
    };
    digests.iter().zip(blobs).filter_map(read).collect()
}

/// The evidence of these Cases, and their keys' files: what gates that rest on keys read.
async fn evidence(
    workspace: &Workspace,
    records: &BTreeMap<Digest, CaseRecord>,
    keys: &mut Keys,
) -> Result<BTreeMap<Digest, Bytes>, EngineError> {
    let mut wanted = BTreeSet::new();
    for record in records.values() {
        for evidence in &record.evidence {
            wanted.extend(evidence.blobs.iter().chain([&evidence.manifest.digest]));
        }
        wanted.extend(record.keys.iter().map(|key| key.file).filter(|file| !keys.files.contains_key(file)));
    }
    let wanted: Vec<Digest> = wanted.into_iter().collect();
    let blobs = workspace.store.blobs(&wanted).await?;
    let there = wanted.into_iter().zip(blobs).filter_map(|(digest, bytes)| Some((digest, bytes?)));
    let inputs: BTreeMap<Digest, Bytes> = there.collect();
    for key in records.values().flat_map(|record| &record.keys) {
        if let Some(bytes) = inputs.get(&key.file) {
            keys.files.insert(key.file, bytes.clone());
            let id = PublicKey::from_pem(bytes).ok().map(|key| key.id());
            keys.ids.insert(key.file, id);
        }
    }
    Ok(inputs)
}

/// The keys of Cases.
struct Keys {
    suspicion: Suspicion,
    /// The digest of the key in a file.
    ids: BTreeMap<Digest, Option<Digest>>,
    files: BTreeMap<Digest, Bytes>,
}

impl Keys {
    /// The Case with the suspected key revoked in it, and what its gates read of `inputs`.
    fn revoked(&self, record: &CaseRecord, inputs: &BTreeMap<Digest, Bytes>) -> Case {
        let mut named = Inputs::new();
        let evidence = record.evidence.iter().flat_map(|one| one.blobs.iter().chain([&one.manifest.digest]));
        for digest in evidence {
            inputs.get(digest).map(|bytes| named.insert(bytes.clone()));
        }
        for key in &record.keys {
            self.files.get(&key.file).map(|bytes| named.insert(bytes.clone()));
        }
        Case { record: self.revoked_record(record), inputs: named }
    }

    /// The same list, with the suspected key revoked. A revocation that says more than this one stays.
    fn revoked_record(&self, record: &CaseRecord) -> CaseRecord {
        let (at, since) = (self.suspicion.at, self.suspicion.compromised_since);
        let mut record = record.clone();
        for key in &mut record.keys {
            if self.ids.get(&key.file) == Some(&Some(self.suspicion.key)) {
                let known = key.revoked.map(|revoked| revoked.compromised_since);
                let since = known.map_or(since, |known| known.min(since));
                key.revoked = Some(Revocation { at, compromised_since: since });
            }
        }
        record
    }
}

/// The Decisions that relied on the key, themselves or through the one below, in the ledger's order.
fn touched(rows: &[DecisionRow], found: &Found) -> Vec<Touched> {
    let mut known: BTreeMap<Digest, Touched> = BTreeMap::new();
    // A route has fewer steps than this; each pass follows one more.
    loop {
        let before: (usize, usize) = (known.len(), known.values().filter(|one| one.falls).count());
        for row in rows {
            let below = found.below.get(&row.decision).filter(|below| known.contains_key(below));
            let fell_below = below.and_then(|below| known.get(below)).is_some_and(|below| below.falls);
            let direct = found.direct.get(&row.decision);
            if direct.is_none() && below.is_none() {
                continue;
            }
            let mut again = match direct {
                Some(direct) => direct.again.clone(),
                None => Again { outcome: row.outcome, findings: vec![] },
            };
            if fell_below {
                // `rework` says more than that someone must act.
                again.outcome = again.outcome.max(Outcome::Pause);
                again.findings.push(FELL_BELOW.to_owned());
            }
            let falls = row.outcome == Outcome::Proceed && again.outcome != Outcome::Proceed;
            let one = Touched {
                seq: row.seq,
                at: row.at,
                decision: row.decision,
                service: row.service.clone(),
                to: row.to.clone(),
                artifact: row.artifact,
                outcome: row.outcome,
                again: again.outcome,
                falls,
                through: below.filter(|_| direct.is_none()).copied(),
                promotion: None,
                findings: again.findings,
            };
            known.insert(row.decision, one);
        }
        if before == (known.len(), known.values().filter(|one| one.falls).count()) {
            break;
        }
    }
    let mut all: Vec<_> = known.into_values().collect();
    all.sort_by_key(|one| one.seq);
    all
}

/// What stages hold by one of `decisions`, and the Release before it that stands.
fn running(releases: &[ReleaseRow], decisions: &[Touched]) -> Vec<Running> {
    let touched: BTreeMap<_, _> = decisions.iter().map(|one| (one.decision, one)).collect();
    let falls = |row: &ReleaseRow| touched.get(&row.decision).is_some_and(|one| one.falls);
    let mut places: BTreeMap<_, Vec<&ReleaseRow>> = BTreeMap::new();
    for row in releases {
        places.entry((&row.service, &row.stage)).or_default().push(row);
    }
    let mut running = Vec::new();
    for rows in places.into_values() {
        let Some((held, earlier)) = rows.split_last() else { continue };
        if !touched.contains_key(&held.decision) {
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
