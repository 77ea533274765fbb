//! What judging a Case gives.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::finding::{Effect, Finding};
use crate::relied::Relied;
use crate::route::{Service, StageName};
use crate::time::Timestamp;

/// A gate's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Everything asked for is there and right.
    Pass,
    /// Something is wrong.
    Fail,
    /// It could not be judged. Never treated as a pass.
    Unknown,
}

/// One gate's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The gate.
    pub gate: String,
    /// Its answer.
    pub answer: Answer,
    /// One line for people.
    pub summary: String,
    /// What the answer rests on, in the order of its texts: revoking one of these puts the Decision in question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relied_on: Vec<Relied>,
    /// The findings, in reading order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Whether the artifact may climb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It may. One Decision authorises one Promotion.
    Proceed,
    /// Someone can unblock it: an approval, a waiver, missing evidence.
    Pause,
    /// The artifact must change.
    Rework,
}

impl Outcome {
    /// The outcome that `verdicts` give together. No verdict at all is a pause: nothing was asked.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let effects = || verdicts.iter().flat_map(|verdict| &verdict.findings).map(|finding| finding.effect);
        let all_pass = verdicts.iter().all(|verdict| verdict.answer == Answer::Pass);
        if effects().any(|effect| effect == Effect::Rework) {
            Self::Rework
        } else if verdicts.is_empty() || !all_pass || effects().any(|effect| effect == Effect::Pause) {
            Self::Pause
        } else {
            Self::Proceed
        }
    }

    /// The process exit code that scripts get: 0, 3 or 4.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Proceed => 0,
            Self::Pause => 3,
            Self::Rework => 4,
        }
    }
}

/// The result of judging a Case. Its canonical bytes are the record; their digest is its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The frozen semantics it was judged by.
    pub edition: String,
    /// Digest of the Case's canonical bytes.
    pub case: Digest,
    /// The instant it was judged for.
    pub as_of: Timestamp,
    /// The service.
    pub service: Service,
    /// Where the artifact is.
    pub from: StageName,
    /// Where it is to go.
    pub to: StageName,
    /// The artifact.
    pub artifact: Digest,
    /// The outcome.
    pub outcome: Outcome,
    /// The verdicts, in the order of the gates.
    pub verdicts: Vec<Verdict>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proceed => "proceed",
            Self::Pause => "pause",
            Self::Rework => "rework",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn verdict(answer: Answer, effects: &[Effect]) -> Verdict {
        let finding = |effect: &Effect| Finding {
            code: "test.finding".into(),
            severity: Severity::Low,
            effect: *effect,
            subject: String::new(),
            title: String::new(),
            rationale: String::new(),
            remediation: String::new(),
            owner: String::new(),
            fixes: vec![],
            details: std::collections::BTreeMap::default(),
        };
        Verdict {
            gate: "test".into(),
            answer,
            summary: String::new(),
            relied_on: vec![],
            findings: effects.iter().map(finding).collect(),
        }
    }

    #[test]
    fn only_passes_without_blocking_findings_proceed() {
        let pass = verdict(Answer::Pass, &[Effect::Advise]);
        assert_eq!(Outcome::of(&[pass.clone(), pass.clone()]), Outcome::Proceed);
        assert_eq!(Outcome::of(&[]), Outcome::Pause);
        assert_eq!(Outcome::of(&[pass.clone(), verdict(Answer::Unknown, &[])]), Outcome::Pause);
        assert_eq!(Outcome::of(&[pass.clone(), verdict(Answer::Fail, &[])]), Outcome::Pause);
        assert_eq!(Outcome::of(&[pass.clone(), verdict(Answer::Pass, &[Effect::Pause])]), Outcome::Pause);
        let rework = verdict(Answer::Fail, &[Effect::Rework]);
        assert_eq!(Outcome::of(&[verdict(Answer::Unknown, &[Effect::Pause]), rework]), Outcome::Rework);
    }
}
