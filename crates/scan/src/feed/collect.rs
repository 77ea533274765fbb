//! What an import has read so far: records in a spool (a file, as a rule, so that memory does not grow with them), by id
//! and source. What comes out is the same in whatever order records, files and sources came.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};

use lockgate_model::feed::FeedOrigin;
use lockgate_model::{Digest, Severity, Timestamp};

use super::facts::Facts;
use super::name::Name;
use super::withdrawn::{Fate, Withdrawn};
use super::writer::FeedWriter;
use super::{Advisory, Feed, FeedError, FeedHeader, FeedSource, record};

/// How far a record's date may be after the import: clocks differ. What is later has no date that could be believed.
const AHEAD: i64 = 86_400;

/// A record in the spool.
struct Spooled {
    place: u64,
    length: u32,
    /// Its source, in the order in which they came.
    source: u32,
    modified: Timestamp,
    /// What other sources say under the same id.
    #[expect(clippy::box_collection, reason = "hundreds of thousands of records are of one source only")]
    more: Option<Box<Vec<Spooled>>>,
}

/// What one source brought, as far as it does not follow from its records.
struct Brought {
    /// What its name, its date and its counts are.
    said: FeedSource,
    facts: Facts,
    /// The oldest of the dates that its documents have; and whether one has none.
    dated: Option<Timestamp>,
    undated: bool,
}

/// Records by id and source, and what sources say by name.
pub(super) struct Collected<S> {
    spool: S,
    written: u64,
    now: Timestamp,
    records: BTreeMap<Box<str>, Spooled>,
    sources: Vec<Brought>,
    /// Facts of no source.
    nobodys: Facts,
}

/// How somebody rated a vulnerability.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rating {
    severity: Severity,
    tenths: Option<u8>,
}

impl<S: Read + Write + Seek> Collected<S> {
    pub(super) fn new(spool: S, now: Timestamp) -> Self {
        Self {
            spool,
            written: 0,
            now,
            records: BTreeMap::new(),
            sources: Vec::new(),
            nobodys: Facts::default(),
        }
    }

    /// The place of a source, which is new when nothing was read of it. Of two dates of one source the older one counts.
    pub(super) fn source(&mut self, origin: &FeedOrigin) -> u32 {
        let known = self.sources.iter_mut().position(|one| one.said.name == origin.name);
        let place = known.unwrap_or(self.sources.len());
        match self.sources.get_mut(place) {
            Some(one) if origin.fetched < one.said.fetched => {
                (one.said.fetched, one.said.claimed) = (origin.fetched, origin.claimed);
            }
            Some(_) => {}
            None => {
                let FeedOrigin { name, fetched, claimed } = origin.clone();
                let said = FeedSource { name, fetched, claimed, ..FeedSource::default() };
                self.sources.push(Brought { said, facts: Facts::default(), dated: None, undated: false });
            }
        }
        u32::try_from(place).unwrap_or(record::SEVERAL)
    }

    fn brought(&mut self, source: u32) -> Option<&mut Brought> {
        self.sources.get_mut(usize::try_from(source).ok()?)
    }

    /// Notes the date that a document has of itself: none, when none can be believed.
    pub(super) fn dated(&mut self, source: u32, date: Option<Timestamp>) {
        let now = self.now;
        let Some(brought) = self.brought(source) else { return };
        match date.filter(|date| *date <= now) {
            Some(date) => brought.dated = Some(brought.dated.map_or(date, |known| known.min(date))),
            None => brought.undated = true,
        }
    }

    /// Notes the date of a record, whether it is kept or was withdrawn; the date to keep it by.
    pub(super) fn date(&mut self, source: u32, modified: Timestamp) -> Timestamp {
        let now = self.now;
        if let Some(Brought { said, .. }) = self.brought(source) {
            if modified > said.fetched.unwrap_or(now).min(now) {
                said.future_dates += 1;
            } else {
                said.newest = said.newest.max(Some(modified));
            }
        }
        if modified > now.plus_seconds(AHEAD) { Timestamp::from_unix(0) } else { modified }
    }

    pub(super) fn refused(&mut self, source: u32) {
        if let Some(brought) = self.brought(source) {
            brought.said.refused += 1;
        }
    }

