//! Appends entries: callers that come together are committed together, in one transaction, under one signed
//! checkpoint.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use bytes::Bytes;
use lockgate_ledger::{Checkpoint, Edge, SigningKey, VerifierKey, needed_tiles};
use lockgate_model::ports::{Append, Clock, Commit, CommitError, PortError, Store};
use lockgate_model::projection::{Conflict, changes};
use lockgate_model::{Entry, Event};
use tokio::sync::{Mutex, oneshot};

use super::LedgerError;

/// Most entries of one group.
const GROUP: usize = 256;
/// How often a group is tried again when other processes append first.
const ATTEMPTS: usize = 100;
/// The actor of the ledger's first entry.
const SELF: &str = "lockgate";

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its place.
    pub seq: u64,
    /// The checkpoint of the commit.
    pub checkpoint: String,
}

/// What one caller wants appended: together or not at all.
struct Request {
    entries: Vec<Entry>,
    blobs: Vec<Bytes>,
    answer: oneshot::Sender<Result<Vec<Appended>, LedgerError>>,
}

/// Told of each new checkpoint.
pub type Remember = Box<dyn Fn(&str) + Send + Sync>;

/// The one writer of the ledger in this process.
pub struct Sequencer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    key: SigningKey,
    verifier: VerifierKey,
    waiting: SyncMutex<VecDeque<Request>>,
    /// The right edge as this process knows it; whoever holds the lock commits.
    edge: Mutex<Option<Edge>>,
    remember: Remember,
}

