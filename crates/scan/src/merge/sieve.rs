//! A Bloom filter over an image's paths. "Not there" is always right; "maybe there" costs a look in the map. Nearly all files
//! of an image matter to no cataloger, and asking the maps about each costs more than everything else that merging layers does.
/// The hash of a path and, on the way there, of every folder above it (FNV-1a, 64 bits). Two paths with one hash cost
/// time only: who is told that something may be there looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathHash(u64);

impl PathHash {
    /// The hash of the root.
    const ROOT: Self = Self(0xcbf2_9ce4_8422_2325);

    fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The hash of `path`.
    pub(super) fn of(path: &str) -> Self {
        path.bytes().fold(Self::ROOT, Self::byte)
    }

    /// The hash of `name` in the folder with this hash.
    pub(super) fn join(self, name: &str) -> Self {
        let folder = if self == Self::ROOT { self } else { self.byte(b'/') };
        name.bytes().fold(folder, Self::byte)
    }

    /// The hashes of the folders above `path`, the root left out, and then its own.
    fn each(path: &str) -> impl Iterator<Item = Self> {
        let mut hash = Self::ROOT;
        let bytes = path.bytes().map(Some).chain([None]);
        bytes.filter_map(move |byte| {
            let before = hash;
            hash = byte.map_or(hash, |byte| hash.byte(byte));
            byte.is_none_or(|byte| byte == b'/').then_some(before)
        })
    }
}

/// Bits of a set: with a hundred thousand paths in it, not one in a hundred that is not there is looked for.
const BITS: u64 = 1 << 21;
/// The same in words.
const WORDS: usize = 1 << 15;

/// What was ever added; nothing is taken out.
#[derive(Default)]
pub(super) struct Sieve {
    /// Every path, and every folder above one.
    known: Bits,
    /// Every link.
    links: Bits,
}

/// A set of hashes (Bloom 1970): two bits a hash, so that whoever chooses paths can make it say yes too often and no
/// more. Its bits are there from the first hash on.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn places(hash: PathHash) -> [(usize, u64); 2] {
        // The low bits of FNV-1a are those of the last byte more than others: a product spreads them.
        let spread = (hash.0 ^ hash.0 >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [spread >> 43, spread >> 22].map(|at| {
            let at = at & (BITS - 1);
            (usize::try_from(at / 64).unwrap_or_default(), 1 << (at % 64))
        })
    }

    fn add(&mut self, hash: PathHash) {
        if self.0.is_empty() {
            self.0 = vec![0; WORDS];
        }
        for (word, bit) in Self::places(hash) {
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_have(&self, hash: PathHash) -> bool {
        Self::places(hash).iter().all(|(word, bit)| self.0.get(*word).is_some_and(|word| word & bit != 0))
    }
}

impl Sieve {
    /// Adds a file.
    pub(super) fn add(&mut self, path: &str) {
        PathHash::each(path).for_each(|hash| self.known.add(hash));
    }

    /// Adds a link.
    pub(super) fn add_link(&mut self, path: &str) {
        self.add(path);
        self.links.add(PathHash::of(path));
    }

    /// Whether something may be at this path or below it.
    pub(super) fn may_hold(&self, path: PathHash) -> bool {
        path == PathHash::ROOT || self.known.may_have(path)
    }

    /// Whether the path or a folder above it may be a link.
    pub(super) fn may_follow(&self, path: &str) -> bool {
        !self.links.0.is_empty() && PathHash::each(path).any(|hash| self.links.may_have(hash))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path() -> impl Strategy<Value = String> {
        "[ab]{1,2}(/[ab]{1,2}){0,3}"
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(files in prop::collection::vec(path(), 0..6), asked in path()) {
            let mut sieve = Sieve::default();
            for (at, file) in files.iter().enumerate() {
                if at % 2 == 0 { sieve.add(file) } else { sieve.add_link(file) }
            }
            let within = |file: &String, folder: &str| *file == folder || file.starts_with(&format!("{folder}/"));
            let held = files.iter().any(|file| within(file, &asked));
            prop_assert!(sieve.may_hold(PathHash::of(&asked)) || !held);
            let followed = files.iter().skip(1).step_by(2).any(|link| within(&asked, link));
            prop_assert!(sieve.may_follow(&asked) || !followed);
        }

        #[test]
        fn what_is_not_there_is_mostly_denied(files in prop::collection::vec(path(), 0..6)) {
            let mut sieve = Sieve::default();
            for file in &files {
                sieve.add_link(file);
            }
            let others = (0..1000).map(|at| format!("other/{at}"));
            let maybe = others.filter(|path| sieve.may_hold(PathHash::of(path)) || sieve.may_follow(path));
            prop_assert!(maybe.count() < 5);
        }

        #[test]
        fn a_name_joined_is_the_path(path in path(), name in "[a-z]{1,3}") {
            prop_assert_eq!(PathHash::of(&path).join(&name), PathHash::of(&format!("{path}/{name}")));
            prop_assert_eq!(PathHash::of("").join(&name), PathHash::of(&name));
        }
    }
}
