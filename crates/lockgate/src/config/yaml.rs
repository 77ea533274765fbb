//! YAML to JSON values, with the place of each.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

/// Deepest nesting.
const DEPTH: usize = 20;

/// A place in the file: line and column, from 1.
pub(super) type Place = (usize, usize);

/// A document, and where each of its values is, by path: `route[1].gates.signature`.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) places: BTreeMap<String, Place>,
}

/// Reads one document. Anchors and aliases are refused: a small file could otherwise become a huge one.
pub(super) fn read(text: &str) -> Result<Document, (Place, String)> {
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(column) = alias(line) {
            return Err((
                (number, column),
                "anchors, aliases and tags are not read: write the value out".to_owned(),
            ));
        }
    }
    let mut documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let marker = error.marker();
        ((marker.line().max(1), marker.col() + 1), error.info().to_owned())
    })?;
    let (Some(node), true) = (documents.pop(), documents.is_empty()) else {
        return Err(((1, 1), "the file must hold exactly one YAML document".to_owned()));
    };
    let mut places = BTreeMap::new();
    let value = convert(&node, "", 0, &mut places)?;
    Ok(Document { value, places })
}

/// The column of an anchor, alias or tag.
fn alias(line: &str) -> Option<usize> {
    let (mut quoted, mut before) = (None, ' ');
    for (column, c) in (1..).zip(line.chars()) {
        match (quoted, c) {
            (Some(quote), c) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if !before.is_alphanumeric() => quoted = Some(c),
            (None, '#') if before.is_whitespace() => return None,
            (None, '&' | '*' | '!') if before.is_whitespace() || matches!(before, '[' | '{' | ',') => {
                return Some(column);
            }
            _ => {}
        }
        before = c;
    }
    None
}

fn convert(
    node: &MarkedYaml<'_>,
    path: &str,
    depth: usize,
    places: &mut BTreeMap<String, Place>,
) -> Result<Value, (Place, String)> {
    let place = (node.span.start.line(), node.span.start.col() + 1);
    places.entry(path.to_owned()).or_insert(place);
    if depth > DEPTH {
        return Err((place, format!("it is nested deeper than {DEPTH} levels")));
    }
    match &node.data {
        YamlData::Value(scalar) => Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => Value::from(*value),
            Scalar::Integer(value) => Value::from(*value),
            Scalar::FloatingPoint(value) => Value::from(value.into_inner()),
            Scalar::String(value) => Value::from(value.as_ref()),
        }),
        YamlData::Representation(text, ..) => Ok(Value::from(text.as_ref())),
        YamlData::Sequence(items) => {
            let mut list = Vec::new();
            for (index, item) in items.iter().enumerate() {
                list.push(convert(item, &format!("{path}[{index}]"), depth + 1, places)?);
            }
            Ok(Value::Array(list))
        }
        YamlData::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let at = (key.span.start.line(), key.span.start.col() + 1);
                let name =
                    key.data.as_str().ok_or_else(|| (at, "a field's name must be a text".to_owned()))?;
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                places.insert(path.clone(), at);
                map.insert(name.to_owned(), convert(value, &path, depth + 1, places)?);
            }
            Ok(Value::Object(map))
        }
        _ => Err((place, "this kind of value is not read".to_owned())),
    }
}