impl Sequencer {
    /// A writer to `store` whose checkpoints `key` signs. `remember` is told of each checkpoint after its commit.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, key: SigningKey, remember: Remember) -> Self {
        let verifier = key.verifier();
        let (waiting, edge) = (SyncMutex::new(VecDeque::new()), Mutex::new(None));
        Self { store, clock, key, verifier, waiting, edge, remember }
    }

    /// Appends one entry, and the content it names.
    pub async fn append_one(&self, entry: Entry, blobs: Vec<Bytes>) -> Result<Appended, LedgerError> {
        let mut appended = self.append(vec![entry], blobs).await?;
        appended.pop().ok_or(LedgerError::Crowded)
    }

    /// Appends entries next to each other, all or none, durably.
    pub async fn append(&self, entries: Vec<Entry>, blobs: Vec<Bytes>) -> Result<Vec<Appended>, LedgerError> {
        for entry in &entries {
            entry.encode()?;
        }
        let (answer, mut told) = oneshot::channel();
        self.waiting().push_back(Request { entries, blobs, answer });
        loop {
            let mut edge = self.edge.lock().await;
            // While we waited for the lock someone may have committed ours with theirs.
            if let Ok(result) = told.try_recv() {
                return result;
            }
            let group = self.next_group();
            self.commit_group(&mut edge, group).await;
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Request>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_group(&self) -> Vec<Request> {
        let mut waiting = self.waiting();
        let (mut group, mut count) = (Vec::new(), 0);
        while let Some(request) = waiting.front() {
            if !group.is_empty() && count + request.entries.len() > GROUP {
                break;
            }
            count += request.entries.len();
            group.extend(waiting.pop_front());
        }
        group
    }

    /// Commits what can be committed, and answers every request of the group.
    async fn commit_group(&self, known: &mut Option<Edge>, mut group: Vec<Request>) {
        for _ in 0..ATTEMPTS {
            if group.is_empty() {
                return;
            }
            let edge = match known.take() {
                Some(edge) => edge,
                None => match self.load_edge().await {
                    Ok(edge) => edge,
                    Err(error) => return refuse_all(group, error),
                },
            };
            match self.try_commit(&edge, &group).await {
                Ok((next, commit, opened)) => {
                    *known = Some(next);
                    (self.remember)(&commit.checkpoint);
                    return answer_all(group, commit.expected_size + opened, &commit.checkpoint);
                }
                Err(Failed::Stale) => {}
                Err(Failed::Refused(at, conflict)) => {
                    *known = Some(edge);
                    let request = group.remove(at.min(group.len().saturating_sub(1)));
                    let _gone = request.answer.send(Err(LedgerError::Refused(conflict)));
                }
                Err(Failed::Other(error)) => return refuse_all(group, error),
            }
        }
        refuse_all(group, LedgerError::Crowded);
    }

    /// Tries to commit the group after `edge`. On success: the new edge, the commit, and how many entries came
    /// before the group's own.
    async fn try_commit(&self, edge: &Edge, group: &[Request]) -> Result<(Edge, Commit, u64), Failed> {
        let mut next = edge.clone();
        let opening = (edge.size() == 0).then(|| {
            let origin = self.verifier.name().to_owned();
            Entry::new(self.clock.now(), SELF, Event::LedgerOpened { origin })
        });
        let opened = u64::from(opening.is_some());
        let mut entries = Vec::new();
        for entry in opening.iter().chain(group.iter().flat_map(|request| &request.entries)) {
            let bytes = entry.encode().map_err(|error| Failed::Other(error.into()))?;
            let changes = changes(next.size(), entry);
            next.append(&bytes);
            entries.push(Append { entry: bytes.into(), changes });
        }
        let origin = self.verifier.name().to_owned();
        let checkpoint = Checkpoint { origin, size: next.size(), root: next.root() };
        let commit = Commit {
            expected_size: edge.size(),
            entries,
            tiles: next.take_changed().into_iter().map(|(id, bytes)| (id, bytes.into())).collect(),
            checkpoint: checkpoint.sign(&self.key).map_err(|error| Failed::Other(error.into()))?,
            blobs: group.iter().flat_map(|request| request.blobs.iter().cloned()).collect(),
        };
        match self.store.commit(&commit).await {
            Ok(()) => Ok((next, commit, opened)),
            Err(CommitError::Stale { .. }) => Err(Failed::Stale),
            Err(CommitError::Refused { index, conflict }) => {
                let index = index.saturating_sub(usize::try_from(opened).unwrap_or(0));
                Err(Failed::Refused(owner_of(group, index), conflict))
            }
            // It may have happened all the same: look.
            Err(CommitError::Port(error)) => {
                if self.happened(&commit).await {
                    Ok((next, commit, opened))
                } else {
                    Err(Failed::Other(error.into()))
                }
            }
        }
    }

    /// Whether the entries of `commit` are in their places.
    async fn happened(&self, commit: &Commit) -> bool {
        let limit = u32::try_from(commit.entries.len()).unwrap_or(u32::MAX);
        match self.store.entries(commit.expected_size, limit).await {
            Ok(there) => there.iter().eq(commit.entries.iter().map(|append| &append.entry)),
            Err(_) => false,
        }
    }

    /// The right edge of the store, checked against its newest checkpoint.
    async fn load_edge(&self) -> Result<Edge, LedgerError> {
        let head = self.store.head().await?;
        let Some(note) = head.checkpoint else {
            return if head.size == 0 { Ok(Edge::new()) } else { Err(no_checkpoint(head.size).into()) };
        };
        let checkpoint = Checkpoint::open(&note, &self.verifier)?;
        if checkpoint.size != head.size {
            return Err(no_checkpoint(head.size).into());
        }
        let ids: Vec<_> = needed_tiles(head.size).into_iter().map(|(id, _)| id).collect();
        let tiles = self.store.tiles(&ids).await?;
        let tiles: Vec<_> =
            ids.into_iter().zip(tiles).filter_map(|(id, tile)| Some((id, tile?.to_vec()))).collect();
        Ok(Edge::load(head.size, &checkpoint.root, &tiles)?)
    }
}

fn no_checkpoint(size: u64) -> PortError {
    let reason = format!("the ledger has {size} entries and no checkpoint of that size");
    let help = "run `lockgate ledger verify`: entries were added or removed by something else";
    PortError::new(lockgate_model::ports::Trouble::Corrupt, "ledger", reason, help)
}

/// Why a group was not committed.
enum Failed {
    Stale,
    /// The request at that place of the group.
    Refused(usize, Conflict),
    Other(LedgerError),
}

/// The request that the entry at `index` of the group belongs to.
fn owner_of(group: &[Request], index: usize) -> usize {
    let mut end = 0;
    let owner = group.iter().position(|request| {
        end += request.entries.len();
        index < end
    });
    owner.unwrap_or(0)
}

fn answer_all(group: Vec<Request>, mut seq: u64, checkpoint: &str) {
    for request in group {
        let count = request.entries.len() as u64;
        let places = (seq..seq + count).map(|seq| Appended { seq, checkpoint: checkpoint.to_owned() });
        seq += count;
        // Who no longer waits needs no answer.
        let _gone = request.answer.send(Ok(places.collect()));
    }
}

/// Tells every request of the group; the first gets the error itself.
fn refuse_all(group: Vec<Request>, error: LedgerError) {
    let text = error.to_string();
    let mut first = Some(error);
    for request in group {
        let error = first.take().unwrap_or_else(|| {
            let trouble = lockgate_model::ports::Trouble::Other;
            LedgerError::Port(PortError::new(trouble, "ledger", text.clone(), ""))
        });
        let _gone = request.answer.send(Err(error));
    }
}
