//! Applies the changes of entries to the tables, and refuses what would break their rules.

use lockgate_model::keyring::{KeyringChange, MemberRow, Said};
use lockgate_model::projection::{
    AlertRow, Change, Conflict, DecisionRow, FeedRow, ForgottenRow, PromotionRow, PromotionState, ReleaseRow,
    changes,
};
use lockgate_model::{Digest, Entry, Hasher, Keyring, Outcome, Timestamp, canon};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::whole;

/// Why a change was not applied.
pub(super) enum NotApplied {
    /// It would break a rule.
    Conflict(Conflict),
    /// The database failed.
    Sql(sqlx::Error),
    /// A row is not what was written.
    Row(String),
}

impl From<sqlx::Error> for NotApplied {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// A row as the text that is kept.
fn text<T: Serialize>(row: &T) -> Result<String, NotApplied> {
    let bytes = canon::to_bytes(row).map_err(|error| NotApplied::Row(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| NotApplied::Row(error.to_string()))
}

/// A row from the text that was kept.
pub(super) fn row<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, String> {
    canon::from_bytes(text.as_bytes()).map_err(|error| format!("a derived row is damaged: {error}"))
}

pub(super) async fn apply(to: &mut SqliteConnection, change: &Change) -> Result<(), NotApplied> {
    match change {
        Change::AddFeed(feed) => add_feed(to, feed).await,
        Change::AddDecision(decision) => add_decision(to, decision).await,
        Change::OpenPromotion(promotion) => open_promotion(to, promotion).await,
        Change::CompletePromotion { decision, seq, at, actor } => {
            let promotion = close_promotion(to, decision, PromotionState::Done).await?;
            add_release(to, &release(promotion, *seq, *at, actor)).await
        }
        Change::UndoPromotion { decision } => {
            close_promotion(to, decision, PromotionState::Undone).await.map(drop)
        }
        Change::ChangeKeyring { said, change } => change_keyring(to, said, change).await,
        Change::AddAlert(alert) => add_alert(to, alert).await,
        Change::ForgetEvidence(forgotten) => forget_evidence(to, forgotten).await,
    }
}

async fn add_feed(to: &mut SqliteConnection, feed: &FeedRow) -> Result<(), NotApplied> {
    sqlx::query("INSERT OR REPLACE INTO feeds (feed, seq, row) VALUES (?, ?, ?)")
        .bind(feed.feed.to_string())
        .bind(whole(feed.seq))
        .bind(text(feed)?)
        .execute(to)
        .await?;
    Ok(())
}

async fn add_decision(to: &mut SqliteConnection, decision: &DecisionRow) -> Result<(), NotApplied> {
    let insert = "INSERT OR REPLACE INTO decisions (decision, seq, service, outcome, artifact, row) \
        VALUES (?, ?, ?, ?, ?, ?)";
    sqlx::query(insert)
        .bind(decision.decision.to_string())
        .bind(whole(decision.seq))
        .bind(decision.service.as_str())
        .bind(decision.outcome.to_string())
        .bind(decision.artifact.to_string())
        .bind(text(decision)?)
        .execute(to)
        .await?;
    Ok(())
}

/// Its rules look at the whole keyring, which is small.
async fn change_keyring(
    to: &mut SqliteConnection,
    said: &Said,
    change: &KeyringChange,
) -> Result<(), NotApplied> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT row FROM keyring").fetch_all(&mut *to).await?;
    let rows: Result<Vec<MemberRow>, String> = rows.iter().map(|text| row(text)).collect();
    let mut keyring = Keyring::of(rows.map_err(NotApplied::Row)?);
    let changed = keyring.apply(said, change).map_err(|refusal| NotApplied::Conflict(refusal.into()))?;
    for member in changed.iter().filter_map(|name| keyring.get(name)) {
        sqlx::query("INSERT OR REPLACE INTO keyring (name, seq, row) VALUES (?, ?, ?)")
            .bind(member.name())
            .bind(whole(member.changed))
            .bind(text(member)?)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

async fn add_alert(to: &mut SqliteConnection, alert: &AlertRow) -> Result<(), NotApplied> {
    sqlx::query("INSERT INTO alerts (seq, service, row) VALUES (?, ?, ?)")
        .bind(whole(alert.seq))
        .bind(alert.alert.service.as_str())
        .bind(text(alert)?)
        .execute(to)
        .await?;
    Ok(())
}

/// A Decision that was judged by an older keyring authorises nothing: between the two a key may have been revoked.
async fn check_keyring(
    to: &mut SqliteConnection,
    decision: &Digest,
    row_text: &str,
) -> Result<(), NotApplied> {
    let judged: DecisionRow = row(row_text).map_err(NotApplied::Row)?;
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(seq) FROM keyring").fetch_one(to).await?;
    match (judged.ledger_size, last) {
        (Some(size), Some(last)) if last.unsigned_abs() >= size => {
            let (decision, by) = (*decision, last.unsigned_abs());
            Err(NotApplied::Conflict(Conflict::KeyringChanged { decision, by }))
        }
        _ => Ok(()),
    }
}

async fn open_promotion(to: &mut SqliteConnection, promotion: &PromotionRow) -> Result<(), NotApplied> {
    let intent = &promotion.intent;
    let decision = intent.decision.to_string();
    let proceed = "SELECT row FROM decisions WHERE decision = ? AND outcome = ?";
    let permit: Option<String> = sqlx::query_scalar(proceed)
        .bind(&decision)
        .bind(Outcome::Proceed.to_string())
        .fetch_optional(&mut *to)
        .await?;
    let permit = permit.ok_or(NotApplied::Conflict(Conflict::NoPermit(intent.decision)))?;
    check_keyring(to, &intent.decision, &permit).await?;
    let used: Option<i64> = sqlx::query_scalar("SELECT seq FROM promotions WHERE decision = ?")
        .bind(&decision)
        .fetch_optional(&mut *to)
        .await?;
    if used.is_some() {
        return Err(NotApplied::Conflict(Conflict::PermitSpent(intent.decision)));
    }
    let open = "SELECT row FROM promotions WHERE service = ? AND stage = ? AND state = 'open'";
    let other: Option<String> = sqlx::query_scalar(open)
        .bind(intent.service.as_str())
        .bind(intent.to.as_str())
        .fetch_optional(&mut *to)
        .await?;
    if let Some(other) = other {
        let other: PromotionRow = row(&other).map_err(NotApplied::Row)?;
        let (service, stage, by) = (intent.service.clone(), intent.to.clone(), other.intent.decision);
        return Err(NotApplied::Conflict(Conflict::PromotionOpen { service, stage, by }));
    }
    let insert =
        "INSERT INTO promotions (decision, seq, service, stage, state, row) VALUES (?, ?, ?, ?, 'open', ?)";
    sqlx::query(insert)
        .bind(&decision)
        .bind(whole(promotion.seq))
        .bind(intent.service.as_str())
        .bind(intent.to.as_str())
        .bind(text(promotion)?)
        .execute(to)
        .await?;
    Ok(())
}

async fn forget_evidence(to: &mut SqliteConnection, forgotten: &ForgottenRow) -> Result<(), NotApplied> {
    let (decision, artifact) = (forgotten.what.decision, forgotten.what.artifact);
    let recorded: Option<String> = sqlx::query_scalar("SELECT row FROM decisions WHERE decision = ?")
        .bind(decision.to_string())
        .fetch_optional(&mut *to)
        .await?;
    let recorded: Option<DecisionRow> = recorded.as_deref().map(row).transpose().map_err(NotApplied::Row)?;
    if recorded.is_none_or(|recorded| recorded.artifact != artifact) {
        return Err(NotApplied::Conflict(Conflict::NotSeen { decision, artifact }));
    }
    sqlx::query("INSERT INTO forgotten (seq, artifact, row) VALUES (?, ?, ?)")
        .bind(whole(forgotten.seq))
        .bind(artifact.to_string())
        .bind(text(forgotten)?)
        .execute(to)
        .await?;
    Ok(())
}

async fn close_promotion(
    to: &mut SqliteConnection,
    decision: &Digest,
    state: PromotionState,
) -> Result<PromotionRow, NotApplied> {
    let open: Option<String> =
        sqlx::query_scalar("SELECT row FROM promotions WHERE decision = ? AND state = 'open'")
            .bind(decision.to_string())
            .fetch_optional(&mut *to)
            .await?;
    let open = open.ok_or(NotApplied::Conflict(Conflict::NotOpen(*decision)))?;
    let mut promotion: PromotionRow = row(&open).map_err(NotApplied::Row)?;
    promotion.state = state;
    let word = if state == PromotionState::Done { "done" } else { "undone" };
    sqlx::query("UPDATE promotions SET state = ?, row = ? WHERE decision = ?")
        .bind(word)
        .bind(text(&promotion)?)
        .bind(decision.to_string())
        .execute(to)
        .await?;
    Ok(promotion)
}

fn release(promotion: PromotionRow, seq: u64, at: Timestamp, actor: &str) -> ReleaseRow {
    let intent = promotion.intent;
    ReleaseRow {
        seq,
        at,
        actor: actor.to_owned(),
        service: intent.service,
        stage: intent.to,
        artifact: intent.artifact.digest,
        repository: intent.target,
        tag: intent.tag,
        decision: intent.decision,
    }
}

async fn add_release(to: &mut SqliteConnection, release: &ReleaseRow) -> Result<(), NotApplied> {
    sqlx::query("INSERT INTO releases (seq, service, stage, artifact, row) VALUES (?, ?, ?, ?, ?)")
        .bind(whole(release.seq))
        .bind(release.service.as_str())
        .bind(release.stage.as_str())
        .bind(release.artifact.to_string())
        .bind(text(release)?)
        .execute(to)
        .await?;
    Ok(())
}

/// Applies the changes of the entry at `seq`.
pub(super) async fn derive(to: &mut SqliteConnection, seq: u64, entry: &[u8]) -> Result<(), String> {
    let entry = Entry::decode(entry).map_err(|error| format!("entry {seq}: {error}"))?;
    for change in changes(seq, &entry) {
        apply(to, &change).await.map_err(|error| match error {
            NotApplied::Conflict(conflict) => format!("entry {seq}: {conflict}"),
            NotApplied::Sql(error) => format!("entry {seq}: {error}"),
            NotApplied::Row(reason) => format!("entry {seq}: {reason}"),
        })?;
    }
    Ok(())
}

/// Every derived table, with what makes its order and columns.
const TABLES: [(&str, &str); 7] = [
    ("DELETE FROM feeds", "SELECT feed, CAST(seq AS TEXT), row FROM feeds ORDER BY feed"),
    (
        "DELETE FROM decisions",
        "SELECT decision, CAST(seq AS TEXT), service, outcome, artifact, row FROM decisions ORDER BY decision",
    ),
    (
        "DELETE FROM promotions",
        "SELECT decision, CAST(seq AS TEXT), service, stage, state, row FROM promotions ORDER BY decision",
    ),
    (
        "DELETE FROM releases",
        "SELECT CAST(seq AS TEXT), service, stage, artifact, row FROM releases ORDER BY releases.seq",
    ),
    ("DELETE FROM keyring", "SELECT name, CAST(seq AS TEXT), row FROM keyring ORDER BY name"),
    (
        "DELETE FROM forgotten",
        "SELECT CAST(seq AS TEXT), artifact, row FROM forgotten ORDER BY forgotten.seq",
    ),
    ("DELETE FROM alerts", "SELECT CAST(seq AS TEXT), service, row FROM alerts ORDER BY alerts.seq"),
];

/// Empties the derived tables.
pub(super) async fn clear(to: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for (delete, _) in TABLES {
        sqlx::query(delete).execute(&mut *to).await?;
    }
    Ok(())
}

/// A digest over every column of every derived row.
pub(super) async fn dump(from: &mut SqliteConnection) -> Result<Digest, sqlx::Error> {
    let mut hasher = Hasher::new();
    for (_, select) in TABLES {
        for row in sqlx::query(select).fetch_all(&mut *from).await? {
            for column in 0..row.len() {
                let text: Vec<u8> = row.try_get_unchecked(column)?;
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(&text);
            }
        }
        hasher.update(b"table");
    }
    Ok(hasher.finish())
}
