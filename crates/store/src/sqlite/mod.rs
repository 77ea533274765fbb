//! The ledger in one SQLite file: WAL, `synchronous=FULL`, one writer.

mod project;
mod read;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use lockgate_model::ports::{Append, Commit, CommitError, Head, Pending, PortError, Store, TileId, Trouble};
use lockgate_model::projection::{AlertRow, DecisionRow, FeedRow, ForgottenRow, PromotionRow, ReleaseRow};
use lockgate_model::{Digest, Keyring, Service, StageName};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Row};
use tokio::sync::Mutex;

/// The version of the schema, kept in the file's `user_version`.
const SCHEMA_VERSION: i64 = 3;
/// Migrations, in order: a file of an older version is brought up to this one; a new table starts empty,
/// as its entries say.
const SCHEMA: [&str; 3] =
    [include_str!("schema.sql"), include_str!("keyring.sql"), include_str!("evidence.sql")];
/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(30);
/// Connections that read.
const READERS: u32 = 4;

/// The ledger's rows and tables in a SQLite file. Several processes may open the same file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file at `path`; it and its folder are made if they are not there.
    ///
    /// Errors: the file is no database, is damaged, or was made by a newer version.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, PortError> {
        let path = path.into();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| crate::files::trouble(folder, &error))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let mut writer =
            SqliteConnection::connect_with(&options).await.map_err(|error| trouble(&path, &error))?;
        ready(&mut writer, &path).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options);
        Ok(Self { path, writer: Mutex::new(writer), readers })
    }

    fn trouble(&self, error: &sqlx::Error) -> PortError {
        trouble(&self.path, error)
    }

    async fn write(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut writer = self.writer.lock().await;
        let mut transaction =
            writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.trouble(&error))?;
        let actual = size(&mut transaction).await.map_err(|error| self.trouble(&error))?;
        if actual != commit.expected_size {
            return Err(CommitError::Stale { expected: commit.expected_size, actual });
        }
        self.write_entries(&mut transaction, commit).await?;
        write_tree(&mut transaction, commit).await.map_err(|error| self.trouble(&error))?;
        transaction.commit().await.map_err(|error| self.trouble(&error))?;
        Ok(())
    }

    async fn write_entries(&self, to: &mut SqliteConnection, commit: &Commit) -> Result<(), CommitError> {
        for (index, Append { entry, changes }) in commit.entries.iter().enumerate() {
            sqlx::query("INSERT INTO entries (seq, entry) VALUES (?, ?)")
                .bind(whole(commit.expected_size + index as u64))
                .bind(&entry[..])
                .execute(&mut *to)
                .await
                .map_err(|error| self.trouble(&error))?;
            for change in changes {
                match project::apply(to, change).await {
                    Ok(()) => {}
                    Err(project::NotApplied::Conflict(conflict)) => {
                        return Err(CommitError::Refused { index, conflict });
                    }
                    Err(project::NotApplied::Sql(error)) => return Err(self.trouble(&error).into()),
                    Err(project::NotApplied::Row(reason)) => return Err(self.damaged(&reason).into()),
                }
            }
        }
        Ok(())
    }

    /// Something in the file is not what this program wrote.
    fn damaged(&self, reason: &str) -> PortError {
        let help = "`lockgate ledger verify` tells what is damaged; `lockgate ledger rebuild` derives the tables again";
        PortError::new(Trouble::Corrupt, self.path.display().to_string(), reason, help)
    }
}

/// Makes the tables of a new file, and those that an older one lacks; refuses one that a newer version made.
async fn ready(writer: &mut SqliteConnection, path: &Path) -> Result<(), PortError> {
    let sql = |error: sqlx::Error| trouble(path, &error);
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(sql)?;
    let version: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(sql)?;
    match version {
        SCHEMA_VERSION => Ok(()),
        older @ 0..SCHEMA_VERSION => {
            for part in SCHEMA.into_iter().skip(usize::try_from(older).unwrap_or(0)) {
                sqlx::raw_sql(part).execute(&mut *transaction).await.map_err(sql)?;
            }
            sqlx::raw_sql("PRAGMA user_version = 3").execute(&mut *transaction).await.map_err(sql)?;
            transaction.commit().await.map_err(sql)
        }
        newer => {
            let reason = format!("it has schema {newer}; this version of Lockgate reads {SCHEMA_VERSION}");
            let help = "use the version of Lockgate that wrote it, or a newer one";
            Err(PortError::new(Trouble::Unsupported, path.display().to_string(), reason, help))
        }
    }
}

async fn size(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let next: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(seq) + 1, 0) FROM entries").fetch_one(connection).await?;
    Ok(next.unsigned_abs())
}

