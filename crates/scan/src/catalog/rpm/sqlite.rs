//! The present form of the RPM database: SQLite (sqlite.org, "Database File Format"). A reader of one table in a file
//! that may be an enemy's: every page is visited once, and nothing is followed that was not counted.
//!
//! Looked at: `rusqlite` and `sqlx` bring the C library, which reads a file, not bytes, and runs what its schema says.

use std::collections::BTreeSet;

/// Most bytes of one row.
const ROW: u64 = 256 << 20;
/// Most columns of one row (sqlite.org, "Limits").
const COLUMNS: usize = 2000;

/// A database being read.
pub(in crate::catalog) struct Database<'a> {
    bytes: &'a [u8],
    page: usize,
    /// Bytes of a page that hold content.
    usable: usize,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) enum Field {
    Null,
    Number(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The header of every package.
pub(super) fn headers(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let database = Database::open(bytes).ok_or("it is not a SQLite database")?;
    // A row without a header is told as a package whose header is malformed.
    database.table("Packages", |row| match row.into_iter().nth(1) {
        Some(Field::Blob(blob)) => blob,
        _ => Vec::new(),
    })
}

impl<'a> Database<'a> {
    /// Opens a database; nothing when it is none.
    pub(in crate::catalog) fn open(bytes: &'a [u8]) -> Option<Self> {
        if bytes.get(..16)? != b"SQLite format 3\0" {
            return None;
        }
        let page = match u16::from_be_bytes(bytes.get(16..18)?.try_into().ok()?) {
            1 => 65_536,
            size => usize::from(size),
        };
        let reserved = usize::from(*bytes.get(20)?);
        let sound = (512..=65_536).contains(&page) && page.is_power_of_two() && reserved < 64;
        sound.then(|| Self { bytes, page, usable: page - reserved })
    }

    /// What `pick` takes of every row of the table called `name`.
    pub(in crate::catalog) fn table<T>(
        &self,
        name: &str,
        pick: impl Fn(Vec<Field>) -> T,
    ) -> Result<Vec<T>, String> {
        let malformed = || "the database is malformed".to_owned();
        let root_of = |row: Vec<Field>| match row.as_slice() {
            [Field::Text(kind), Field::Text(own), _, Field::Number(root), ..]
                if kind == "table" && own.eq_ignore_ascii_case(name) =>
            {
                usize::try_from(*root).ok()
            }
            _ => None,
        };
        let roots = self.rows(1, root_of).ok_or_else(malformed)?;
        let root = roots.into_iter().flatten().next();
        let root = root.ok_or_else(|| format!("the database has no table {name}"))?;
        self.rows(root, pick).ok_or_else(malformed)
    }

    /// What `pick` takes of the rows of the table whose tree begins at page `root`, in order.
    fn rows<T>(&self, root: usize, pick: impl Fn(Vec<Field>) -> T) -> Option<Vec<T>> {
        let (mut rows, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![root]);
        // Rows of an honest database lie apart: all of them are no more than the file.
        let mut left = self.bytes.len();
        while let Some(at) = open.pop() {
            let page = self.page(at).filter(|_| seen.insert(at))?;
            let head = if at == 1 { 100 } else { 0 };
            let cells = usize::from(short(page, head + 3)?);
            match *page.get(head)? {
                // An inner page: its children in order, the rightmost last.
                5 => {
                    let mut children = Vec::new();
                    for cell in 0..cells {
                        let start = usize::from(short(page, head + 12 + cell * 2)?);
                        children.push(long(page, start)?);
                    }
                    children.push(long(page, head + 8)?);
                    open.extend(children.into_iter().rev());
                }
                13 => {
                    for cell in 0..cells {
                        let start = usize::from(short(page, head + 8 + cell * 2)?);
                        rows.push(pick(self.row(page, start, &mut seen, &mut left)?));
                    }
                }
                _ => return None,
            }
        }
        Some(rows)
    }

    /// Pages are counted from 1.
    fn page(&self, at: usize) -> Option<&'a [u8]> {
        let start = at.checked_sub(1)?.checked_mul(self.page)?;
        self.bytes.get(start..start.checked_add(self.page)?)
    }

    fn row(
        &self,
        page: &[u8],
        start: usize,
        seen: &mut BTreeSet<usize>,
        left: &mut usize,
    ) -> Option<Vec<Field>> {
        let mut at = start;
        let length = varint(page, &mut at)?;
        let id = varint(page, &mut at)?;
        if length > ROW {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        *left = left.checked_sub(length)?;
        // "Cell payload overflow": how much of a long row stays on its page.
        let most = self.usable - 35;
        let least = (self.usable - 12) * 32 / 255 - 23;
        let here = if length <= most {
            length
        } else {
            let fits = least + (length - least) % (self.usable - 4);
            if fits <= most { fits } else { least }
        };
        let mut payload = page.get(at..at.checked_add(here)?)?.to_vec();
        let mut next = if here < length { long(page, at + here)? } else { 0 };
        while payload.len() < length {
            let page = self.page(next).filter(|_| seen.insert(next))?;
            let here = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(page.get(4..4 + here)?);
            next = long(page, 0)?;
        }
        record(&payload, i64::from_ne_bytes(id.to_ne_bytes()))
    }
}

/// "Record Format": types, then values. A `NULL` in the first column is the row's number.
fn record(payload: &[u8], id: i64) -> Option<Vec<Field>> {
    let mut at = 0;
    let head = usize::try_from(varint(payload, &mut at)?).ok()?;
    let (mut value, mut fields) = (head, Vec::new());
    while at < head {
        if fields.len() >= COLUMNS {
            return None;
        }
        let kind = varint(payload, &mut at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = payload.get(value..value.checked_add(length)?)?;
        value += length;
        fields.push(match kind {
            0 if fields.is_empty() => Field::Number(id),
            0 | 7 => Field::Null,
            8 => Field::Number(0),
            9 => Field::Number(1),
            1..=6 => Field::Number(whole(bytes)),
            kind if kind % 2 == 0 => Field::Blob(bytes.to_vec()),
            _ => Field::Text(String::from_utf8_lossy(bytes).into_owned()),
        });
    }
    Some(fields)
}

/// A number in two's complement, most significant byte first.
fn whole(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| (number << 8) | i64::from(*byte))
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for place in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if place == 8 {
            return Some((number << 8) | u64::from(byte));
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_be_bytes(four.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        let mut at = 0;
        assert_eq!(varint(&[0x81, 0x00], &mut at), Some(128));
        let mut at = 0;
        assert_eq!(varint(&[0xff; 9], &mut at), Some(u64::MAX));
        assert_eq!(whole(&[0xff, 0xfe]), -2);
        assert_eq!(whole(&[0x01, 0x00]), 256);
    }

    /// A database of two pages: its schema, and the table `Packages` whose one row is named by so many cells.
    fn database(cells: u16) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[..21].copy_from_slice(b"SQLite format 3\0\x02\0\x01\x01\0");
        // Each cell: length, number, then the record: its head (length and types) and its values.
        let schema = [b"\x1d\x01", &b"\x06\x17\x1d\x1d\x01\x0f"[..], b"tablePackagesPackages\x02x"].concat();
        let row = [b"\x68\x01", &b"\x04\x00\x81\x54"[..], &[b'h'; 100]].concat();
        for (page, head, count, cell) in [(0, 100, 1, schema), (512, 0, cells, row)] {
            let start = 512 - cell.len();
            bytes[page + start..page + 512].copy_from_slice(&cell);
            bytes[page + head] = 13;
            bytes[page + head + 3..page + head + 5].copy_from_slice(&count.to_be_bytes());
            for at in 0..usize::from(count) {
                let place = page + head + 8 + at * 2;
                bytes[place..place + 2].copy_from_slice(&u16::try_from(start).unwrap().to_be_bytes());
            }
        }
        bytes
    }

    #[test]
    fn one_row_named_again_and_again_is_told() {
        assert_eq!(headers(&database(1)).unwrap(), [vec![b'h'; 100]]);
        assert_eq!(headers(&database(9)).unwrap().len(), 9);
        // Ten times a row of 104 bytes is more than the 1024 of the file.
        assert!(headers(&database(10)).unwrap_err().contains("malformed"));
    }

    #[test]
    fn a_row_of_too_many_columns_is_told() {
        let row = |columns: usize| {
            let head = columns + 2;
            let mut payload =
                [0x80 | (head >> 7), head & 0x7f].map(|byte| u8::try_from(byte).unwrap()).to_vec();
            payload.resize(head, 0);
            record(&payload, 1)
        };
        assert_eq!(row(COLUMNS).unwrap().len(), COLUMNS);
        assert_eq!(row(COLUMNS + 1), None);
    }

    #[test]
    fn pages_without_size_are_told() {
        let mut bytes = database(1);
        (bytes[16], bytes[17], bytes[20]) = (0, 0, 101);
        assert!(headers(&bytes).unwrap_err().contains("not a SQLite"));
    }

    #[test]
    fn a_tree_that_bites_its_tail_ends() {
        let mut bytes = b"SQLite format 3\0".to_vec();
        bytes.extend([2, 0, 1, 1, 0]);
        bytes.resize(512, 0);
        bytes[100] = 5;
        bytes[108..112].copy_from_slice(&1u32.to_be_bytes());
        assert!(Database::open(&bytes).unwrap().table("Packages", drop).is_err());
    }
}