    /// What a source says by name; of none that is known, what nobody reads.
    pub(super) fn facts(&mut self, source: u32) -> &mut Facts {
        let known = usize::try_from(source).ok().filter(|place| *place < self.sources.len());
        match known.and_then(|place| self.sources.get_mut(place)) {
            Some(brought) => &mut brought.facts,
            None => &mut self.nobodys,
        }
    }

    /// How many vulnerabilities are known to be exploited and how many have a probability, by the sources in `names`.
    pub(super) fn counts(&self, names: &BTreeSet<String>) -> (u64, u64) {
        let of = self.sources.iter().filter(|one| names.contains(&one.said.name));
        of.fold((0, 0), |(exploited, likely), one| {
            (exploited + one.facts.exploited.len() as u64, likely + one.facts.probabilities.len() as u64)
        })
    }

    /// Keeps a record of a source. Of two of one source with one id the later one counts; two of one date are parts of one,
    /// as in dumps that are split by ecosystem. Their order does not matter.
    pub(super) fn keep(&mut self, source: u32, advisory: &Advisory) -> Result<(), FeedError> {
        let known = self.records.get(advisory.id.as_str()).and_then(|first| of(first, source));
        match known.map(|known| (known.modified.cmp(&advisory.modified), known.place, known.length)) {
            Some((Ordering::Greater, ..)) => Ok(()),
            Some((Ordering::Equal, place, length)) => {
                let other = self.advisory(place, length)?;
                self.spool.seek(SeekFrom::Start(self.written)).map_err(spool)?;
                if other == *advisory { Ok(()) } else { self.put(source, &merged(&other, advisory)) }
            }
            Some((Ordering::Less, ..)) | None => self.put(source, advisory),
        }
    }

    fn put(&mut self, source: u32, advisory: &Advisory) -> Result<(), FeedError> {
        let bytes = record::write(advisory).map_err(FeedError::Damaged)?;
        self.put_bytes(source, &advisory.id, advisory.modified, &bytes)
    }

    fn put_bytes(
        &mut self,
        source: u32,
        id: &str,
        modified: Timestamp,
        bytes: &[u8],
    ) -> Result<(), FeedError> {
        let length =
            u32::try_from(bytes.len()).map_err(|_| spool(io::Error::other("a record is too large")))?;
        let place = if let Some(place) = self.place_of(id, bytes, length)? {
            place
        } else {
            self.spool.write_all(bytes).map_err(spool)?;
            self.written += u64::from(length);
            self.written - u64::from(length)
        };
        let mut spooled = Spooled { place, length, source, modified, more: None };
        match self.records.get_mut(id) {
            None => drop(self.records.insert(id.into(), spooled)),
            Some(first) if first.source == source => {
                spooled.more = first.more.take();
                *first = spooled;
            }
            Some(first) => {
                let more = first.more.get_or_insert_default();
                match more.iter_mut().find(|one| one.source == source) {
                    Some(one) => *one = spooled,
                    None => more.push(spooled),
                }
            }
        }
        Ok(())
    }

    /// Where the same record lies already, of another source: most that share an id say the same, to the byte.
    fn place_of(&mut self, id: &str, bytes: &[u8], length: u32) -> Result<Option<u64>, FeedError> {
        let all = self.records.get(id).into_iter().flat_map(each).filter(|one| one.length == length);
        let places: BTreeSet<u64> = all.map(|one| one.place).collect();
        let mut found = None;
        for place in &places {
            if self.read(*place, length)? == bytes {
                found = Some(*place);
            }
        }
        if !places.is_empty() {
            self.spool.seek(SeekFrom::Start(self.written)).map_err(spool)?;
        }
        Ok(found)
    }

    /// Takes over what a feed has of the sources that `source` wants by their names, but for the records that `record` does
    /// not want, by source and id.
    pub(super) fn carry(
        &mut self,
        feed: &Feed,
        source: impl Fn(&str) -> bool,
        mut record: impl FnMut(&str, &str) -> bool,
    ) -> Result<(), FeedError> {
        let sources = &feed.summary().sources;
        let mut places = Vec::new();
        for (said, facts) in sources.iter().zip(feed.facts()?) {
            places.push(source(&said.name).then_some(self.sources.len()));
            if source(&said.name) {
                let FeedSource { name, fetched, claimed, newest, future_dates, refused, .. } = said.clone();
                let none = FeedSource::default();
                let said = FeedSource { name, fetched, claimed, newest, future_dates, refused, ..none };
                self.sources.push(Brought { said, facts, dated: None, undated: true });
            }
        }
        for one in feed.contributions() {
            let (mut head, bytes) = one?;
            let place = usize::try_from(head.source).unwrap_or(usize::MAX);
            let (said, new) = sources.get(place).zip(places.get(place)).ok_or_else(damaged)?;
            let Some(new) = new.filter(|_| record(&said.name, &head.id)) else { continue };
            let new = u32::try_from(new).map_err(|_| damaged())?;
            head.source = record::SEVERAL;
            let bytes = record::with_head(&bytes, &head).ok_or_else(damaged)?;
            self.put_bytes(new, &head.id, head.modified(), &bytes)?;
        }
        Ok(())
    }

