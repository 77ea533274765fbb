//! Answers questions from the rows and tables.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_model::keyring::MemberRow;
use lockgate_model::ports::{Head, PortError, TileId};
use lockgate_model::projection::{AlertRow, DecisionRow, FeedRow, ForgottenRow, PromotionRow, ReleaseRow};
use lockgate_model::{Digest, Keyring, Service, StageName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::query::QueryScalar;
use sqlx::sqlite::SqliteArguments;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{SqliteStore, project, whole};

/// Pieces of content that one question asks for; SQLite takes 32 766 parameters.
const BLOBS: usize = 500;

impl SqliteStore {
    pub(super) async fn read_head(&self) -> Result<Head, PortError> {
        let select = "SELECT (SELECT COALESCE(MAX(seq) + 1, 0) FROM entries), \
            (SELECT note FROM checkpoints WHERE size = (SELECT MAX(seq) + 1 FROM entries))";
        let row = sqlx::query(select).fetch_one(&self.readers).await.map_err(|error| self.trouble(&error))?;
        let size: i64 = row.try_get(0).map_err(|error| self.trouble(&error))?;
        let checkpoint = row.try_get(1).map_err(|error| self.trouble(&error))?;
        Ok(Head { size: size.unsigned_abs(), checkpoint })
    }

    pub(super) async fn read_entries(&self, from: u64, limit: u32) -> Result<Vec<Bytes>, PortError> {
        // Numbered by their place: a hole in the numbers must not go unseen.
        let rows = sqlx::query("SELECT seq, entry FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?")
            .bind(whole(from))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.trouble(&error))?;
        let mut entries = Vec::new();
        for (expected, row) in (from..).zip(rows) {
            let seq: i64 = row.try_get(0).map_err(|error| self.trouble(&error))?;
            if seq != whole(expected) {
                return Err(self.damaged(&format!("entry {expected} is missing")));
            }
            let entry: Vec<u8> = row.try_get(1).map_err(|error| self.trouble(&error))?;
            entries.push(entry.into());
        }
        Ok(entries)
    }

    pub(super) async fn read_tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Bytes>>, PortError> {
        let mut tiles = Vec::new();
        for id in ids {
            let hashes: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT hashes FROM tiles WHERE level = ? AND idx = ?")
                    .bind(i64::from(id.level))
                    .bind(whole(id.index))
                    .fetch_optional(&self.readers)
                    .await
                    .map_err(|error| self.trouble(&error))?;
            tiles.push(hashes.map(Bytes::from));
        }
        Ok(tiles)
    }

    pub(super) async fn read_tile_ids(&self) -> Result<Vec<TileId>, PortError> {
        let rows = sqlx::query("SELECT level, idx FROM tiles ORDER BY level, idx")
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.trouble(&error))?;
        let id = |row: sqlx::sqlite::SqliteRow| {
            let (level, index): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            Ok(TileId { level: u8::try_from(level).unwrap_or(u8::MAX), index: index.unsigned_abs() })
        };
        rows.into_iter().map(id).collect::<Result<_, _>>().map_err(|error| self.trouble(&error))
    }

    pub(super) async fn read_checkpoints(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, String)>, PortError> {
        let rows = sqlx::query("SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?")
            .bind(whole(after))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.trouble(&error))?;
        let one = |row: sqlx::sqlite::SqliteRow| {
            let size: i64 = row.try_get(0)?;
            Ok((size.unsigned_abs(), row.try_get(1)?))
        };
        rows.into_iter().map(one).collect::<Result<_, _>>().map_err(|error| self.trouble(&error))
    }

    pub(super) async fn read_blob(&self, digest: &Digest) -> Result<Option<Bytes>, PortError> {
        let bytes: Option<Vec<u8>> = sqlx::query_scalar("SELECT bytes FROM content WHERE digest = ?")
            .bind(&digest.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| self.trouble(&error))?;
        Ok(bytes.map(Bytes::from))
    }

    /// Many in one question: thousands are asked for at a time.
    pub(super) async fn read_blobs(&self, digests: &[Digest]) -> Result<Vec<Option<Bytes>>, PortError> {
        let mut found: BTreeMap<Vec<u8>, Bytes> = BTreeMap::new();
        for some in digests.chunks(BLOBS) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT digest, bytes FROM content WHERE digest IN (");
            let mut list = query.separated(", ");
            for digest in some {
                list.push_bind(digest.as_bytes().to_vec());
            }
            query.push(")");
            let rows = query.build().fetch_all(&self.readers).await.map_err(|error| self.trouble(&error))?;
            for row in rows {
                let bytes: Vec<u8> = row.try_get(1).map_err(|error| self.trouble(&error))?;
                found.insert(row.try_get(0).map_err(|error| self.trouble(&error))?, bytes.into());
            }
        }
        Ok(digests.iter().map(|digest| found.get(&digest.as_bytes()[..]).cloned()).collect())
    }

    pub(super) async fn read_blob_digests(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Digest>, PortError> {
        let after = after.map_or(&[][..], |digest| &digest.as_bytes()[..]);
        let digests: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT digest FROM content WHERE digest > ? ORDER BY digest LIMIT ?")
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(&self.readers)
                .await
                .map_err(|error| self.trouble(&error))?;
        let whole = |digest: Vec<u8>| digest.try_into().map(Digest::from_bytes);
        let digests: Result<Vec<_>, _> = digests.into_iter().map(whole).collect();
        digests.map_err(|_| self.damaged("content is filed under something that is not a digest"))
    }

    /// Reads rows that were kept as text.
    async fn rows<T: Serialize + DeserializeOwned>(
        &self,
        query: QueryScalar<'_, Sqlite, String, SqliteArguments>,
    ) -> Result<Vec<T>, PortError> {
        let texts = query.fetch_all(&self.readers).await.map_err(|error| self.trouble(&error))?;
        texts.iter().map(|text| project::row(text).map_err(|reason| self.damaged(&reason))).collect()
    }

    pub(super) async fn read_decisions(
        &self,
        service: Option<&Service>,
    ) -> Result<Vec<DecisionRow>, PortError> {
        let select = "SELECT row FROM decisions WHERE ?1 IS NULL OR service = ?1 ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(service.map(Service::as_str))).await
    }

    pub(super) async fn read_decisions_by_prefix(&self, hex: &str) -> Result<Vec<DecisionRow>, PortError> {
        // `:` follows the digits 0 to 9 and `g` the digits a to f: the range holds exactly the prefix.
        let select = "SELECT row FROM decisions WHERE decision >= ?1 AND decision < ?1 || 'g' ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(format!("sha256:{hex}"))).await
    }

    pub(super) async fn read_decisions_of(&self, artifact: &Digest) -> Result<Vec<DecisionRow>, PortError> {
        let select = "SELECT row FROM decisions WHERE artifact = ? ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(artifact.to_string())).await
    }

    pub(super) async fn read_forgotten(
        &self,
        artifact: Option<&Digest>,
    ) -> Result<Vec<ForgottenRow>, PortError> {
        let select = "SELECT row FROM forgotten WHERE ?1 IS NULL OR artifact = ?1 ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(artifact.map(ToString::to_string))).await
    }

    pub(super) async fn read_promotions(
        &self,
        service: Option<&Service>,
    ) -> Result<Vec<PromotionRow>, PortError> {
        let select = "SELECT row FROM promotions WHERE ?1 IS NULL OR service = ?1 ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(service.map(Service::as_str))).await
    }

    pub(super) async fn read_releases(
        &self,
        service: Option<&Service>,
    ) -> Result<Vec<ReleaseRow>, PortError> {
        let select = "SELECT row FROM releases WHERE ?1 IS NULL OR service = ?1 ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(service.map(Service::as_str))).await
    }

    pub(super) async fn read_release_of(
        &self,
        service: &Service,
        stage: &StageName,
        artifact: &Digest,
    ) -> Result<Option<ReleaseRow>, PortError> {
        let select = "SELECT row FROM releases WHERE service = ? AND stage = ? AND artifact = ? \
            ORDER BY seq DESC LIMIT 1";
        let query =
            sqlx::query_scalar(select).bind(service.as_str()).bind(stage.as_str()).bind(artifact.to_string());
        Ok(self.rows(query).await?.pop())
    }

    pub(super) async fn read_feeds(&self) -> Result<Vec<FeedRow>, PortError> {
        self.rows(sqlx::query_scalar("SELECT row FROM feeds ORDER BY seq")).await
    }
    pub(super) async fn read_keyring(&self) -> Result<Keyring, PortError> {
        let rows: Vec<MemberRow> =
            self.rows(sqlx::query_scalar("SELECT row FROM keyring ORDER BY name")).await?;
        Ok(Keyring::of(rows))
    }

    pub(super) async fn read_alerts(&self, service: Option<&Service>) -> Result<Vec<AlertRow>, PortError> {
        let select = "SELECT row FROM alerts WHERE ?1 IS NULL OR service = ?1 ORDER BY seq";
        self.rows(sqlx::query_scalar(select).bind(service.map(Service::as_str))).await
    }
}
