//! Inventories that are to be added to an index.

use std::collections::BTreeMap;

use lockgate_model::Inventory;

use super::{Subject, UNREAD, keys};

/// Inventories by package, in memory until they are written.
#[derive(Debug, Default)]
pub struct Batch {
    /// Each with its number, in the order in which they came.
    pub(super) subjects: BTreeMap<Subject, u32>,
    /// Of each key: the numbers, ascending.
    pub(super) keys: BTreeMap<Vec<u8>, Vec<u32>>,
}

impl Batch {
    /// Most inventories of one batch: they wait in memory.
    pub const MOST: usize = 4096;

    /// Adds an inventory; one that was added before counts once.
    pub fn add(&mut self, subject: Subject, inventory: &Inventory) {
        let keys = inventory.packages.iter().flat_map(keys);
        let unread = (!inventory.unread.is_empty()).then(|| UNREAD.to_vec());
        self.file(subject, keys.chain(unread));
    }

    /// Adds an image that could not be read.
    pub fn add_unread(&mut self, subject: Subject) {
        self.file(subject, std::iter::once(UNREAD.to_vec()));
    }

    fn file(&mut self, subject: Subject, keys: impl Iterator<Item = Vec<u8>>) {
        let Ok(number) = u32::try_from(self.subjects.len()) else { return };
        if self.subjects.contains_key(&subject) {
            return;
        }
        self.subjects.insert(subject, number);
        for key in keys {
            let numbers = self.keys.entry(key).or_default();
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
    }

    /// Whether an inventory is in it.
    pub fn contains(&self, subject: &Subject) -> bool {
        self.subjects.contains_key(subject)
    }

    /// Whether it should be written before more are added.
    pub fn is_full(&self) -> bool {
        self.subjects.len() >= Self::MOST
    }
}