    /// Says of a source what does not follow from its records, in place of what was read or taken over. Its place.
    pub(super) fn restate(&mut self, said: &FeedSource, facts: Option<Facts>) -> u32 {
        let place = self.source(&said.origin());
        let Some(brought) = self.brought(place) else { return place };
        let FeedSource { fetched, claimed, newest, future_dates, refused, .. } = said.clone();
        let name = std::mem::take(&mut brought.said.name);
        brought.said =
            FeedSource { name, fetched, claimed, newest, future_dates, refused, ..FeedSource::default() };
        brought.undated = true;
        if let Some(facts) = facts {
            brought.facts = facts;
        }
        place
    }

    fn read(&mut self, place: u64, length: u32) -> Result<Vec<u8>, FeedError> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.spool.seek(SeekFrom::Start(place)).map_err(spool)?;
        self.spool.read_exact(&mut bytes).map_err(spool)?;
        Ok(bytes)
    }

    fn advisory(&mut self, place: u64, length: u32) -> Result<Advisory, FeedError> {
        record::advisory(&self.read(place, length)?).ok_or_else(damaged)
    }
}

/// Of the records under one id: that of a source.
fn of(first: &Spooled, source: u32) -> Option<&Spooled> {
    each(first).find(|one| one.source == source)
}

/// The records of all sources under one id.
fn each(first: &Spooled) -> impl Iterator<Item = &Spooled> {
    std::iter::once(first).chain(first.more.iter().flat_map(|more| more.iter()))
}

fn damaged() -> FeedError {
    spool(io::Error::other("a record is damaged"))
}

fn spool(source: io::Error) -> FeedError {
    FeedError::File { name: "the spool of the import".to_owned(), source }
}

/// Two parts of one record, of one date. The order of parts says nothing.
fn merged(one: &Advisory, other: &Advisory) -> Advisory {
    let both = |a: &[String], b: &[String]| -> Vec<String> {
        let all: BTreeSet<&String> = a.iter().chain(b).collect();
        all.into_iter().cloned().collect()
    };
    let own = |advisory: &Advisory| (!advisory.unrated).then_some(advisory.severity);
    let severity = own(one).max(own(other));
    let affected: BTreeSet<_> = one.affected.iter().chain(&other.affected).collect();
    let malicious = one.malicious || other.malicious;
    Advisory {
        id: one.id.clone(),
        aliases: both(&one.aliases, &other.aliases),
        severity: severity.unwrap_or(Severity::Medium),
        cvss_tenths: one.cvss_tenths.max(other.cvss_tenths),
        known_exploited: false,
        epss_ppm: None,
        summary: one.summary.clone().max(other.summary.clone()),
        url: one.url.clone().max(other.url.clone()),
        modified: one.modified.max(other.modified),
        affected: affected.into_iter().cloned().collect(),
        unrated: severity.is_none(),
        malicious,
    }
}

