//! The members of a zip archive, with limits that hold for everything inside it.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::limits;

/// How much may still be read of an archive and of those inside it.
pub(in crate::catalog) struct Budget {
    members: usize,
    nested: u64,
}

impl Budget {
    pub(in crate::catalog) fn new() -> Self {
        Self { members: limits::ARCHIVE_MEMBERS, nested: limits::NESTED_BYTES }
    }
}

/// A member being read.
pub(in crate::catalog) struct Member<'a, 'b> {
    name: String,
    file: ZipFile<'a, Cursor<&'b [u8]>>,
    budget: &'a mut Budget,
}

impl Member<'_, '_> {
    pub(in crate::catalog) fn name(&self) -> &str {
        &self.name
    }

    /// Its content, of at most `most` bytes.
    pub(in crate::catalog) fn read(self, most: u64) -> Result<Vec<u8>, String> {
        let Self { name, file, .. } = self;
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
        if bytes.len() as u64 > most { Err(format!("{name} has more than {most} bytes")) } else { Ok(bytes) }
    }

    /// The content of an archive inside.
    pub(in crate::catalog) fn read_nested(self) -> Result<Vec<u8>, String> {
        let Self { name, file, budget } = self;
        let mut bytes = Vec::new();
        file.take(budget.nested + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
        match budget.nested.checked_sub(bytes.len() as u64) {
            Some(left) => budget.nested = left,
            None => {
                return Err(format!("the archives inside it have more than {} bytes", limits::NESTED_BYTES));
            }
        }
        Ok(bytes)
    }
}

/// Calls `visit` with every file in the archive, in its order.
pub(in crate::catalog) fn each_member(
    bytes: &[u8],
    budget: &mut Budget,
    mut visit: impl FnMut(Member<'_, '_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| format!("it is not a readable archive: {error}"))?;
    for at in 0..archive.len() {
        budget.members = budget.members.checked_sub(1).ok_or_else(|| {
            format!("it and the archives inside it have more than {} files", limits::ARCHIVE_MEMBERS)
        })?;
        let file =
            archive.by_index(at).map_err(|error| format!("file {at} in it cannot be read: {error}"))?;
        if file.is_file() {
            let name =
                file.name().map_err(|error| format!("file {at} in it has no name: {error}"))?.into_owned();
            visit(Member { name, file, budget })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(members: usize) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for at in 0..members {
            zip.start_file(format!("{at}.jar"), SimpleFileOptions::default()).unwrap();
            zip.write_all(b"0123456789").unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn read_all(members: usize, mut budget: Budget) -> Result<(), String> {
        each_member(&archive(members), &mut budget, |member| member.read_nested().map(drop))
    }

    #[test]
    fn one_budget_holds_for_all_members() {
        assert_eq!(read_all(3, Budget { members: 3, nested: 30 }), Ok(()));
        assert!(read_all(4, Budget { members: 3, nested: 100 }).unwrap_err().contains("files"));
        assert!(read_all(3, Budget { members: 3, nested: 29 }).unwrap_err().contains("bytes"));
    }
}
