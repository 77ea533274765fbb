//! Writes a feed, advisory after advisory, in the order of their ids: the same advisories give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use lockgate_model::{Digest, Hasher, Timestamp, canon};

use super::contributions::Entry;
use super::facts::{self, Facts};
use super::{
    FOOTER, FORMAT, FeedError, FeedHeader, FeedSource, INDEX_ENTRY, POSTING, PackageKey, Sections, record,
};
use crate::version::family;

/// A feed being written to `out`: records first, then contributions, then [`FeedWriter::finish`].
pub(super) struct FeedWriter<W> {
    out: W,
    hasher: Hasher,
    at: u64,
    index: BTreeMap<String, Vec<(u64, u64)>>,
    /// What each source brought, by its place.
    sources: Vec<FeedSource>,
    ecosystems: BTreeMap<String, u64>,
    releases: BTreeMap<String, u64>,
    advisories: u64,
    known_exploited: u64,
    records_end: Option<u64>,
}

impl<W: Write> FeedWriter<W> {
    /// Nothing written yet. `sources` says of each source what does not follow from its advisories, by name.
    pub(super) fn new(out: W, sources: Vec<FeedSource>) -> Result<Self, FeedError> {
        let mut writer = Self {
            out,
            hasher: Hasher::new(),
            at: 0,
            index: BTreeMap::new(),
            sources,
            ecosystems: BTreeMap::new(),
            releases: BTreeMap::new(),
            advisories: 0,
            known_exploited: 0,
            records_end: None,
        };
        writer.put(format!("{FORMAT}\n").as_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FeedError> {
        let file = |source: io::Error| FeedError::File { name: "the feed".to_owned(), source };
        self.out.write_all(bytes).map_err(file)?;
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds an advisory by its record, whose id must be greater than that of the one before. `by` are the sources that gave
    /// just this; none, where what they gave follows among the contributions.
    pub(super) fn record(&mut self, bytes: &[u8], head: &record::Head, by: &[u32]) -> Result<(), FeedError> {
        let parts = record::parts(bytes).ok_or_else(damaged)?;
        let (mut families, mut releases) = (BTreeSet::new(), BTreeSet::new());
        for part in parts {
            self.index.entry(key(&part.key)).or_default().push((self.at, self.at + part.at as u64));
            if part.says_something {
                families.insert(family(&part.key.ecosystem).to_owned());
                releases.insert(part.key.ecosystem);
            }
        }
        for family in families {
            *self.ecosystems.entry(family).or_default() += 1;
        }
        for source in by {
            self.brought(*source, &releases, by.len() == 1)?;
        }
        for release in releases {
            *self.releases.entry(release).or_default() += 1;
        }
        self.advisories += 1;
        self.known_exploited += u64::from(head.known_exploited);
        self.put(bytes)
    }

    /// Adds which sources gave an advisory: in the order of ids. `bytes` is what they gave, where it is not the record of that
    /// id.
    pub(super) fn contribution(
        &mut self,
        id: &str,
        sources: &[u32],
        bytes: Option<&[u8]>,
    ) -> Result<(), FeedError> {
        self.records_end.get_or_insert(self.at);
        let entry = Entry { id: id.to_owned(), sources: sources.to_vec(), follows: bytes.is_some() };
        self.put(&record::entry(&entry).map_err(FeedError::Damaged)?)?;
        let Some(bytes) = bytes else { return Ok(()) };
        let parts = record::parts(bytes).ok_or_else(damaged)?;
        let telling = parts.into_iter().filter(|part| part.says_something);
        let releases: BTreeSet<String> = telling.map(|part| part.key.ecosystem).collect();
        for source in sources {
            self.brought(*source, &releases, false)?;
        }
        self.put(bytes)
    }

    fn brought(&mut self, source: u32, releases: &BTreeSet<String>, alone: bool) -> Result<(), FeedError> {
        let place = usize::try_from(source).unwrap_or(usize::MAX);
        let source = self.sources.get_mut(place).ok_or_else(damaged)?;
        source.advisories += 1;
        source.without_ranges += u64::from(releases.is_empty());
        for release in releases {
            *source.ecosystems.entry(release.clone()).or_default() += 1;
            if alone {
                *source.alone.entry(release.clone()).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Writes what the sources say by name, and what finds the advisories. The digest of everything, and what the feed
    /// says about itself.
    pub(super) fn finish(mut self, facts: &[&Facts]) -> Result<(Digest, FeedHeader), FeedError> {
        let records_end = *self.records_end.get_or_insert(self.at);
        let contributions_end = self.at;
        let said = postcard::to_allocvec(facts).map_err(|error| FeedError::Damaged(error.to_string()))?;
        self.put(&said)?;
        drop(said);
        let facts_end = self.at;
        let (names_end, postings_end) = self.index()?;
        let newest = self.sources.iter().filter_map(|source| source.newest).max();
        let fetched = || self.sources.iter().filter_map(|source| source.fetched).max();
        let header = FeedHeader {
            format: FORMAT.to_owned(),
            advisories: self.advisories,
            ecosystems: std::mem::take(&mut self.ecosystems),
            releases: std::mem::take(&mut self.releases),
            known_exploited: self.known_exploited,
            newest: newest.or_else(fetched).unwrap_or(Timestamp::from_unix(0)),
            end_of_life: facts::ends(facts.iter().copied()),
            sources: std::mem::take(&mut self.sources),
            sections: Sections {
                records_end,
                contributions_end: Some(contributions_end),
                facts_end: Some(facts_end),
                names_end,
                postings_end,
                index_end: self.at,
            },
        };
        let bytes = canon::to_bytes(&header).map_err(|error| FeedError::Damaged(error.to_string()))?;
        self.put(&bytes)?;
        let mut footer = (bytes.len() as u64).to_le_bytes().to_vec();
        footer.extend(FOOTER);
        self.put(&footer)?;
        self.out.flush().map_err(|source| FeedError::File { name: "the feed".to_owned(), source })?;
        Ok((self.hasher.finish(), header))
    }

    /// Writes names, postings and index: where the first two end.
    fn index(&mut self) -> Result<(u64, u64), FeedError> {
        let index = std::mem::take(&mut self.index);
        let (mut names, mut postings, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for (key, places) in index {
            entries.extend((names.len() as u64).to_le_bytes());
            entries.extend((key.len() as u64).to_le_bytes());
            entries.extend(((postings.len() / POSTING) as u64).to_le_bytes());
            entries.extend((places.len() as u64).to_le_bytes());
            names.extend(key.into_bytes());
            for (record, part) in places {
                postings.extend(record.to_le_bytes());
                postings.extend(part.to_le_bytes());
            }
        }
        debug_assert_eq!(entries.len() % INDEX_ENTRY, 0);
        self.put(&names)?;
        let names_end = self.at;
        self.put(&postings)?;
        let postings_end = self.at;
        self.put(&entries)?;
        Ok((names_end, postings_end))
    }
}

fn damaged() -> FeedError {
    FeedError::Damaged("a record that was made here".to_owned())
}

/// The key of a package in the index.
pub(super) fn key(package: &PackageKey) -> String {
    let PackageKey { ecosystem, name, binary } = package;
    format!("{ecosystem}\t{}{name}", if *binary { "\t" } else { "" })
}
