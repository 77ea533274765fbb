//! Budgets: what reading a layer, and an archive of it with those inside, may cost. Counted in what is done and not in time, so
//! that the same bytes end at the same place on every machine.

use std::cell::{Cell, RefCell};

use super::Facts;
use super::facts::Broken;
use crate::limits;

/// The budget of one layer: work, in units of about a nanosecond ([`limits::LAYER_WORK`]), and memory, for one file at a time
/// ([`limits::HELD_FLOOR`]) and for what is kept ([`limits::KEPT_BYTES`]). It depends on that layer alone.
#[derive(Debug)]
pub(crate) struct LayerBudget {
    /// Work that the bytes read so far allow.
    whole: Cell<u64>,
    left: Cell<u64>,
    /// Most bytes that one file, with what is inflated from it, may hold.
    held: u64,
    /// Memory left for what is kept.
    kept: Cell<u64>,
    /// Why it is over.
    over: Cell<Option<Over>>,
    /// The files that are not read, or not to the end.
    refused: RefCell<Refused>,
}

/// What a layer takes too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Work,
    Memory,
}

/// Files that are not read.
#[derive(Debug, Default)]
struct Refused {
    first: Option<String>,
    others: Broken,
}

impl LayerBudget {
    /// The budget of a layer of `size` bytes as it is stored.
    pub(crate) fn new(size: u64) -> Self {
        let held = size.saturating_mul(limits::SWOLLEN_RATIO).clamp(limits::HELD_FLOOR, limits::HELD_BYTES);
        Self {
            whole: Cell::new(limits::LAYER_WORK),
            left: Cell::new(limits::LAYER_WORK),
            held,
            kept: Cell::new(limits::KEPT_BYTES),
            over: Cell::new(None),
            refused: RefCell::default(),
        }
    }

    /// The budget of one file that is read alone.
    pub(crate) fn of_file(size: usize) -> Self {
        let budget = Self::new(size as u64);
        budget.earn(size as u64);
        budget
    }

    /// Adds the work that a file of `bytes` in the layer allows.
    pub(crate) fn earn(&self, bytes: u64) {
        let work = bytes.saturating_mul(limits::LAYER_WORK_PER_BYTE);
        self.whole.set(self.whole.get().saturating_add(work));
        self.left.set(self.left.get().saturating_add(work));
    }

    /// Takes `units` of work. Errors when there are not so many any more; then nothing is left for others either, so that
    /// the end is at one place.
    pub(crate) fn spend(&self, units: u64) -> Result<(), String> {
        match self.left.get().checked_sub(units) {
            Some(left) if !self.is_over() => {
                self.left.set(left);
                Ok(())
            }
            _ => {
                self.end(Over::Work);
                Err("the layer takes more work than it may; the rest is not read".to_owned())
            }
        }
    }

    /// Takes the memory that keeping `facts` takes; whether there was so much.
    pub(crate) fn keep(&self, facts: &Facts) -> bool {
        let left = self.kept.get().checked_sub(facts.weight());
        match left {
            Some(left) => self.kept.set(left),
            None => self.end(Over::Memory),
        }
        left.is_some()
    }

    fn end(&self, over: Over) {
        self.over.set(self.over.get().or(Some(over)));
    }

    /// Whether something was refused: then nothing more of the layer is read.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get().is_some()
    }

    /// Most bytes that one file may have.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// Notes that the file at `path` is not read, or not to the end.
    pub(crate) fn refuse(&self, path: &str) {
        let mut refused = self.refused.borrow_mut();
        if refused.first.is_none() {
            refused.first = Some(path.to_owned());
        } else {
            refused.others.push(format!("`{path}`"));
        }
    }

    /// What is to be told of the layer, once: the first file that is not read, and why, with the others by count.
    pub(crate) fn told(self) -> Option<(String, String)> {
        let Refused { first, others } = self.refused.into_inner();
        let limit = match self.over.get()? {
            Over::Work => format!("more than {} units of work", self.whole.get()),
            Over::Memory => format!("more than {} bytes of memory", limits::KEPT_BYTES),
        };
        let others = others.told().map_or(String::new(), |(_, others)| format!(", nor is {others}"));
        Some((first?, format!("reading the layer takes {limit}: this file is not read to its end{others}")))
    }
}

/// What reading an archive with those inside it may cost: the work of [`limits::ARCHIVE_WORK`] and the memory of one file, both
/// out of the layer's budget.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    layer: &'a LayerBudget,
    whole: u64,
    left: Cell<u64>,
    /// Bytes that may still be held.
    held: Cell<u64>,
    end: Cell<End>,
}

/// Whether something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotReached,
    Reached,
    Told,
}

impl<'a> Budget<'a> {
    /// The budget of an archive of `size` bytes with those inside it.
    pub(crate) fn of_archive(size: usize, layer: &'a LayerBudget) -> Self {
        let size = size as u64;
        let whole = limits::ARCHIVE_WORK.saturating_add(size.saturating_mul(limits::WORK_PER_BYTE));
        let held = Cell::new(layer.held().saturating_sub(size));
        Self { layer, whole, left: Cell::new(whole), held, end: Cell::new(End::NotReached) }
    }

    /// Takes `units`. Errors when there are not so many any more; then nothing is left for others either, so that the
    /// end is at one place.
    pub(crate) fn spend(&self, units: u64) -> Result<(), String> {
        match self.left.get().checked_sub(units) {
            Some(left) => self.left.set(left),
            None => self.end(),
        }
        if !self.is_over() && self.layer.spend(units).is_err() {
            // The layer tells of it.
            self.left.set(0);
            self.end.set(End::Told);
        }
        self.ended()
    }

