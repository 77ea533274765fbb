//! Editions: the named, frozen semantics of judging.
//!
//! A Case names its Edition, and is judged by it for ever: what changes the bytes of a Decision is a feature that begins
//! with an Edition, and asks for one here. What a feature is for says its method.

use std::fmt;

use lockgate_attest::reading::Reading;
use lockgate_model::oci;
use lockgate_scan::{Matching, Shapes};

/// A frozen semantics of judging, in the order in which they were cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// The first. It knew no instances of Sigstore, and said of signatures by certificates that they are not read.
    E2026_1,
    /// Identities by certificates, Notary Project signatures, provenance, reproducibility.
    E2026_2,
    /// What is judged is what runs: one reading of an artifact, coverage by release, policies read from their syntax tree.
    /// Open: it is frozen when the work on it ends, and no Case of it is in `corpus/` before.
    E2026_3,
}

impl Edition {
    /// Every Edition that this version judges by, the oldest first: recorded Cases keep theirs.
    pub const ALL: &[Self] = &[Self::E2026_1, Self::E2026_2, Self::E2026_3];
    /// The Edition by which new Cases are judged.
    pub const CURRENT: Self = Self::E2026_3;

    /// The Edition of that name, as Cases and Decisions write it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|edition| edition.name() == name)
    }

    /// Its name, as Cases and Decisions write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::E2026_1 => "2026-1",
            Self::E2026_2 => "2026-2",
            Self::E2026_3 => "2026-3",
        }
    }

    /// Whether policies are read from their syntax tree, and held to their contract.
    pub(crate) fn reads_policies_by_tree(self) -> bool {
        self >= Self::E2026_3
    }

    /// Whether signatures by certificates of an instance of Sigstore are judged.
    pub(crate) fn knows_instances(self) -> bool {
        self >= Self::E2026_2
    }

    /// Whether details of findings that are numbers are written as numbers.
    pub(crate) fn counts_in_numbers(self) -> bool {
        self >= Self::E2026_3
    }

    /// Whether findings name what fixes them as values, beside the sentence.
    pub(crate) fn names_fixes(self) -> bool {
        self >= Self::E2026_3
    }

    /// Whether packages are asked about by the release of their ecosystem, sources of advisories by their age, and
    /// vulnerabilities without a rating pause.
    pub(crate) fn covers_releases(self) -> bool {
        self >= Self::E2026_3
    }

    /// Whether evidence that was seen before and is gone is judged.
    pub(crate) fn remembers_evidence(self) -> bool {
        self >= Self::E2026_3
    }

    /// How documents of images are read: since 2026-3, by the profile of `docs/reading.md`.
    pub(crate) fn reads_documents(self) -> oci::Reading {
        if self < Self::E2026_3 { oci::Reading::Loose } else { oci::Reading::Strict }
    }

    /// Whether the whole artifact is held against the profile by the route gate, with the attestations among its children
    /// and what travels with it; and whether `runs_as_root` is what runtimes make of `User` and the image's own accounts.
    pub(crate) fn judges_what_runs(self) -> bool {
        self >= Self::E2026_3
    }

    /// Whether Cases list what travels with the artifact.
    pub fn lists_companions(self) -> bool {
        self >= Self::E2026_3
    }

    /// How documents that others attested are read: with nothing in them passed over, and reports as answering for what they
    /// name alone.
    pub(crate) fn shapes(self) -> Shapes {
        if self < Self::E2026_3 { Shapes::Lenient } else { Shapes::Strict }
    }

    /// By which rules advisories are matched: since 2026-3, what a record calls fixed is fixed.
    pub(crate) fn matching(self) -> Matching {
        if self < Self::E2026_3 { Matching::First } else { Matching::Second }
    }

    /// Whether nothing is called missing that only could not be looked for.
    pub(crate) fn minds_absence(self) -> bool {
        self >= Self::E2026_3
    }

    /// How forms of signatures, keys and trusted roots are read.
    pub(crate) fn reading(self) -> Reading {
        if self < Self::E2026_3 { Reading::First } else { Reading::Second }
    }

    /// Whether policies see the secrets and the setuid files of images.
    pub(crate) fn notes_secrets(self) -> bool {
        self >= Self::E2026_3
    }

    /// A sentence: `before` as the Editions before 2026-3 have it, `since` in the field's words.
    pub(crate) fn say<T>(self, before: T, since: T) -> T {
        if self < Self::E2026_3 { before } else { since }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Edition;

    #[test]
    fn names_are_distinct_and_in_order() {
        assert!(Edition::ALL.is_sorted_by(|a, b| a < b && a.name() < b.name()));
        assert_eq!(Edition::ALL.last(), Some(&Edition::CURRENT));
        for edition in Edition::ALL {
            assert_eq!(Edition::named(edition.name()), Some(*edition));
        }
        assert_eq!(Edition::named("2026-0"), None);
    }
}
