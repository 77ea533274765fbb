//! Whether Cases looked at everything that the ledger had seen of their artifacts.
//!
//! Gathering asks a table which Decisions there are about an artifact. A table can be changed and changed back; that it said
//! less than the ledger has is seen in the Case, which says how many there were.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::case::Seen;
use lockgate_model::entry::{Decided, EvidenceForgotten};
use lockgate_model::{CaseRecord, Digest};

/// What the entries so far say of artifacts.
#[derive(Default)]
pub(super) struct Looked {
    /// The Decisions about each artifact: the place, the Decision and its Case, in their order.
    decided: BTreeMap<Digest, Vec<(u64, Digest, Digest)>>,
    /// The entries that forgot evidence, each with the artifact.
    forgotten: BTreeMap<u64, Digest>,
}

impl Looked {
    /// Takes a Decision in; what is wrong with its Case.
    pub(super) fn decided(
        &mut self,
        seq: u64,
        decided: &Decided,
        record: Option<&CaseRecord>,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(record) = record {
            let list = record.evidence_digest().ok();
            if decided.evidence.is_some() && decided.evidence != list {
                problems.push("its Case has another list of evidence than the entry says".to_owned());
            }
            if let Some(seen) = &record.seen {
                problems.extend(self.compare(seq, decided, record.ledger_size, seen));
            }
        }
        self.decided.entry(decided.artifact).or_default().push((seq, decided.decision, decided.case));
        problems
    }

    fn compare(&self, seq: u64, decided: &Decided, size: u64, seen: &Seen) -> Vec<String> {
        let mut problems = Vec::new();
        let before = self.decided.get(&decided.artifact).into_iter().flatten();
        let before: BTreeSet<Digest> =
            before.filter(|(at, ..)| *at < size).map(|(_, decision, _)| *decision).collect();
        if (before.len() as u64) > seen.decisions {
            problems.push(format!(
                "its Case looked at {} of the {} Decisions that there were about the artifact: evidence that the others saw was hidden from it",
                seen.decisions,
                before.len()
            ));
        }
        let not_so = |at: &&u64| **at >= seq || self.forgotten.get(at) != Some(&decided.artifact);
        problems.extend(seen.forgotten.iter().filter(not_so).map(|at| {
            format!("its Case takes evidence as forgotten by entry {at}, which forgot none of the artifact")
        }));
        problems
    }

    /// Takes in that evidence was forgotten. The Case of the Decision that it names must have had it: that Case's digest.
    pub(super) fn forgotten(&mut self, seq: u64, what: &EvidenceForgotten) -> Option<Digest> {
        self.forgotten.insert(seq, what.artifact);
        let about = self.decided.get(&what.artifact).into_iter().flatten();
        about.rev().find(|(_, decision, _)| *decision == what.decision).map(|(.., case)| *case)
    }
}
