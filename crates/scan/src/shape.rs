//! What documents of others must look like, field by field, so that nothing that was meant to say something is passed over.
//!
//! A reader that looks up the fields it knows takes `product` for the absence of `products`, and an object where a list
//! belongs for an empty list. Here each format says what its fields hold; the first difference is an error with its place.

use std::fmt;

use lockgate_model::Timestamp;
use serde_json::{Map, Value};

/// How documents of others are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shapes {
    /// What is not understood is passed over: as Editions up to 2026-2 read.
    Lenient,
    /// What is not understood is an error of the document.
    Strict,
}

impl Shapes {
    /// Whether what is not understood is an error.
    pub fn is_strict(self) -> bool {
        self == Self::Strict
    }
}

/// What reading a document of others gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<T> {
    /// It was read, whole.
    Whole(T),
    /// It is something else: nothing here.
    Nothing,
    /// It is, or claims to be, what is asked for, and could not be read: why.
    Failed(String),
}

impl<T> Read<T> {
    /// What was read, or why not; nothing where there is nothing.
    pub fn into_result(self) -> Option<Result<T, String>> {
        match self {
            Self::Whole(document) => Some(Ok(document)),
            Self::Nothing => None,
            Self::Failed(why) => Some(Err(why)),
        }
    }
}

/// Deepest nesting that is looked into.
const DEPTH: usize = 160;

/// What a value must look like.
pub(crate) enum Shape {
    /// A text, perhaps empty.
    Text,
    /// A text that says something.
    Said,
    /// An instant (RFC 3339).
    Time,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list with at least so many members.
    List(&'static Shape, usize),
    /// Nothing (`null`), or this: programs write absent lists so.
    Maybe(&'static Shape),
    /// An object with these fields.
    Object(&'static Fields),
    /// A text, or else an object with these fields.
    TextOr(&'static Fields),
}

/// The fields of an object.
pub(crate) struct Fields {
    /// Those that must be there.
    pub(crate) must: &'static [(&'static str, Shape)],
    /// Those that may be there.
    pub(crate) may: &'static [(&'static str, Shape)],
    /// Those that may be there and are not looked into.
    pub(crate) other: &'static [&'static str],
    /// Whether there may be fields of other names: then only what looks like a misspelt name is an error.
    pub(crate) open: bool,
}

/// What a component of CycloneDX 1.4 to 1.7 may have besides what is looked into (ECMA-424, "component").
pub(crate) const OF_COMPONENT: &[&str] = &[
    "type",
    "mime-type",
    "group",
    "supplier",
    "manufacturer",
    "author",
    "authors",
    "publisher",
    "versionRange",
    "isExternal",
    "description",
    "scope",
    "licenses",
    "copyright",
    "patentAssertions",
    "cpe",
    "omniborId",
    "swhid",
    "swid",
    "modified",
    "pedigree",
    "externalReferences",
    "evidence",
    "releaseNotes",
    "modelCard",
    "data",
    "cryptoProperties",
    "properties",
    "tags",
    "signature",
    "hashes",
];

/// Checks that `value` looks so. The error says where it does not, and how it should.
pub(crate) fn check(value: &Value, shape: &Shape) -> Result<(), String> {
    let mut place = Place::default();
    check_at(value, shape, &mut place).map_err(|why| format!("{place}{why}"))
}

/// Where in a document a value is.
#[derive(Default)]
struct Place(Vec<String>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let text = self.0.concat();
        let text: String = text.trim_start_matches('.').chars().take(200).collect();
        write!(f, "`{text}`: ")
    }
}

impl Place {
    fn within(
        &mut self,
        step: String,
        look: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.0.len() > DEPTH {
            return Err(format!("nested more than {DEPTH} deep"));
        }
        self.0.push(step);
        look(self)?;
        self.0.pop();
        Ok(())
    }
}

fn check_at(value: &Value, shape: &Shape, place: &mut Place) -> Result<(), String> {
    match (shape, value) {
        (Shape::Text | Shape::TextOr(_), Value::String(_)) | (Shape::Maybe(_), Value::Null) => Ok(()),
        (Shape::Said, Value::String(text)) if text.trim().is_empty() => Err("it is empty".to_owned()),
        (Shape::Said, Value::String(_)) => Ok(()),
        (Shape::Time, Value::String(text)) => {
            text.parse::<Timestamp>().map(drop).map_err(|error| error.to_string())
        }
        (Shape::OneOf(known), Value::String(text)) => one_of(text, known),
        (Shape::List(_, least), Value::Array(list)) if list.len() < *least => {
            Err("the list is empty".to_owned())
        }
        (Shape::List(shape, _), Value::Array(list)) => list
            .iter()
            .enumerate()
            .try_for_each(|(at, one)| place.within(format!("[{at}]"), |place| check_at(one, shape, place))),
        (Shape::Maybe(shape), _) => check_at(value, shape, place),
        (Shape::Object(fields) | Shape::TextOr(fields), Value::Object(map)) => {
            check_fields(map, fields, place)
        }
        _ => Err(format!("it is {}, and must be {}", kind(value), wanted(shape))),
    }
}