async fn write_tree(to: &mut SqliteConnection, commit: &Commit) -> Result<(), sqlx::Error> {
    for (id, hashes) in &commit.tiles {
        sqlx::query("INSERT OR REPLACE INTO tiles (level, idx, hashes) VALUES (?, ?, ?)")
            .bind(i64::from(id.level))
            .bind(whole(id.index))
            .bind(&hashes[..])
            .execute(&mut *to)
            .await?;
    }
    sqlx::query("INSERT INTO checkpoints (size, note) VALUES (?, ?)")
        .bind(whole(commit.expected_size + commit.entries.len() as u64))
        .bind(&commit.checkpoint)
        .execute(&mut *to)
        .await?;
    for bytes in &commit.blobs {
        sqlx::query("INSERT OR IGNORE INTO content (digest, bytes) VALUES (?, ?)")
            .bind(&Digest::of(bytes).as_bytes()[..])
            .bind(&bytes[..])
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

/// SQLite's integers are signed; a ledger does not reach 2^63 entries.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// An error of the database, in Lockgate's words.
fn trouble(path: &Path, error: &sqlx::Error) -> PortError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
    let primary = code.parse::<u32>().map_or(0, |code| code & 0xff);
    let (trouble, help) = match primary {
        5 | 6 => (Trouble::Unavailable, "another process is writing for long; try again"),
        8 | 14 => (Trouble::Denied, "look at the owner and mode of the file and its folder"),
        10 => (Trouble::Other, "look at the disk: the system reports an input or output error"),
        11 | 26 => (
            Trouble::Corrupt,
            "the file is damaged or no database: restore it from a copy, then run `lockgate ledger verify`",
        ),
        13 => (Trouble::Full, "make room on that disk, then run the command again: nothing was lost"),
        _ => (Trouble::Other, ""),
    };
    PortError::new(trouble, path.display().to_string(), error.to_string(), help)
}

impl Store for SqliteStore {
    fn head(&self) -> Pending<'_, Head> {
        Box::pin(self.read_head())
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Pending<'a, (), CommitError> {
        Box::pin(self.write(commit))
    }

    fn entries(&self, from: u64, limit: u32) -> Pending<'_, Vec<Bytes>> {
        Box::pin(self.read_entries(from, limit))
    }

    fn tiles<'a>(&'a self, ids: &'a [TileId]) -> Pending<'a, Vec<Option<Bytes>>> {
        Box::pin(self.read_tiles(ids))
    }

    fn tile_ids(&self) -> Pending<'_, Vec<TileId>> {
        Box::pin(self.read_tile_ids())
    }

    fn checkpoints(&self, after: u64, limit: u32) -> Pending<'_, Vec<(u64, String)>> {
        Box::pin(self.read_checkpoints(after, limit))
    }

    fn blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Option<Bytes>> {
        Box::pin(self.read_blob(digest))
    }

    fn blobs<'a>(&'a self, digests: &'a [Digest]) -> Pending<'a, Vec<Option<Bytes>>> {
        Box::pin(self.read_blobs(digests))
    }

    fn blob_digests<'a>(&'a self, after: Option<&'a Digest>, limit: u32) -> Pending<'a, Vec<Digest>> {
        Box::pin(self.read_blob_digests(after, limit))
    }

    fn decisions<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<DecisionRow>> {
        Box::pin(self.read_decisions(service))
    }

    fn decisions_by_prefix<'a>(&'a self, hex: &'a str) -> Pending<'a, Vec<DecisionRow>> {
        Box::pin(self.read_decisions_by_prefix(hex))
    }

    fn decisions_of<'a>(&'a self, artifact: &'a Digest) -> Pending<'a, Vec<DecisionRow>> {
        Box::pin(self.read_decisions_of(artifact))
    }

    fn forgotten<'a>(&'a self, artifact: Option<&'a Digest>) -> Pending<'a, Vec<ForgottenRow>> {
        Box::pin(self.read_forgotten(artifact))
    }

    fn promotions<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<PromotionRow>> {
        Box::pin(self.read_promotions(service))
    }

    fn releases<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<ReleaseRow>> {
        Box::pin(self.read_releases(service))
    }

    fn release_of<'a>(
        &'a self,
        service: &'a Service,
        stage: &'a StageName,
        artifact: &'a Digest,
    ) -> Pending<'a, Option<ReleaseRow>> {
        Box::pin(self.read_release_of(service, stage, artifact))
    }

    fn feeds(&self) -> Pending<'_, Vec<FeedRow>> {
        Box::pin(self.read_feeds())
    }

    fn keyring(&self) -> Pending<'_, Keyring> {
        Box::pin(self.read_keyring())
    }

    fn alerts<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<AlertRow>> {
        Box::pin(self.read_alerts(service))
    }

    fn tables_differ(&self) -> Pending<'_, bool> {
        Box::pin(self.derive_again(false))
    }

    fn rebuild(&self) -> Pending<'_, bool> {
        Box::pin(self.derive_again(true))
    }
}

impl SqliteStore {
    /// Derives the tables again in a transaction; keeps the result only when `keep`.
    async fn derive_again(&self, keep: bool) -> Result<bool, PortError> {
        let mut writer = self.writer.lock().await;
        let mut transaction =
            writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.trouble(&error))?;
        let before = project::dump(&mut transaction).await.map_err(|error| self.trouble(&error))?;
        project::clear(&mut transaction).await.map_err(|error| self.trouble(&error))?;
        let mut seq = 0;
        loop {
            let rows = sqlx::query("SELECT entry FROM entries WHERE seq >= ? ORDER BY seq LIMIT 1000")
                .bind(whole(seq))
                .fetch_all(&mut *transaction)
                .await
                .map_err(|error| self.trouble(&error))?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let bytes: Vec<u8> = row.try_get(0).map_err(|error| self.trouble(&error))?;
                project::derive(&mut transaction, seq, &bytes)
                    .await
                    .map_err(|reason| self.damaged(&reason))?;
                seq += 1;
            }
        }
        let after = project::dump(&mut transaction).await.map_err(|error| self.trouble(&error))?;
        if keep {
            transaction.commit().await.map_err(|error| self.trouble(&error))?;
        } else {
            transaction.rollback().await.map_err(|error| self.trouble(&error))?;
        }
        Ok(before != after)
    }
}
