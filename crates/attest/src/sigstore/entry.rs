//! Whether a log has an entry: its promise (SET), its proof and checkpoint, and the time it gives.

use data_encoding::{BASE64, HEXLOWER};
use lockgate_model::Timestamp;

use super::checkpoint::Checkpoint;
use super::merkle;
use super::read::{LogEntry, Proof};
use super::root::Log;

/// Why a log's entry does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The log's key is of a kind that is not read.
    #[error("the log's key is of a kind that is not read")]
    Key,
    /// The promise is not the log's, or for another entry, place or time.
    #[error("the log did not promise this entry, at this place and time")]
    Promise,
    /// The checkpoint cannot be read.
    #[error("the checkpoint is malformed: {0}")]
    MalformedCheckpoint(String),
    /// The checkpoint is not signed by the log.
    #[error("the checkpoint is not signed by the log")]
    UnsignedCheckpoint,
    /// The proof is for another tree than the checkpoint.
    #[error("the inclusion proof is for another tree than the checkpoint")]
    OtherTree,
    /// The proof does not lead from the entry to the root.
    #[error("the inclusion proof does not lead from the entry to the root")]
    NotIncluded,
    /// Neither promise nor proof.
    #[error("it has neither an inclusion promise nor an inclusion proof")]
    Nothing,
    /// The log was not trusted then.
    #[error("the log is not trusted for {0}")]
    OutsideWindow(Timestamp),
    /// The time lies in the future of the instant that is judged for.
    #[error("the log says to have taken it at {0}, which is in the future")]
    Future(Timestamp),
    /// The body cannot be read.
    #[error("its body is malformed: {0}")]
    MalformedBody(String),
    /// The entry is of a kind that is not read, or not for this content.
    #[error("its kind `{0}` is not read for this content")]
    Kind(String),
    /// The entry is about something else: another signature, key or content.
    #[error("it is about another {0}")]
    Unrelated(&'static str),
}

/// What was proven of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proven {
    /// That it is in the log; otherwise, it is only promised.
    pub(crate) included: bool,
    /// When the log took it.
    pub(crate) integrated: Option<Timestamp>,
}

impl LogEntry {
    /// Whether it is of the second generation of Rekor, which gives no times and no promises.
    pub(crate) fn is_second(&self) -> bool {
        matches!((self.kind.0.as_str(), self.kind.1.as_str()), ("hashedrekord" | "dsse", "0.0.2"))
    }

    /// What `log` proves of the entry. Whatever is there must be right, so that nothing wrong rides along. Whether the log
    /// is trusted for that time is for the caller, who knows the times that others give.
    pub(crate) fn verify(&self, log: &Log, as_of: Timestamp) -> Result<Proven, LogError> {
        if log.key.is_none() {
            return Err(LogError::Key);
        }
        let mut proven = Proven { included: false, integrated: None };
        if let Some(proof) = &self.proof {
            self.verify_proof(proof, log)?;
            proven.included = true;
        }
        match (&self.promise, self.is_second()) {
            (Some(promise), false) => {
                self.verify_promise(promise, log)?;
                proven.integrated = self.integrated;
            }
            // A second-generation log promises nothing; what is there is no promise of it.
            (Some(_), true) => return Err(LogError::Promise),
            (None, _) => {}
        }
        if !proven.included && self.promise.is_none() {
            return Err(LogError::Nothing);
        }
        match proven.integrated {
            Some(time) if time > as_of => Err(LogError::Future(time)),
            _ => Ok(proven),
        }
    }

    fn verify_proof(&self, proof: &Proof, log: &Log) -> Result<(), LogError> {
        let checkpoint = Checkpoint::read(&proof.checkpoint).map_err(LogError::MalformedCheckpoint)?;
        if !checkpoint.is_signed_by(log, self.is_second()) {
            return Err(LogError::UnsignedCheckpoint);
        }
        // Size and root that count are the signed ones; the bundle's own must not say otherwise.
        if proof.size != checkpoint.size || proof.root != checkpoint.root {
            return Err(LogError::OtherTree);
        }
        if self.is_second() && self.index != proof.index {
            return Err(LogError::OtherTree);
        }
        let leaf = merkle::leaf(&self.body);
        if merkle::includes(leaf, proof.index, checkpoint.size, &proof.hashes, &checkpoint.root) {
            Ok(())
        } else {
            Err(LogError::NotIncluded)
        }
    }

    fn verify_promise(&self, promise: &[u8], log: &Log) -> Result<(), LogError> {
        // Rekor, `types.SignedEntryTimestamp`, as canonical JSON: nothing in it needs an escape, and the names are in order.
        let message = format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            BASE64.encode(&self.body),
            self.integrated.map_or(0, Timestamp::unix),
            HEXLOWER.encode(&self.log),
            self.index
        );
        let signed = log.key.as_ref().is_some_and(|key| key.verify(message.as_bytes(), promise));
        if signed { Ok(()) } else { Err(LogError::Promise) }
    }
}
