//! Descriptions of packages by their content: package managers keep files in stores and link them to where they belong.

use memchr::memmem;

use super::{LayerBudget, Reading, read_as};
use crate::limits;

/// What the first bytes of a file look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    /// A JSON object.
    Object,
    /// A description that is read as the files of these names are.
    Described(&'static [&'static str]),
}

/// What descriptions begin with, and the names that they have.
const STARTS: [(&[u8], &[&str]); 13] = [
    (b"Metadata-Version:", &["x.dist-info/METADATA", "x-1.dist-info/METADATA"]),
    (b"Package:", &["var/lib/dpkg/status", "var/lib/dpkg/status.d/x"]),
    (b"C:Q1", &["lib/apk/db/installed"]),
    (b"P:", &["lib/apk/db/installed"]),
    (b"# -*- encoding: utf-8 -*-\n# stub: ", &["specifications/x.gemspec"]),
    (b"# stub: ", &["specifications/x.gemspec"]),
    (b"Gem::Specification.new", &["specifications/x.gemspec"]),
    (b"root:", &["etc/passwd"]),
    (b"ID=", &["etc/os-release"]),
    (b"NAME=", &["etc/os-release"]),
    (b"PRETTY_NAME=", &["etc/os-release"]),
    (b"VERSION=", &["etc/os-release"]),
    (b"VERSION_ID=", &["etc/os-release"]),
];

/// What a file looks like by its first bytes and its size; nothing for most.
pub(crate) fn looks(start: &[u8], size: u64) -> Option<Looks> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    match start.first()? {
        b'{' => (size <= limits::LINK_TARGET_BYTES).then_some(Looks::Object),
        b'M' | b'P' | b'C' | b'#' | b'G' | b'r' | b'I' | b'N' | b'V' if size <= limits::FILE_BYTES => {
            let fits = STARTS.iter().find(|(begin, _)| start.starts_with(begin));
            fits.map(|(_, names)| Looks::Described(names))
        }
        _ => None,
    }
}

impl Looks {
    /// What a file says that looks so; nothing where that is to be asked again under its name, as where the budget ends. An
    /// object that names no package says nothing as any description of Node's.
    pub(crate) fn read(self, bytes: &[u8], budget: &LayerBudget) -> Option<Vec<Reading>> {
        budget.spend(bytes.len() as u64).ok()?;
        let readings = self.readings(bytes, budget);
        readings.filter(|_| !budget.is_over())
    }

    fn readings(self, bytes: &[u8], budget: &LayerBudget) -> Option<Vec<Reading>> {
        match self {
            // Escapes may spell any key.
            Self::Object
                if ![&b"\"version\""[..], b"\"_id\"", b"\\u"].iter().any(|text| has(bytes, text)) =>
            {
                Some(Vec::new())
            }
            Self::Object => {
                let reading = read_as("node_modules/x/package.json", bytes, budget)?;
                match (reading.facts.packages.is_empty(), reading.facts.unread.is_empty()) {
                    (false, _) => Some(vec![reading]),
                    (true, true) => Some(Vec::new()),
                    (true, false) => None,
                }
            }
            Self::Described(names) => {
                let readings = names.iter().filter_map(|name| read_as(name, bytes, budget));
                let said: Vec<_> = readings.filter(|reading| reading.facts.unread.is_empty()).collect();
                (!said.is_empty()).then_some(said)
            }
        }
    }
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    memmem::find(bytes, text).is_some()
}
