//! PAX records (POSIX pax, "pax Extended Header"): what stands before a member and overrides its header.

use std::collections::BTreeMap;
use std::io;

use super::header::invalid;

/// Records by key, the last of each. An empty value is none: the header's own counts.
#[derive(Debug, Default)]
pub(super) struct Pax {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Offsets and lengths of `GNU.sparse` 0.0 in turn, which repeat their keys.
    pieces: Vec<Vec<u8>>,
}

/// The map of a file with holes in version 0.1, and what those of 0.0 are gathered under.
pub(super) const SPARSE_MAP: &str = "GNU.sparse.map";

impl Pax {
    /// Reads all records. Errors where Go's reader refuses them.
    pub(super) fn read(bytes: &[u8]) -> io::Result<Self> {
        let mut pax = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or_else(|| invalid("a PAX record is malformed"))?;
            rest = after;
            match key {
                b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                    let is_offset = key == b"GNU.sparse.offset";
                    if is_offset != pax.pieces.len().is_multiple_of(2) || value.contains(&b',') {
                        return Err(invalid("the pieces of a sparse file are out of order"));
                    }
                    pax.pieces.push(value.to_vec());
                }
                _ => drop(pax.records.insert(key.to_vec(), value.to_vec())),
            }
        }
        if !pax.pieces.is_empty() {
            pax.records.insert(SPARSE_MAP.into(), std::mem::take(&mut pax.pieces).join(&b','));
        }
        Ok(pax)
    }

    /// Whether the numbers and times are such.
    pub(super) fn check(&self) -> io::Result<()> {
        for key in ["uid", "gid", "size"] {
            self.number(key)?;
        }
        match ["atime", "mtime", "ctime"].iter().find(|key| !self.get(key).is_none_or(is_time)) {
            Some(key) => Err(invalid(format!("the PAX {key} is not a time"))),
            None => Ok(()),
        }
    }

    /// What is said under `key`.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.records.get(key.as_bytes()).map(Vec::as_slice).filter(|value| !value.is_empty())
    }

    /// The number under `key`.
    pub(super) fn number(&self, key: &str) -> io::Result<Option<i64>> {
        let said = self.get(key).map(|value| {
            number(value).ok_or_else(|| invalid(format!("the PAX {key} is not a number of 64 bits")))
        });
        said.transpose()
    }
}

/// A decimal number, perhaps with a sign.
pub(super) fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Seconds, perhaps with a fraction.
fn is_time(value: &[u8]) -> bool {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let seconds = parts.next().and_then(number);
    seconds.is_some() && parts.next().is_none_or(|fraction| fraction.iter().all(u8::is_ascii_digit))
}

/// `LENGTH KEY=VALUE\n`, LENGTH counting all of it: key, value, and what follows.
pub(super) fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(bytes.get(..space)?)?).ok()?;
    let (whole, rest) = bytes.split_at_checked(length)?;
    let body = whole.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let (key, value) = body.split_at_checked(equals)?;
    let value = value.get(1..)?;
    let name = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
    let zero = if name { value.contains(&0) } else { key.contains(&0) };
    (!key.is_empty() && !zero).then_some((key, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (key, value) in records {
            let body = [b" ", *key, b"=", *value, b"\n"].concat();
            let length = (1..9).find(|digits| (body.len() + digits).to_string().len() == *digits).unwrap();
            all.extend((body.len() + length).to_string().into_bytes());
            all.extend(body);
        }
        all
    }

    #[test]
    fn the_last_of_each_key_counts_and_an_empty_one_is_none() {
        let pax = Pax::read(&written(&[(b"path", b"a"), (b"path", b"bb"), (b"x", b"")])).unwrap();
        assert_eq!((pax.get("path"), pax.get("x")), (Some(&b"bb"[..]), None));
        assert_eq!(Pax::read(&written(&[(b"path", b"a"), (b"path", b"")])).unwrap().get("path"), None);
        let pieces: [(&[u8], &[u8]); 3] =
            [(SPARSE_MAP.as_bytes(), b"7"), (b"GNU.sparse.offset", b"1"), (b"GNU.sparse.numbytes", b"2")];
        assert_eq!(Pax::read(&written(&pieces)).unwrap().get(SPARSE_MAP), Some(&b"1,2"[..]));
        assert!(Pax::read(&written(&[pieces[2], pieces[1]])).is_err());
        assert!(Pax::read(&written(&[(b"GNU.sparse.offset", b"1,2")])).is_err());
    }

    #[test]
    fn records_are_refused_where_go_refuses_them() {
        for (key, value) in [(&b"path"[..], &b"\0"[..]), (b"uname", b"a\0"), (b"", b"1"), (b"x\0y", b"1")] {
            assert!(Pax::read(&written(&[(key, value)])).is_err(), "{key:?}");
        }
        let cut: [&[u8]; 8] = [
            b"9 path=a",
            b"9 path=ab\n",
            b"8 path=a\n",
            b"x path=a\n",
            b"-9 path=a\n",
            b"6 pat\n",
            b" 9 path=a\n",
            b"3 \n",
        ];
        for bytes in cut {
            assert!(Pax::read(bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
        for (key, value, right) in [
            ("size", "+3", true),
            ("size", "-3", true),
            ("size", "x", false),
            ("size", "3 ", false),
            ("size", "99999999999999999999", false),
            ("mtime", "1.", true),
            ("mtime", "-.5", false),
            ("mtime", "-1.5", true),
            ("atime", "1.x", false),
            ("uid", "", true),
            ("gid", "1.0", false),
        ] {
            let read = Pax::read(&written(&[(key.as_bytes(), value.as_bytes())])).and_then(|pax| pax.check());
            assert_eq!(read.is_ok(), right, "{key}={value}");
        }
    }
}
