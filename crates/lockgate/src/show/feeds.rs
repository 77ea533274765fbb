//! Feeds, and what they say about an image.

use std::collections::BTreeSet;

use lockgate_engine::affected::Affected;
use lockgate_engine::scan::Scanned;
use lockgate_model::Digest;
use lockgate_model::projection::FeedRow;
use lockgate_scan::{FeedHeader, FeedSummary};

use super::table::table;

/// Prints the imported feeds.
pub fn feeds(rows: &[FeedRow]) {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                row.feed.short(),
                row.at.to_string(),
                row.advisories.to_string(),
                row.newest.to_string(),
                row.sources.join(" "),
            ]
        })
        .collect();
    table(&["feed", "imported", "advisories", "newest", "from"], &cells);
}

/// Prints one feed.
pub fn feed(row: &FeedRow, header: &FeedHeader) {
    say!("feed        {}", row.feed);
    say!("imported    {} by {}", row.at, row.actor);
    say!("from        {}", row.sources.join(" "));
    say!("advisories  {} ({} known to be exploited)", header.advisories, header.known_exploited);
    say!("newest      {}", header.newest);
    for (ecosystem, count) in &header.ecosystems {
        say!("  {ecosystem:<12}  {count}");
    }
}

/// Prints the artifacts that a step between feeds touches, with their packages.
pub fn affected(found: &Affected) {
    for one in &found.artifacts {
        let services: Vec<_> = one.services.iter().map(ToString::to_string).collect();
        let held: Vec<_> = one.held.iter().map(|(_, stage)| stage.to_string()).collect();
        let held = if held.is_empty() { "held by no stage".to_owned() } else { held.join(", ") };
        say!("{}  {}  {}", one.artifact.short(), services.join(", "), held);
        let list = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(" ");
        let rows: Vec<_> = one
            .packages
            .iter()
            .map(|package| {
                let holes = if package.holes.is_empty() { "-".to_owned() } else { list(&package.holes) };
                vec![package.name.clone(), package.version.clone(), holes, list(&package.advisories)]
            })
            .collect();
        table(&["package", "version", "holes", "changed advisories"], &rows);
    }
    for artifact in &found.unread {
        say!("not read whole, so it may have any package: {artifact}");
    }
}

/// Prints what became of an import.
pub fn imported(digest: &Digest, summary: &FeedSummary) {
    say!("imported {digest}");
    say!(
        "{} advisories, {} withdrawn ones left out, {} known to be exploited",
        summary.header.advisories,
        summary.withdrawn,
        summary.header.known_exploited
    );
    if summary.refused_count > 0 {
        say!("{} records were refused:", summary.refused_count);
        for refused in &summary.refused {
            say!("  {}: {}", refused.place, refused.reason);
        }
    }
}

/// Prints what was found in an image. `all` prints packages without holes too.
pub fn scanned(scanned: &Scanned, all: bool) {
    say!("{}", scanned.artifact.digest);
    for image in &scanned.images {
        let Some(inventory) = &image.inventory else { continue };
        let distribution = inventory.distribution.as_ref();
        let distribution = distribution.map_or(String::new(), |one| format!(", {} {}", one.id, one.version));
        say!(
            "\n{}{distribution}: {} packages, {} known holes",
            if image.platform.is_empty() { "image" } else { &image.platform },
            inventory.packages.len(),
            image.matches.len()
        );
        let mut rows = Vec::new();
        for hole in &image.matches {
            let Some(package) = inventory.packages.get(hole.package) else { continue };
            rows.push(vec![
                package.name.clone(),
                package.version.clone(),
                hole.fixed.clone().unwrap_or_else(|| "-".to_owned()),
                hole.severity.to_string(),
                hole.id.clone(),
                package.layer.short(),
            ]);
        }
        if !rows.is_empty() {
            table(&["package", "installed", "fixed", "severity", "id", "layer"], &rows);
        }
        if all {
            let packages: Vec<_> = inventory
                .packages
                .iter()
                .map(|one| {
                    vec![
                        one.name.clone(),
                        one.version.clone(),
                        one.ecosystem.clone(),
                        one.licenses.join(", "),
                        one.path.clone(),
                    ]
                })
                .collect();
            table(&["package", "version", "ecosystem", "licences", "path"], &packages);
        }
        for unread in &inventory.unread {
            say!("not read: {} in layer {}: {}", unread.path, unread.layer.short(), unread.reason);
        }
        for one in &image.uncomparable {
            say!("not comparable: {one}");
        }
    }
    for unread in &scanned.unread {
        say!("not read: {unread}");
    }
}