impl<S: Read + Write + Seek> Collected<S> {
    /// Writes the feed to `out`; its digest, what it says about itself, and how many records are left out or cut because
    /// somebody else withdrew what they say.
    pub(super) fn write(mut self, out: impl Write) -> Result<(Digest, FeedHeader, u64), FeedError> {
        self.spool.flush().map_err(spool)?;
        // Sources stand in the order of their names, whatever the order in which they came.
        let sources = std::mem::take(&mut self.sources);
        let mut order: Vec<(usize, Brought)> = sources.into_iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| a.said.name.cmp(&b.said.name));
        let mut places = vec![record::SEVERAL; order.len()];
        for (new, (old, _)) in order.iter().enumerate() {
            if let Some(place) = places.get_mut(*old) {
                *place = u32::try_from(new).map_err(|_| damaged())?;
            }
        }
        let said = order.iter().map(|(_, brought)| brought.dated()).collect();
        let facts: Vec<&Facts> = order.iter().map(|(_, brought)| &brought.facts).collect();
        let records = std::mem::take(&mut self.records);
        let mut withdrawn = Withdrawn::of(facts.iter().flat_map(|facts| &facts.withdrawn));
        let ratings = self.ratings(&records, &places, &mut withdrawn)?;
        let mut writer = FeedWriter::new(out, said)?;
        let mut cut: BTreeSet<&str> = BTreeSet::new();
        for (id, first) in &records {
            let (mut bytes, mut by) = self.joined(first, &places)?;
            let head = record::head(&bytes).ok_or_else(damaged)?;
            match withdrawn.fate(&head, &bytes).ok_or_else(damaged)? {
                Fate::Stays => {}
                Fate::Withdrawn => {
                    cut.insert(id);
                    continue;
                }
                // What its source gave stays among the contributions.
                Fate::Cut(rest) => {
                    cut.insert(id);
                    (bytes, by) = (rest, Vec::new());
                }
            }
            let (head, changed) = completed(head, &by, &ratings, &facts);
            let bytes = if changed { record::with_head(&bytes, &head).ok_or_else(damaged)? } else { bytes };
            writer.record(&bytes, &head, &by)?;
        }
        drop((ratings, withdrawn));
        let apart = records.iter().filter(|(id, first)| first.more.is_some() || cut.contains(&***id));
        for (id, first) in apart {
            let groups = alike(first, &places);
            let is_record = groups.len() == 1 && !cut.contains(&**id);
            for (one, sources) in groups {
                let bytes = if is_record { None } else { Some(self.read(one.place, one.length)?) };
                writer.contribution(id, &sources, bytes.as_deref())?;
            }
        }
        let cut = cut.len() as u64;
        drop(records);
        let (digest, header) = writer.finish(&facts)?;
        Ok((digest, header, cut))
    }

    /// The record under one id, of all sources that have it, and the sources that gave just this. Of several the latest count;
    /// of these each is a part.
    fn joined(&mut self, first: &Spooled, places: &[u32]) -> Result<(Vec<u8>, Vec<u32>), FeedError> {
        let mut groups = alike(first, places);
        if let [(one, sources)] = groups.as_mut_slice() {
            return Ok((self.read(one.place, one.length)?, std::mem::take(sources)));
        }
        let latest = groups.iter().map(|(one, _)| one.modified).max();
        let mut parts = Vec::new();
        for (one, _) in groups.iter().filter(|(one, _)| Some(one.modified) == latest) {
            parts.push(self.read(one.place, one.length)?);
        }
        if let [only] = parts.as_mut_slice() {
            return Ok((std::mem::take(only), Vec::new()));
        }
        let mut whole: Option<Advisory> = None;
        for part in &parts {
            let part = record::advisory(part).ok_or_else(damaged)?;
            whole = Some(whole.map_or_else(|| part.clone(), |whole| merged(&whole, &part)));
        }
        let whole = whole.ok_or_else(damaged)?;
        Ok((record::write(&whole).map_err(FeedError::Damaged)?, Vec::new()))
    }

    /// The head of a record, of which no more is read than is needed.
    fn head(&mut self, one: &Spooled) -> Result<record::Head, FeedError> {
        let start = self.read(one.place, one.length.min(HEAD))?;
        match record::head(&start) {
            Some(head) => Ok(head),
            None => record::head(&self.read(one.place, one.length)?).ok_or_else(damaged),
        }
    }

    /// Whether a record is not withdrawn under its own id; notes what it says about what others withdrew.
    fn stands(
        &mut self,
        id: &str,
        latest: Option<Timestamp>,
        names: &[Name],
        all: &[(&Spooled, Vec<u32>)],
        withdrawn: &mut Withdrawn,
    ) -> Result<bool, FeedError> {
        if !withdrawn.concerns(names) {
            return Ok(true);
        }
        if latest.is_some_and(|latest| withdrawn.takes(&Name::from(id), latest)) {
            return Ok(false);
        }
        for (one, _) in all.iter().filter(|(one, _)| Some(one.modified) == latest) {
            let bytes = self.read(one.place, one.length)?;
            withdrawn.note(id, names, &bytes).ok_or_else(damaged)?;
        }
        Ok(true)
    }

    /// How the vulnerabilities are rated by those who rate them, by each of their names: the worst. Notes what is said about
    /// what was withdrawn.
    fn ratings(
        &mut self,
        records: &BTreeMap<Box<str>, Spooled>,
        places: &[u32],
        withdrawn: &mut Withdrawn,
    ) -> Result<BTreeMap<Name, Rating>, FeedError> {
        let mut ratings = BTreeMap::new();
        for (id, first) in records {
            let all = alike(first, places);
            let latest = all.iter().map(|(one, _)| one.modified).max();
            let (mut own, mut tenths, mut names) = (None, None, Vec::new());
            for (one, _) in all.iter().filter(|(one, _)| Some(one.modified) == latest) {
                let head = self.head(one)?;
                // The worst of each, as a record has it that is joined of them.
                (own, tenths) = (head.own.max(own), head.own_tenths.max(tenths));
                names.extend(head.names().map(Name::from));
            }
            if !self.stands(id, latest, &names, &all, withdrawn)? {
                continue;
            }
            // That one source sees no harm does not answer for those that are silent.
            let Some(severity) = own.filter(|own| *own > Severity::Info) else { continue };
            let rating = Rating { severity, tenths };
            for name in names {
                let known = ratings.entry(name).or_insert(rating);
                *known = rating.max(*known);
            }
        }
        Ok(ratings)
    }
}