    /// Takes memory for `bytes` that are inflated from it, until they are given back. Errors as [`Budget::spend`] does.
    pub(crate) fn hold(&self, bytes: u64) -> Result<(), String> {
        match self.held.get().checked_sub(bytes) {
            Some(left) => self.held.set(left),
            None => self.end(),
        }
        self.ended()
    }

    /// Gives back what was held.
    pub(crate) fn release(&self, bytes: u64) {
        self.held.set(self.held.get().saturating_add(bytes));
    }

    /// Bytes that may still be held.
    pub(crate) fn held(&self) -> u64 {
        self.held.get()
    }

    /// Ends it before its time: what came is like nothing that is real.
    pub(crate) fn end(&self) {
        self.left.set(0);
        if self.end.get() == End::NotReached {
            self.end.set(End::Reached);
        }
    }

    /// An error once something was refused.
    pub(crate) fn ended(&self) -> Result<(), String> {
        if !self.is_over() {
            return Ok(());
        }
        Err(self.over())
    }

    /// Why the rest is not read.
    pub(crate) fn over(&self) -> String {
        let (work, memory) = (self.whole, self.layer.held());
        format!(
            "reading it takes more than {work} units of work or {memory} bytes of memory; the rest is not read"
        )
    }

    /// Whether something was refused.
    pub(crate) fn is_over(&self) -> bool {
        self.end.get() != End::NotReached
    }

    /// Whether an error that just happened is news: the end of a budget is told once.
    pub(crate) fn is_news(&self) -> bool {
        match self.end.get() {
            End::NotReached => true,
            End::Reached => {
                self.end.set(End::Told);
                true
            }
            End::Told => false,
        }
    }
}

/// How many bytes something may have that `stored` bytes give: more than real archives and layers swell is not read.
pub(crate) fn swollen(stored: u64) -> u64 {
    limits::SWOLLEN_FLOOR.max(stored.saturating_mul(limits::SWOLLEN_RATIO)).min(limits::ARCHIVE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Found, PackageKind};

    #[test]
    fn what_is_spent_is_gone_and_the_end_is_final() {
        let layer = LayerBudget::new(0);
        let budget = Budget::of_archive(10, &layer);
        let whole = limits::ARCHIVE_WORK + 10 * limits::WORK_PER_BYTE;
        assert_eq!(budget.spend(whole - 1), Ok(()));
        assert!(!budget.is_over());
        assert!(budget.is_news() && budget.is_news());
        assert!(budget.spend(2).unwrap_err().contains("the rest is not read"));
        assert!(budget.is_over() && budget.is_news() && !budget.is_news());
        assert!(budget.spend(1).is_err());
        // Another archive of the layer has a budget of its own.
        assert!(!layer.is_over() && Budget::of_archive(0, &layer).spend(1).is_ok());
    }

    #[test]
    fn archives_share_the_budget_of_their_layer() {
        let layer = LayerBudget::new(0);
        let archives = limits::LAYER_WORK / limits::ARCHIVE_WORK;
        for _ in 0..archives {
            assert_eq!(Budget::of_archive(0, &layer).spend(limits::ARCHIVE_WORK), Ok(()));
        }
        let last = Budget::of_archive(0, &layer);
        assert!(last.spend(1).is_err() && last.is_over() && !last.is_news());
        layer.earn(1000);
        assert!(Budget::of_archive(0, &layer).spend(1).is_err() && layer.spend(1).is_err());
        for path in ["a", "b", "c", "d", "e", "f"] {
            layer.refuse(path);
        }
        let (path, why) = layer.told().unwrap();
        assert_eq!(path, "a");
        assert!(why.ends_with("this file is not read to its end, nor is `b`; `c`; `d`; and 2 more"), "{why}");
        assert_eq!(LayerBudget::new(0).told(), None);
    }

    #[test]
    fn a_large_layer_has_more() {
        let layer = LayerBudget::new(u64::MAX);
        layer.earn(10);
        assert_eq!(layer.spend(limits::LAYER_WORK + 10 * limits::LAYER_WORK_PER_BYTE), Ok(()));
        assert!(layer.spend(1).is_err());
        assert_eq!(layer.held(), limits::HELD_BYTES);
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let layer = LayerBudget::new(0);
        let size = usize::try_from(limits::HELD_FLOOR - 10).unwrap();
        let budget = Budget::of_archive(size, &layer);
        budget.hold(10).unwrap();
        budget.release(10);
        assert!(budget.hold(10).is_ok() && budget.hold(1).is_err() && budget.spend(1).is_err());
        let facts = Facts::from(vec![Found::new(PackageKind::Npm, "n".repeat(1 << 20), "1"); 300]);
        assert!(layer.keep(&Facts::default()) && !layer.is_over());
        assert!(!layer.keep(&facts) && layer.is_over() && layer.spend(0).is_err());
        layer.refuse("x");
        assert!(layer.told().unwrap().1.contains("bytes of memory"));
    }

    #[test]
    fn small_things_may_swell_to_the_floor_and_large_ones_by_the_ratio() {
        assert_eq!(swollen(0), limits::SWOLLEN_FLOOR);
        assert_eq!(swollen(limits::SWOLLEN_FLOOR), limits::SWOLLEN_FLOOR * limits::SWOLLEN_RATIO);
        assert_eq!(swollen(u64::MAX), limits::ARCHIVE_BYTES);
    }
}