fn check_fields(map: &Map<String, Value>, fields: &Fields, place: &mut Place) -> Result<(), String> {
    let known =
        || fields.must.iter().chain(fields.may).map(|(name, _)| *name).chain(fields.other.iter().copied());
    for name in map.keys().filter(|name| !known().any(|one| one == *name)) {
        let near = known().find(|one| is_like(name, one));
        if near.is_none() && fields.open {
            continue;
        }
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return place.within(format!(".{name}"), |_| Err(format!("there is no such field{near}")));
    }
    for (name, shape) in fields.must {
        let value = map.get(*name).ok_or_else(|| format!("the field `{name}` is missing"))?;
        place.within(format!(".{name}"), |place| check_at(value, shape, place))?;
    }
    for (name, shape) in fields.may {
        if let Some(value) = map.get(*name) {
            place.within(format!(".{name}"), |place| check_at(value, shape, place))?;
        }
    }
    Ok(())
}

fn one_of(text: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&text) {
        return Ok(());
    }
    let said: String = text.chars().filter(|one| !one.is_control()).take(60).collect();
    let near = known.iter().find(|one| is_like(text, one)).map(|near| format!("; did you mean `{near}`?"));
    Err(near.map_or_else(
        || format!("`{said}` is not one of {}", known.join(", ")),
        |near| format!("`{said}` is not a word of the format{near}"),
    ))
}

/// Whether a name that is not known looks like one that is: the same but for case, signs and letters that fold, or a slip
/// of the pen away.
pub(crate) fn is_like(name: &str, known: &str) -> bool {
    // Far longer names are no slips, and comparing them would take long.
    if name.len() > 4 * known.len() + 16 {
        return false;
    }
    let (name, known) = (plain(name), plain(known));
    let slips = match known.len() {
        0..=3 => 0,
        4..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    name == known || strsim::damerau_levenshtein(&name, &known) <= slips
}

/// A name in small letters without signs, as Go folds letters.
fn plain(name: &str) -> String {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other,
    };
    name.chars().map(fold).filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Said | Shape::OneOf(_) => "a text",
        Shape::Time => "a date and time",
        Shape::List(..) => "a list",
        Shape::Maybe(shape) => wanted(shape),
        Shape::Object(_) => "an object",
        Shape::TextOr(_) => "a text or an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static PART: Shape = Shape::Object(&Fields {
        must: &[("name", Shape::Said)],
        may: &[("parts", Shape::List(&PART, 0)), ("at", Shape::Time)],
        other: &["note"],
        open: false,
    });
    const OPEN: Shape = Shape::Object(&Fields {
        must: &[],
        may: &[("Vulnerabilities", Shape::Maybe(&PARTS))],
        other: &[],
        open: true,
    });
    const PARTS: Shape = Shape::List(&PART, 1);

    #[test]
    fn the_first_difference_is_named_with_its_place() {
        for (value, why) in [
            (
                json!({"name": "a", "parts": [{"name": "b", "note": 1}], "at": "2026-01-01T00:00:00+01:00"}),
                "",
            ),
            (json!([]), "it is a list, and must be an object"),
            (json!({}), "the field `name` is missing"),
            (json!({"name": " "}), "`name`: it is empty"),
            (json!({"name": 1}), "`name`: it is a number, and must be a text"),
            (json!({"Name": "a"}), "`Name`: there is no such field; did you mean `name`?"),
            (json!({"name": "a", "part\u{17f}": []}), "did you mean `parts`?"),
            (json!({"name": "a", "prats": []}), "did you mean `parts`?"),
            (json!({"name": "a", "zzz": []}), "`zzz`: there is no such field"),
            (json!({"name": "a", "at": "yesterday"}), "`at`: `yesterday` is not an RFC 3339"),
            (
                json!({"name": "a", "parts": [{"name": "b"}, {"parts": []}]}),
                "`parts[1]`: the field `name` is missing",
            ),
            (json!({"name": "a", "parts": null}), "`parts`: it is null, and must be a list"),
        ] {
            match check(&value, &PART) {
                Ok(()) => assert_eq!(why, "", "{value}"),
                Err(error) => assert!(!why.is_empty() && error.contains(why), "{value}: {error}"),
            }
        }
    }

    #[test]
    fn an_open_object_refuses_misspelt_names_only() {
        for good in [json!({}), json!({"Vulnerabilities": null}), json!({"Packages": []})] {
            assert_eq!(check(&good, &OPEN), Ok(()), "{good}");
        }
        for bad in
            ["vulnerabilities", "Vulnerabilties", "Vulnerability", "vulner_abilities", "VULNERABILITIES"]
        {
            assert!(check(&json!({bad: []}), &OPEN).is_err(), "{bad}");
        }
        assert!(check(&json!({"Vulnerabilities": []}), &OPEN).is_err());
    }

    #[test]
    fn endless_nesting_is_refused() {
        let mut deep = json!({"name": "x"});
        for _ in 0..200 {
            deep = json!({"name": "x", "parts": [deep]});
        }
        assert!(check(&deep, &PART).unwrap_err().contains("nested"));
    }
}
