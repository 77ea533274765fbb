//! What reading an archive with those inside it may cost: counted in what is done and not in time, so that the same bytes
//! end at the same place on every machine.

use std::cell::Cell;

use crate::limits;

/// The work that may still be done, in units of about a nanosecond: a byte that is copied, inflated or searched is one, a byte
/// that a slow reader parses several ([`crate::limits::ARCHIVE_WORK`]).
#[derive(Debug)]
pub(crate) struct Budget {
    whole: u64,
    left: Cell<u64>,
    end: Cell<End>,
}

/// Whether something was refused for want of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotReached,
    Reached,
    Told,
}

impl Budget {
    /// The budget of an archive of `size` bytes with those inside it.
    pub(crate) fn of_archive(size: u64) -> Self {
        let whole = limits::ARCHIVE_WORK.saturating_add(size.saturating_mul(limits::WORK_PER_BYTE));
        Self { whole, left: Cell::new(whole), end: Cell::new(End::NotReached) }
    }

    /// Takes `units`. Errors when there are not so many any more; then nothing is left for others either, so that the
    /// end is at one place.
    pub(crate) fn spend(&self, units: u64) -> Result<(), String> {
        if let Some(left) = self.left.get().checked_sub(units) {
            self.left.set(left);
            return Ok(());
        }
        self.end();
        self.ended()
    }

    /// Ends it before its time: what came is like nothing that is real.
    pub(crate) fn end(&self) {
        self.left.set(0);
        if self.end.get() == End::NotReached {
            self.end.set(End::Reached);
        }
    }

    /// An error once something was refused for want of work.
    pub(crate) fn ended(&self) -> Result<(), String> {
        if !self.is_over() {
            return Ok(());
        }
        Err(format!("reading it takes more than {} units of work; the rest is not read", self.whole))
    }

    /// Whether something was refused for want of work.
    pub(crate) fn is_over(&self) -> bool {
        self.end.get() != End::NotReached
    }

    /// Whether an error that just happened is news: the end of the budget is told once.
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

    #[test]
    fn what_is_spent_is_gone_and_the_end_is_final() {
        let budget = Budget::of_archive(10);
        let whole = limits::ARCHIVE_WORK + 10 * limits::WORK_PER_BYTE;
        assert_eq!(budget.spend(whole - 1), Ok(()));
        assert!(!budget.is_over());
        assert!(budget.is_news() && budget.is_news());
        assert!(budget.spend(2).unwrap_err().contains("the rest is not read"));
        assert!(budget.is_over() && budget.is_news() && !budget.is_news());
        assert!(budget.spend(1).is_err());
    }

    #[test]
    fn small_things_may_swell_to_the_floor_and_large_ones_by_the_ratio() {
        assert_eq!(swollen(0), limits::SWOLLEN_FLOOR);
        assert_eq!(swollen(limits::SWOLLEN_FLOOR), limits::SWOLLEN_FLOOR * limits::SWOLLEN_RATIO);
        assert_eq!(swollen(u64::MAX), limits::ARCHIVE_BYTES);
    }
}
