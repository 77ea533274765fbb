//! Random documents: ordinary ones, and ones in which keys, types, duplicates, cases, platforms and media types were changed.

use lockgate_model::oci::media;
use serde_json::{Value, json};

/// The same numbers for the same seed (xorshift).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most.max(1)
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// JSON whose keys may stand twice, and whose texts are written as they are.
#[derive(Debug, Clone)]
pub enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    Raw(String),
}

impl Json {
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Object(map) => Self::Object(
                map.iter().map(|(key, value)| (json!(key).to_string(), Self::of(value))).collect(),
            ),
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            other => Self::Raw(other.to_string()),
        }
    }

    pub fn write(&self) -> String {
        match self {
            Self::Object(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{key}:{}", value.write())).collect();
                format!("{{{}}}", entries.join(","))
            }
            Self::List(items) => format!("[{}]", items.iter().map(Self::write).collect::<Vec<_>>().join(",")),
            Self::Raw(text) => text.clone(),
        }
    }

    /// How many objects and lists there are, itself with them.
    fn places(&self) -> usize {
        match self {
            Self::Object(entries) => 1 + entries.iter().map(|(_, value)| value.places()).sum::<usize>(),
            Self::List(items) => 1 + items.iter().map(Self::places).sum::<usize>(),
            Self::Raw(_) => 0,
        }
    }

    /// The object or list of that number, in reading order from 0.
    fn place(&mut self, number: &mut usize) -> Option<&mut Self> {
        if matches!(self, Self::Raw(_)) {
            return None;
        }
        if *number == 0 {
            return Some(self);
        }
        *number -= 1;
        match self {
            Self::Object(entries) => entries.iter_mut().find_map(|(_, value)| value.place(number)),
            Self::List(items) => items.iter_mut().find_map(|item| item.place(number)),
            Self::Raw(_) => None,
        }
    }
}

const VALUES: [&str; 24] = [
    "null",
    "true",
    "0",
    "1",
    "2",
    "-1",
    "-0",
    "1.0",
    "1e2",
    "2.0",
    "9223372036854775808",
    "\"\"",
    "\"0\"",
    "\"1000\"",
    "\"x\"",
    "[]",
    "{}",
    "[null]",
    "[\"x\"]",
    "{\"a\":\"b\"}",
    "\"amd64\"",
    "\"linux\"",
    "\"layers\"",
    "\"a\\u0000b\"",
];
const TYPES: [&str; 12] = [
    media::OCI_MANIFEST,
    media::OCI_INDEX,
    media::DOCKER_MANIFEST,
    media::DOCKER_LIST,
    media::OCI_CONFIG,
    media::DOCKER_CONFIG,
    media::OCI_LAYER,
    media::OCI_LAYER_GZIP,
    media::OCI_LAYER_ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    media::OCI_EMPTY,
    media::IN_TOTO,
];
const KEYS: [&str; 16] = [
    "config",
    "layers",
    "manifests",
    "User",
    "rootfs",
    "diff_ids",
    "history",
    "digest",
    "mediaType",
    "platform",
    "urls",
    "data",
    "subject",
    "artifactType",
    "os.version",
    "x-vendor",
];

/// A spelling of a key: mostly one that some reader takes for it.
fn spelling(key: &str, chance: &mut Chance) -> String {
    let plain = key.trim_matches('"').to_owned();
    let spelt = match chance.below(9) {
        0 => {
            let mut letters = plain.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
        1 => plain.to_uppercase(),
        2 => plain.to_lowercase(),
        3 => plain.replacen('s', "\u{17f}", 1),
        4 => plain.replacen('k', "\u{212a}", 1),
        5 => format!("{plain} "),
        6 => plain.replace('_', "-"),
        // The same key, written otherwise.
        7 => {
            let mut letters = plain.chars();
            let first = u32::from(letters.next().unwrap_or('x'));
            return format!("\"\\u{first:04x}{}\"", letters.as_str());
        }
        _ => plain,
    };
    format!("\"{spelt}\"")
}

/// Changes one thing. `other` is a document of the same kind that means something else.
fn change(document: &mut Json, other: &Value, chance: &mut Chance) {
    let mut number = chance.below(document.places());
    match document.place(&mut number) {
        Some(Json::Object(entries)) if !entries.is_empty() => {
            let at = chance.below(entries.len());
            let (key, value) = entries[at].clone();
            let theirs = other.get(key.trim_matches('"')).map(Json::of);
            let strange = match chance.below(6) {
                0 => Json::Raw((*chance.one(&VALUES)).to_owned()),
                1 => Json::Raw(json!(chance.one(&TYPES)).to_string()),
                2 => value.clone(),
                _ => theirs.unwrap_or_else(|| value.clone()),
            };
            let new = if chance.below(4) == 0 {
                json!(chance.one(&KEYS)).to_string()
            } else {
                spelling(&key, chance)
            };
            match chance.below(7) {
                0 => entries.push((new, strange)),
                1 => entries.insert(0, (new, strange)),
                2 => entries[at].0 = new,
                3 => drop(entries.remove(at)),
                4 => entries.reverse(),
                5 => entries.push(("\"x-note\"".to_owned(), strange)),
                _ => entries[at].1 = strange,
            }
        }
        Some(Json::List(items)) if !items.is_empty() => {
            let at = chance.below(items.len());
            match chance.below(4) {
                0 => items.push(items[at].clone()),
                1 => drop(items.remove(at)),
                2 => items.reverse(),
                _ => items[at] = Json::Raw((*chance.one(&VALUES)).to_owned()),
            }
        }
        _ => {}
    }
}

/// A document made of `base` by up to three changes.
pub fn changed(base: &Value, other: &Value, chance: &mut Chance) -> String {
    let mut document = Json::of(base);
    for _ in 0..chance.below(4) {
        change(&mut document, other, chance);
    }
    document.write()
}
