//! SUSE's form of the RPM database, `Packages.db` (rpm, `lib/backend/ndb/rpmpkg.c`): slots that say where each
//! package's blob is.

use super::Values;

/// Bytes of a page of slots.
const PAGE: usize = 4096;
/// Bytes of a slot, of a blob's head, and the unit of a blob's place.
const SLOT: usize = 16;
/// Most pages of slots: 255 packages each.
const PAGES: usize = 4096;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// The header of every package.
pub(super) fn headers(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let malformed = |what: &str| format!("the package database is malformed: {what}");
    if bytes.get(..4) != Some(b"RpmP") {
        return Err(malformed("it does not begin with RpmP"));
    }
    let pages = number(bytes, 12).unwrap_or_default() as usize;
    if pages == 0 || pages > PAGES {
        return Err(malformed("its number of slot pages"));
    }
    // The head takes the place of the first two slots.
    let slots = bytes.get(2 * SLOT..pages * PAGE).ok_or_else(|| malformed("it is cut off"))?;
    let mut headers = Values::of(bytes.len());
    for slot in slots.chunks_exact(SLOT) {
        if slot.get(..4) != Some(b"Slot") {
            return Err(malformed("a slot"));
        }
        let (index, place) = (number(slot, 4).unwrap_or_default(), number(slot, 8).unwrap_or_default());
        if index == 0 && place == 0 || number(slot, 12) == Some(0) {
            continue;
        }
        let blob = blob(bytes, index, place as usize * SLOT).ok_or_else(|| malformed("a blob"))?;
        headers.push(blob.to_vec()).ok_or_else(|| malformed("slots lead to the same blob"))?;
    }
    Ok(headers.values)
}

fn blob(bytes: &[u8], index: u32, at: usize) -> Option<&[u8]> {
    let head = bytes.get(at..at.checked_add(SLOT)?)?;
    if head.get(..4)? != b"BlbS" || number(head, 4)? != index {
        return None;
    }
    let start = at + SLOT;
    bytes.get(start..start.checked_add(number(head, 12)? as usize)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Vec<u8> {
        let mut bytes = b"RpmP".to_vec();
        for number in [0u32, 1, 1, 2, 0, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        for (index, place) in [(7u32, 256u32), (0, 0)] {
            bytes.extend(b"Slot");
            for number in [index, place, u32::from(place > 0)] {
                bytes.extend(number.to_le_bytes());
            }
        }
        while bytes.len() < PAGE {
            bytes.extend(b"Slot");
            bytes.extend([0; 12]);
        }
        bytes.extend(b"BlbS");
        for number in [7u32, 0, 5] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"hello");
        bytes
    }

    #[test]
    fn finds_blobs_by_their_slots() {
        assert_eq!(headers(&database()).unwrap(), [b"hello".to_vec()]);
    }

    #[test]
    fn slots_that_share_a_blob_are_told() {
        let mut shared = database();
        shared.resize(PAGE + SLOT + 3000, b'x');
        shared[PAGE + 12..PAGE + 16].copy_from_slice(&3000u32.to_le_bytes());
        for count in 1..=3 {
            let slot = 2 * SLOT + (count - 1) * SLOT;
            shared.copy_within(2 * SLOT..3 * SLOT, slot);
            assert_eq!(headers(&shared).map(|found| found.len()).ok(), (count < 3).then_some(count));
        }
    }

    #[test]
    fn damage_is_told() {
        let good = database();
        assert!(headers(&good[..good.len() - 1]).is_err());
        for at in [0, 32, PAGE, PAGE + 4] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(headers(&bad).is_err(), "{at}");
        }
    }
}
