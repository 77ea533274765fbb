//! Whatever byte of whatever row of the ledger is changed: verification fails and names the entry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use lockgate_engine::ledger::{self, Report};
use lockgate_engine::promote::promote;
use lockgate_model::keyring::Role;
use sim::Plan;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use world::World;

mod promotions;
mod sim;
mod world;

/// Every column of every table that holds bytes, as text or not, with the key of its row.
const COLUMNS: [(&str, &str, &str); 27] = [
    ("entries", "rowid", "entry"),
    ("tiles", "level || '/' || idx", "hashes"),
    ("checkpoints", "rowid", "note"),
    ("content", "rowid", "digest"),
    ("content", "rowid", "bytes"),
    ("feeds", "rowid", "feed"),
    ("feeds", "rowid", "row"),
    ("decisions", "rowid", "decision"),
    ("decisions", "rowid", "service"),
    ("decisions", "rowid", "outcome"),
    ("decisions", "rowid", "artifact"),
    ("decisions", "rowid", "row"),
    ("promotions", "rowid", "decision"),
    ("promotions", "rowid", "service"),
    ("promotions", "rowid", "stage"),
    ("promotions", "rowid", "state"),
    ("promotions", "rowid", "row"),
    ("releases", "rowid", "service"),
    ("releases", "rowid", "stage"),
    ("releases", "rowid", "artifact"),
    ("releases", "rowid", "row"),
    ("keyring", "rowid", "name"),
    ("keyring", "rowid", "row"),
    ("alerts", "rowid", "service"),
    ("alerts", "rowid", "row"),
    ("forgotten", "rowid", "artifact"),
    ("forgotten", "rowid", "row"),
];
/// Bytes flipped in one value: all of a short one, spread over a long one.
const FLIPS: usize = 12;

async fn promoted() -> World {
    let world = World::new().await;
    let workspace = world.process(&Plan::none()).await;
    let first = promote(&workspace, &World::request("staging"), None).await.unwrap();
    let seen = first.recorded.case.record.evidence[0].manifest.digest;
    lockgate_engine::evidence::forget(&workspace, seen, "withdrawn").await.unwrap();
    promote(&workspace, &World::request("prod"), None).await.unwrap();
    // A key in the keyring, and a promotion that halts: the one gate asks for a key that did not sign.
    let other = lockgate_attest::keys::SigningKey::generate().unwrap();
    promotions::add(&workspace, "other", "bob", Role::Releaser, &other).await;
    let mut strict = world.process(&Plan::none()).await;
    strict.keys[0].pem = lockgate_attest::keys::SigningKey::generate().unwrap().public().to_pem().into();
    promote(&strict, &World::request("staging"), None).await.unwrap();
    world
}

async fn verify(world: &World, anchors: &[String]) -> Report {
    let store = world.store().await;
    ledger::verify(&*store, &World::verifier(), anchors).await.unwrap()
}

async fn open(world: &World) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(world.database())).await.unwrap()
}

#[tokio::test]
async fn any_flipped_byte_is_found() {
    let world = promoted().await;
    assert!(verify(&world, &[]).await.problems.is_empty());
    let mut database = open(&world).await;
    let mut flipped = 0;
    for (table, key, column) in COLUMNS {
        let select =
            format!("SELECT CAST({key} AS TEXT), CAST({column} AS BLOB), typeof({column}) FROM {table}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&mut database).await.unwrap();
        assert!(!rows.is_empty(), "{table}");
        for row in rows {
            let (key_value, value, kind): (String, Vec<u8>, String) = (row.get(0), row.get(1), row.get(2));
            let step = (value.len() / FLIPS).max(1);
            // Other places in each row, and other bits where bytes are no text.
            for at in (flipped % step..value.len()).step_by(step) {
                let mut changed = value.clone();
                changed[at] ^= if kind == "text" { 1 } else { 1 << (flipped % 8) };
                write(&mut database, table, key, column, &key_value, &changed, &kind).await;
                let report = verify(&world, &[]).await;
                let place = format!("{table}.{column} of {key_value}, byte {at}");
                assert!(!report.problems.is_empty(), "{place} was not seen");
                let ledger_row = ["entries", "tiles", "checkpoints"].contains(&table);
                if ledger_row || (table == "content" && column == "bytes") {
                    assert!(
                        report.problems.iter().any(|one| one.entry.is_some()),
                        "{place}: {:?}",
                        report.problems
                    );
                }
                if table == "entries" {
                    let seq: u64 = key_value.parse().unwrap();
                    assert!(
                        report.problems.iter().any(|one| one.entry == Some(seq)),
                        "{place}: {:?}",
                        report.problems
                    );
                }
                write(&mut database, table, key, column, &key_value, &value, &kind).await;
                flipped += 1;
            }
        }
    }
    assert!(flipped > 500, "{flipped}");
    assert!(verify(&world, &[]).await.problems.is_empty(), "the test must put everything back");
}

async fn write(
    database: &mut SqliteConnection,
    table: &str,
    key: &str,
    column: &str,
    key_value: &str,
    value: &[u8],
    kind: &str,
) {
    let cast = if kind == "text" { "CAST(? AS TEXT)" } else { "?" };
    let update = format!("UPDATE {table} SET {column} = {cast} WHERE CAST({key} AS TEXT) = ?");
    let done =
        sqlx::query(sqlx::AssertSqlSafe(update)).bind(value).bind(key_value).execute(database).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
}

#[tokio::test]
async fn removed_reordered_and_rolled_back_entries_are_found() {
    for (change, expected) in [
        ("DELETE FROM entries WHERE seq = (SELECT MAX(seq) FROM entries)", "removed"),
        ("DELETE FROM entries WHERE seq = 3", "missing"),
        (
            "UPDATE entries SET seq = -seq WHERE seq IN (3, 4); UPDATE entries SET seq = 7 + seq WHERE seq < 0",
            "entry",
        ),
        ("DELETE FROM checkpoints WHERE size = (SELECT MAX(size) FROM checkpoints)", "no checkpoint"),
        ("DELETE FROM content WHERE rowid = 1", "missing"),
        ("DELETE FROM releases", "tables"),
        ("INSERT INTO tiles VALUES (1, 0, x'00')", "should not be there"),
    ] {
        let world = promoted().await;
        let mut database = open(&world).await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(change.to_owned())).execute(&mut database).await.unwrap();
        let problems = verify(&world, &[]).await.problems;
        assert!(problems.iter().any(|one| one.what.contains(expected)), "{change}: {problems:?}");
    }
}

#[tokio::test]
async fn a_rolled_back_head_is_found_against_a_checkpoint_kept_elsewhere() {
    let world = World::new().await;
    let workspace = world.process(&Plan::none()).await;
    promote(&workspace, &World::request("staging"), None).await.unwrap();
    // A copy of the database, taken before the last promotion, put back after it.
    let copy = world.folder().join("copy.db");
    let mut database = open(&world).await;
    let into = format!("VACUUM INTO '{}'", copy.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut database).await.unwrap();
    promote(&workspace, &World::request("prod"), None).await.unwrap();
    let kept = workspace.store.head().await.unwrap().checkpoint.unwrap();
    let older = lockgate_store::SqliteStore::open(&copy).await.unwrap();
    assert!(ledger::verify(&older, &World::verifier(), &[]).await.unwrap().problems.is_empty());
    let problems = ledger::verify(&older, &World::verifier(), &[kept]).await.unwrap().problems;
    assert!(problems.iter().any(|one| one.what.contains("rolled back")), "{problems:?}");
}
