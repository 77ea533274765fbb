//! What each source says in each advisory, as it gave it. What several sources say alike lies once.

use std::cmp::Ordering;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::record::{self, Head, Layout, Walk};
use super::{Feed, FeedError, damaged};

/// What stands before a contribution that is not of one source alone, or not what is judged by.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: String,
    /// The places of the sources that gave it, ascending.
    pub(super) sources: Vec<u32>,
    /// Whether the record follows; else it is the one among the advisories, without what others know.
    pub(super) follows: bool,
}

/// A record and its head.
pub(super) type Bare = (Head, Vec<u8>);

/// Contributions in the order of ids, then of sources.
pub(super) struct Contributions<'a> {
    layout: Layout,
    records: Walk<'a>,
    shared: Walk<'a>,
    record: Option<Bare>,
    entry: Option<(Entry, Option<Bare>)>,
    waiting: VecDeque<Bare>,
}

impl<'a> Contributions<'a> {
    /// Those of a feed; none of one that does not remember its sources.
    pub(super) fn of(feed: &'a Feed, begin: u64) -> Self {
        let (records_end, contributions_end, _) = feed.ends;
        let end = if feed.remembers_sources() { records_end } else { begin };
        Self {
            layout: feed.layout,
            records: Walk::new(&*feed.bytes, feed.layout, begin, end),
            shared: Walk::new(&*feed.bytes, feed.layout, records_end, contributions_end),
            record: None,
            entry: None,
            waiting: VecDeque::new(),
        }
    }

    /// The next one; nothing at the end.
    fn step(&mut self) -> Result<Option<Bare>, FeedError> {
        loop {
            if let Some(one) = self.waiting.pop_front() {
                return Ok(Some(one));
            }
            self.fill()?;
            let order = match (&self.record, &self.entry) {
                (Some((record, _)), Some((entry, _))) => record.id.cmp(&entry.id),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(None),
            };
            let record = if order.is_le() { self.record.take() } else { None };
            if order.is_ge() {
                self.expand(record.as_ref())?;
            } else if let Some(one) = record.filter(|(head, _)| head.source != record::SEVERAL) {
                return Ok(Some(one));
            }
        }
    }

    fn fill(&mut self) -> Result<(), FeedError> {
        if self.record.is_none() {
            self.record = self.records.bare().transpose()?;
        }
        if self.entry.is_none() {
            self.entry = match self.layout {
                Layout::Fifth => self.shared.entry().transpose()?,
                Layout::Third | Layout::Fourth => self.shared.bare().transpose()?.map(|(head, bytes)| {
                    let entry = Entry { id: head.id.clone(), sources: vec![head.source], follows: true };
                    (entry, Some((head, bytes)))
                }),
            };
        }
        Ok(())
    }

    /// Takes all contributions under the id of the present entry, one for each source.
    fn expand(&mut self, record: Option<&Bare>) -> Result<(), FeedError> {
        let mut all = Vec::new();
        let id = self.entry.as_ref().map(|(entry, _)| entry.id.clone()).unwrap_or_default();
        while let Some((entry, own)) = self.entry.take_if(|(entry, _)| entry.id == id) {
            let (head, bytes) = own.as_ref().or(record).ok_or_else(|| damaged("what a source says"))?;
            for source in entry.sources {
                let mut head = head.clone();
                head.source = source;
                all.push((head, bytes.clone()));
            }
            self.fill()?;
        }
        all.sort_by_key(|(head, _)| head.source);
        self.waiting.extend(all);
        Ok(())
    }
}

impl Iterator for Contributions<'_> {
    type Item = Result<Bare, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().transpose();
        if let Some(Err(_)) = next {
            // What is damaged ends it.
            (self.record, self.entry) = (None, None);
            (self.records, self.shared) = (self.records.ended(), self.shared.ended());
        }
        next
    }
}
