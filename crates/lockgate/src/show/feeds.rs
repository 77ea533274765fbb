//! Feeds, and what changed between them.

use std::collections::BTreeSet;

use lockgate_engine::affected::Affected;
use lockgate_model::feed::FeedStep;
use lockgate_model::projection::FeedRow;
use lockgate_model::{Digest, Timestamp};
use lockgate_scan::feed::{FeedChange, Loss};
use lockgate_scan::{FeedHeader, FeedSource, FeedSummary};

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
    if let Some(reason) = &row.reason {
        say!("reason      {reason}");
    }
    for lost in &row.lost {
        say!("  lost      {lost}");
    }
    say!("advisories  {} ({} known to be exploited)", header.advisories, header.known_exploited);
    say!("newest      {}", header.newest);
    let counts = if header.releases.is_empty() { &header.ecosystems } else { &header.releases };
    for (ecosystem, count) in counts {
        say!("  {ecosystem:<12}  {count}");
    }
    if header.sources.is_empty() {
        say!("Its format is an earlier one: where it came from and how old that is, it does not say.");
        return;
    }
    let rows: Vec<_> = header.sources.iter().map(source).collect();
    table(&["source", "fetched", "newest record", "advisories", "without versions", "refused"], &rows);
}

fn source(source: &FeedSource) -> Vec<String> {
    let date = |date: Option<Timestamp>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    let fetched = match (source.fetched, source.claimed) {
        (Some(fetched), true) => format!("{fetched} (claimed)"),
        (fetched, _) => date(fetched),
    };
    let counts = [source.advisories, source.without_ranges, source.refused].map(|count| count.to_string());
    [vec![source.name.clone(), fetched, date(source.newest)], counts.to_vec()].concat()
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
                let vulnerabilities = if package.vulnerabilities.is_empty() {
                    "-".to_owned()
                } else {
                    list(&package.vulnerabilities)
                };
                vec![
                    package.name.clone(),
                    package.version.clone(),
                    vulnerabilities,
                    list(&package.advisories),
                ]
            })
            .collect();
        table(&["package", "version", "vulnerabilities", "changed advisories"], &rows);
    }
    for artifact in &found.unread {
        say!("not read whole, so it may have any package: {artifact}");
    }
}

/// Prints what became of an import.
pub fn imported(digest: &Digest, summary: &FeedSummary, change: &FeedChange) {
    say!("imported {digest}");
    say!(
        "{} advisories, {} withdrawn ones left out, {} known to be exploited",
        summary.header.advisories,
        summary.withdrawn,
        summary.header.known_exploited
    );
    if summary.withdrawn_elsewhere > 0 {
        say!(
            "{} advisories left out, or cut, that only repeat what its own database withdrew",
            summary.withdrawn_elsewhere
        );
    }
    if summary.kev_read > 0 {
        say!("read {} vulnerabilities known to be exploited (KEV)", summary.kev_read);
    }
    if summary.epss_read > 0 {
        say!("read {} probabilities of exploitation (EPSS)", summary.epss_read);
    }
    if summary.refused_count > 0 {
        say!("{} records were refused:", summary.refused_count);
        for refused in &summary.refused {
            say!("  {}: {}", refused.place, refused.reason);
        }
    }
    feed_change(&summary.header, change);
}

/// Prints what a feed has more and less than the one before it, and what is wrong with its sources.
pub fn feed_change(header: &FeedHeader, change: &FeedChange) {
    for (ecosystem, FeedStep { before, now }) in &change.steps {
        match (before, now) {
            (0, now) => say!("gained {ecosystem}: {now} advisories"),
            (before, 0) => say!("lost {ecosystem}: it had {before} advisories"),
            (before, now) => say!("{ecosystem}: {now} advisories, {before} before"),
        }
    }
    for loss in &change.losses {
        if !matches!(loss, Loss::Ecosystem { .. }) {
            say!("lost, with a reason: {loss}");
        }
    }
    for (ecosystem, count) in header.unordered() {
        say!(
            "{count} advisories about {ecosystem} match exact versions only: how its versions are ordered is not known"
        );
    }
    for source in &header.sources {
        let name = &source.name;
        if source.fetched.is_none() {
            say!(
                "undated: nobody knows when `{name}` was fetched, so no stage is passed by it that asks for the age of \
                 feeds; import it with --fetched INSTANT"
            );
        }
        if source.without_ranges > 0 {
            say!(
                "{} of {} advisories of `{name}` name no version and can match nothing",
                source.without_ranges,
                source.advisories
            );
        }
        if source.future_dates > 0 {
            say!(
                "{} records of `{name}` have a date in the future, which is not believed",
                source.future_dates
            );
        }
    }
}