/// Bytes that are read for the head of a record: most are shorter.
const HEAD: u32 = 1024;

impl Brought {
    /// What it is, with the date of its documents where nobody gave one.
    fn dated(&self) -> FeedSource {
        let mut said = self.said.clone();
        if said.fetched.is_none() && !self.undated {
            said.fetched = self.dated;
        }
        said.known_exploited = self.facts.exploited.len() as u64;
        said.probabilities = self.facts.probabilities.len() as u64;
        said.ends = self.facts.ends.len() as u64;
        said
    }
}

/// All records under one id, in the order of the names of their sources.
fn by_source<'a>(first: &'a Spooled, places: &[u32]) -> Vec<(u32, &'a Spooled)> {
    let place =
        |one: &Spooled| usize::try_from(one.source).ok().and_then(|source| places.get(source)).copied();
    let mut all: Vec<_> = each(first).map(|one| (place(one).unwrap_or(record::SEVERAL), one)).collect();
    all.sort_by_key(|(source, _)| *source);
    all
}

/// The records under one id, each with the sources that gave just this, in the order of the names of the first of these.
fn alike<'a>(first: &'a Spooled, places: &[u32]) -> Vec<(&'a Spooled, Vec<u32>)> {
    let mut groups: Vec<(&Spooled, Vec<u32>)> = Vec::new();
    for (source, one) in by_source(first, places) {
        match groups.iter_mut().find(|(known, _)| known.place == one.place) {
            Some((_, sources)) => sources.push(source),
            None => groups.push((one, vec![source])),
        }
    }
    groups
}

/// A head with what others know about the vulnerability, and whether it is another one now.
fn completed(
    mut head: record::Head,
    by: &[u32],
    ratings: &BTreeMap<Name, Rating>,
    facts: &[&Facts],
) -> (record::Head, bool) {
    let source = if let [only] = by { *only } else { record::SEVERAL };
    let mut changed = head.source != source;
    head.source = source;
    let names: Vec<Name> = head.names().map(Name::from).collect();
    // The word of its own source counts for more than a rating that others gave.
    if head.own.is_none()
        && let Some(rating) = names.iter().filter_map(|name| ratings.get(name)).max()
    {
        (head.severity, head.cvss_tenths, head.unrated) = (rating.severity, rating.tenths, false);
        changed = true;
    }
    let ppm = facts.iter().flat_map(|said| names.iter().filter_map(|name| said.probabilities.get(name)));
    if let Some(ppm) = ppm.max() {
        head.epss_ppm = Some(*ppm);
        changed = true;
    }
    if facts.iter().any(|said| names.iter().any(|name| said.exploited.contains(name))) {
        head.known_exploited = true;
        changed = true;
    }
    if head.known_exploited || head.malicious {
        (head.severity, head.unrated) = (Severity::Critical, false);
        changed = true;
    }
    (head, changed)
}
