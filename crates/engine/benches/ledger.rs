//! Durable appends to SQLite by 64 writers, beside what the disk itself can sync.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark may panic")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use lockgate_engine::ledger::Sequencer;
use lockgate_ledger::SigningKey;
use lockgate_model::feed::FeedPeaks;
use lockgate_model::ports::{Clock, Store};
use lockgate_model::{Digest, Entry, Event, Timestamp};
use lockgate_store::SqliteStore;

const WRITERS: usize = 64;
const EACH: usize = 500;
const SYNCS: usize = 500;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }
}

fn main() {
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let mut file = File::create(folder.path().join("sync")).unwrap();
    let start = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    println!("disk: {:.0} syncs/s of 4 KiB", SYNCS as f64 / start.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("l.db")).await.unwrap());
        let key = SigningKey::from_seed("example.com/ledger", [7; 32]).unwrap();
        let ledger = Arc::new(Sequencer::new(store.clone(), Arc::new(Stopped), key, Box::new(|_| ())));
        let start = Instant::now();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    for n in 0..EACH {
                        let event = Event::FeedImported(lockgate_model::entry::FeedImported {
                            feed: Digest::of(format!("{writer}/{n}").as_bytes()),
                            sources: vec![],
                            advisories: 0,
                            refused: 0,
                            newest: Timestamp::from_unix(0),
                            origins: vec![],
                            reason: None,
                            lost: vec![],
                            gained: vec![],
                            peaks: FeedPeaks::default(),
                        });
                        let entry = Entry::new(Timestamp::from_unix(0), "bench", event);
                        ledger.append_one(entry, vec![]).await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let (count, time) = (WRITERS * EACH, start.elapsed());
        let commits = store.checkpoints(0, u32::MAX).await.unwrap().len();
        println!(
            "ledger: {:.0} durable entries/s ({count} entries by {WRITERS} writers in {commits} commits, {time:?})",
            count as f64 / time.as_secs_f64()
        );
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}
