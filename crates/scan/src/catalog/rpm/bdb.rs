//! The old form of the RPM database, `Packages`: a Berkeley DB hash table (Oracle, Berkeley DB "db_page.h").

use std::collections::BTreeSet;

use super::Values;

const HASH_MAGIC: u32 = 0x0006_1561;
/// Bytes of a page's head.
const HEAD: usize = 26;
/// Page types: a hash page (unsorted and sorted), and one of a value that overflows.
const HASH_UNSORTED: u8 = 2;
const HASH: u8 = 13;
const OVERFLOW: u8 = 7;
/// Item types: a value on the page, and one on pages of its own.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

struct Table<'a> {
    bytes: &'a [u8],
    page: usize,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(two.try_into().ok()?)))
}

/// The header of every package.
pub(super) fn headers(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let malformed = |what: &str| format!("the package database is malformed: {what}");
    if number(bytes, 12) != Some(HASH_MAGIC) {
        return Err(malformed("it is not a Berkeley DB hash table in little-endian order"));
    }
    let page = number(bytes, 20).unwrap_or_default() as usize;
    if !(512..=65_536).contains(&page) || !page.is_power_of_two() {
        return Err(malformed("its page size"));
    }
    if bytes.get(24) != Some(&0) {
        return Err(malformed("it is encrypted"));
    }
    let table = Table { bytes, page };
    let last = number(bytes, 32).unwrap_or_default() as usize;
    if last.checked_add(1).and_then(|pages| pages.checked_mul(page)).is_none_or(|size| size > bytes.len()) {
        return Err(malformed("it is cut off"));
    }
    let mut headers = Values::of(bytes.len());
    for at in 1..=last {
        let here = table.page(at).ok_or_else(|| malformed("a page is missing"))?;
        if matches!(here.get(25), Some(&(HASH | HASH_UNSORTED))) {
            table.values(here, &mut headers).ok_or_else(|| malformed("a hash page"))?;
        }
    }
    Ok(headers.values)
}

impl<'a> Table<'a> {
    fn page(&self, at: usize) -> Option<&'a [u8]> {
        let start = at.checked_mul(self.page)?;
        self.bytes.get(start..start.checked_add(self.page)?)
    }

    /// Keys and values take turns; the values are headers.
    fn values(&self, page: &[u8], headers: &mut Values) -> Option<()> {
        let count = short(page, 20)?;
        for at in (1..count).step_by(2) {
            let start = short(page, HEAD + at * 2)?;
            match *page.get(start)? {
                OFF_PAGE => {
                    let (first, length) = (number(page, start + 4)?, number(page, start + 8)?);
                    headers.push(self.overflow(first as usize, length as usize)?)?;
                }
                ON_PAGE => {
                    // Items are laid from the end of the page: the one before ends where this begins.
                    let end = short(page, HEAD + (at - 1) * 2)?;
                    let value = page.get(start + 1..end)?;
                    // The counter of packages is a value of four bytes.
                    if value.len() > 16 {
                        headers.push(value.to_vec())?;
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn overflow(&self, first: usize, length: usize) -> Option<Vec<u8>> {
        let (mut value, mut next, mut seen) = (Vec::new(), first, BTreeSet::new());
        while next != 0 {
            let page = self.page(next).filter(|_| seen.insert(next))?;
            if page.get(25) != Some(&OVERFLOW) {
                return None;
            }
            let here = short(page, 22)?;
            value.extend_from_slice(page.get(HEAD..HEAD + here)?);
            if value.len() > length {
                return None;
            }
            next = number(page, 16)? as usize;
        }
        (value.len() == length).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
        bytes[at..at + what.len()].copy_from_slice(what);
    }

    /// Four pages: the meta page, a hash page with a value on the page and one off it, and its two overflow pages.
    fn database() -> Vec<u8> {
        let mut bytes = vec![0; 4 * 512];
        put(&mut bytes, 12, &HASH_MAGIC.to_le_bytes());
        put(&mut bytes, 20, &512u32.to_le_bytes());
        put(&mut bytes, 32, &3u32.to_le_bytes());
        let page = &mut bytes[512..1024];
        put(page, 20, &4u16.to_le_bytes());
        page[25] = HASH;
        for (at, start) in [(0usize, 507u16), (1, 480), (2, 475), (3, 463)] {
            put(page, HEAD + at * 2, &start.to_le_bytes());
        }
        page[480] = ON_PAGE;
        put(page, 481, b"a header that lies on page");
        page[463] = OFF_PAGE;
        put(page, 467, &2u32.to_le_bytes());
        put(page, 471, &490u32.to_le_bytes());
        for (at, next, length) in [(2usize, 3u32, 486u16), (3, 0, 4)] {
            let page = &mut bytes[at * 512..(at + 1) * 512];
            put(page, 16, &next.to_le_bytes());
            put(page, 22, &length.to_le_bytes());
            page[25] = OVERFLOW;
            page[HEAD..].fill(b'x');
        }
        bytes
    }

    #[test]
    fn reads_values_on_and_off_the_page() {
        let found = headers(&database()).unwrap();
        assert_eq!(found, [b"a header that lies on page".to_vec(), vec![b'x'; 490]]);
    }

    #[test]
    fn items_that_share_a_value_are_told() {
        let mut shared = database();
        let page = 512;
        for count in [4u16, 8, 12] {
            put(&mut shared, page + 20, &count.to_le_bytes());
            for at in 4..usize::from(count) {
                let start = if at % 2 == 0 { 475u16 } else { 463 };
                put(&mut shared, page + HEAD + at * 2, &start.to_le_bytes());
            }
            let found = headers(&shared);
            // The value on the page, and that of 490 bytes again and again, in a file of 2048.
            assert_eq!(found.is_ok(), count < 12, "{count}");
        }
    }

    #[test]
    fn cycles_and_cuts_are_told() {
        let mut cyclic = database();
        put(&mut cyclic, 3 * 512 + 16, &2u32.to_le_bytes());
        assert!(headers(&cyclic).is_err());
        assert!(headers(&database()[..1600]).is_err());
    }
}
