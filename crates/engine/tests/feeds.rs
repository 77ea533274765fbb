//! Feeds as the engine takes them: none claims to have been fetched later than it was imported.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use lockgate_engine::feed::{Import, import};
use lockgate_engine::{EngineError, Workspace};
use lockgate_model::Timestamp;
use lockgate_model::feed::FeedOrigin;
use lockgate_scan::FeedBuilder;
use sim::Plan;
use world::World;

mod sim;
mod world;

/// How many feeds were imported.
async fn feeds(workspace: &Workspace) -> usize {
    workspace.store.feeds().await.unwrap().len()
}

#[tokio::test]
async fn a_feed_that_was_fetched_tomorrow_is_not_imported() {
    let world = World::new().await;
    let workspace = world.process(&Plan::none()).await;
    let before = feeds(&workspace).await;
    let now = workspace.clock.now();
    for (later, refused) in [(1, true), (86_400, true), (0, false)] {
        let mut feed = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        let record = r#"{"id":"A-2","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.22","name":"x"},"versions":["9"]}]}"#;
        feed.source(FeedOrigin { fetched: Some(now.plus_seconds(later)), ..world::fetched() });
        feed.add("feed", std::io::Cursor::new(record)).unwrap();
        let bytes = std::sync::Arc::new(bytes::Bytes::from(feed.finish().unwrap().0));
        let imported =
            import(&workspace, bytes, Import { reason: Some("a test".into()), ..Import::default() }).await;
        assert_eq!(matches!(imported, Err(EngineError::FeedOfTomorrow { .. })), refused, "{later}");
        let kept = feeds(&workspace).await;
        assert_eq!(kept == before, refused, "{later}");
    }
}
