//! The same values in BER, spelled in any way that it allows.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and not each test needs all of it"
)]

/// Numbers that look like chance, the same for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Tag, content and rest of DER with tags of one byte.
fn take(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, start) = match der[1] {
        short if short < 0x80 => (usize::from(short), 2),
        long => {
            let digits = usize::from(long & 0x7f);
            (der[2..2 + digits].iter().fold(0, |all, byte| (all << 8) | usize::from(*byte)), 2 + digits)
        }
    };
    (der[0], &der[start..start + length], &der[start + length..])
}

fn with_length(tag: u8, content: &[u8], chance: &mut Chance) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_be_bytes();
    let least = size.iter().position(|byte| *byte != 0).map_or(1, |first| 4 - first);
    let digits = least + chance.below(5 - least);
    let zeros = vec![0; chance.below(3)];
    let length = if content.len() < 128 && chance.below(3) == 0 {
        vec![size[3]]
    } else {
        let count = u8::try_from(digits + zeros.len()).unwrap();
        [&[0x80 | count], &zeros[..], &size[4 - digits..]].concat()
    };
    [&[tag], &length[..], content].concat()
}

fn constructed(tag: u8, content: &[u8], chance: &mut Chance) -> Vec<u8> {
    if chance.below(3) > 0 {
        [&[tag, 0x80], content, &[0, 0]].concat()
    } else {
        with_length(tag, content, chance)
    }
}

/// An octet string in pieces.
fn pieces(mut content: &[u8], depth: usize, chance: &mut Chance) -> Vec<u8> {
    let mut whole = vec![];
    while !content.is_empty() {
        let (piece, rest) = content.split_at(1 + chance.below(content.len()));
        content = rest;
        let deeper = depth > 0 && chance.below(4) == 0;
        whole.extend(if deeper { pieces(piece, depth - 1, chance) } else { with_length(4, piece, chance) });
    }
    constructed(0x24, &whole, chance)
}

/// `der` in another spelling, except that signed content keeps its own: what is inside of octet strings is not touched.
pub(crate) fn respelled(der: &[u8], chance: &mut Chance) -> Vec<u8> {
    let (mut rest, mut all) = (der, vec![]);
    while !rest.is_empty() {
        let (tag, content, after) = take(rest);
        rest = after;
        all.extend(match tag {
            4 if chance.below(2) == 0 => pieces(content, 3, chance),
            tag if tag & 0x20 != 0 => {
                let content = respelled(content, chance);
                constructed(tag, &content, chance)
            }
            tag => with_length(tag, content, chance),
        });
    }
    all
}
