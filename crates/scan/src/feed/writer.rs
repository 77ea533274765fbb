//! Writes a feed, advisory after advisory, in the order of their ids: the same advisories give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use lockgate_model::{Digest, Hasher, Timestamp, canon};

use super::{
    Advisory, FOOTER, FORMAT, FeedError, FeedHeader, INDEX_ENTRY, POSTING, PackageKey, Sections, record,
};
use crate::version::family;

/// A feed being written to `out`.
pub(super) struct FeedWriter<W> {
    out: W,
    hasher: Hasher,
    at: u64,
    index: BTreeMap<String, Vec<(u64, u64)>>,
    ecosystems: BTreeMap<String, u64>,
    advisories: u64,
    known_exploited: u64,
    newest: Timestamp,
}

impl<W: Write> FeedWriter<W> {
    pub(super) fn new(out: W) -> Result<Self, FeedError> {
        let mut writer = Self {
            out,
            hasher: Hasher::new(),
            at: 0,
            index: BTreeMap::new(),
            ecosystems: BTreeMap::new(),
            advisories: 0,
            known_exploited: 0,
            newest: Timestamp::from_unix(0),
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

    /// Adds an advisory, whose id must be greater than that of the one before.
    pub(super) fn add(&mut self, advisory: &Advisory) -> Result<(), FeedError> {
        self.add_record(&record::write(advisory).map_err(FeedError::Damaged)?)
    }

    /// Adds an advisory by its record.
    pub(super) fn add_record(&mut self, bytes: &[u8]) -> Result<(), FeedError> {
        let damaged = || FeedError::Damaged("a record that was made here".to_owned());
        let (head, parts) = record::head(bytes).zip(record::parts(bytes)).ok_or_else(damaged)?;
        let mut families = BTreeSet::new();
        for (place, named) in parts {
            self.index.entry(key(&named)).or_default().push((self.at, self.at + place as u64));
            families.insert(family(&named.ecosystem).to_owned());
        }
        for family in families {
            *self.ecosystems.entry(family).or_default() += 1;
        }
        self.advisories += 1;
        self.known_exploited += u64::from(head.known_exploited);
        self.newest = self.newest.max(head.modified());
        self.put(bytes)
    }

    /// Writes what finds the advisories. The digest of everything, and what the feed says about itself.
    pub(super) fn finish(
        mut self,
        end_of_life: BTreeMap<String, Timestamp>,
    ) -> Result<(Digest, FeedHeader), FeedError> {
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
        let records_end = self.at;
        self.put(&names)?;
        let names_end = self.at;
        self.put(&postings)?;
        let postings_end = self.at;
        self.put(&entries)?;
        let header = FeedHeader {
            format: FORMAT.to_owned(),
            advisories: self.advisories,
            ecosystems: std::mem::take(&mut self.ecosystems),
            releases: BTreeMap::new(),
            known_exploited: self.known_exploited,
            newest: self.newest,
            end_of_life,
            sources: vec![],
            sections: Sections { records_end, names_end, postings_end, index_end: self.at },
        };
        let bytes = canon::to_bytes(&header).map_err(|error| FeedError::Damaged(error.to_string()))?;
        self.put(&bytes)?;
        let mut footer = (bytes.len() as u64).to_le_bytes().to_vec();
        footer.extend(FOOTER);
        self.put(&footer)?;
        self.out.flush().map_err(|source| FeedError::File { name: "the feed".to_owned(), source })?;
        Ok((self.hasher.finish(), header))
    }
}

/// The key of a package in the index.
pub(super) fn key(package: &PackageKey) -> String {
    let PackageKey { ecosystem, name, binary } = package;
    format!("{ecosystem}\t{}{name}", if *binary { "\t" } else { "" })
}
