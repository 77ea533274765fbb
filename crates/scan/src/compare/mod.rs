//! What tells two builds of one image apart: their configs value by value, their layers entry by entry. Pure; the bytes
//! were verified by whoever read them.

mod hints;
mod layers;
mod values;

use lockgate_model::Digest;
use serde::Serialize;

pub use hints::{Hint, hints};
pub use layers::layers;
pub use values::values;

use crate::limits;

/// Differences of one kind: the first of them, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named<T> {
    /// The first ones, in order.
    pub named: Vec<T>,
    /// How many more there are.
    pub more: usize,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { named: Vec::new(), more: 0 }
    }
}

impl<T> Named<T> {
    fn push(&mut self, one: T) {
        if self.named.len() < limits::DIFFERENCES_NAMED {
            self.named.push(one);
        } else {
            self.more += 1;
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.named.len() + self.more
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }
}

/// A value that differs. Nothing stands for what one side does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// Which value: the name of a field, or its place in a document (RFC 6901).
    pub name: String,
    /// What the first image has.
    pub a: Option<String>,
    /// What the second has.
    pub b: Option<String>,
}

/// An entry that both layers have, and that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its path.
    pub path: String,
    /// What differs.
    pub values: Vec<Value>,
}

/// Where the order of the entries that both layers have begins to differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// The entry of the first.
    pub a: String,
    /// What stands there in the second.
    pub b: String,
}

/// How two layers of the same place relate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Relation {
    /// The same blob.
    Same,
    /// The same content, compressed otherwise.
    CompressedOtherwise,
    /// Other content.
    Different(Box<Difference>),
    /// Only the first image has a layer here.
    OnlyInA,
    /// Only the second has.
    OnlyInB,
}

/// What differs between two layers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Entries that only the first has.
    pub only_in_a: Named<String>,
    /// Entries that only the second has.
    pub only_in_b: Named<String>,
    /// Entries that differ.
    pub changed: Named<Changed>,
    /// Where the order begins to differ.
    pub order: Option<Order>,
    /// Whether nothing of that differs: the tars are written otherwise, in what no field says (padding, or records of the
    /// whole archive).
    pub only_framing: bool,
}

/// The layers of one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerPair {
    /// The place, 0 the lowest.
    pub place: usize,
    /// The blob of the first image.
    pub a: Option<Digest>,
    /// The blob of the second.
    pub b: Option<Digest>,
    /// How they relate.
    #[serde(flatten)]
    pub relation: Relation,
}

/// Two images of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImagePair {
    /// The platform; empty where nothing says so.
    pub platform: String,
    /// The manifest of the first; nothing where it has no image for that platform.
    pub a: Option<Digest>,
    /// The manifest of the second.
    pub b: Option<Digest>,
    /// What differs in the manifests, apart from what is told of config and layers.
    pub manifest: Named<Value>,
    /// What differs in the configs, apart from the list of layers.
    pub config: Named<Value>,
    /// The layers, lowest first.
    pub layers: Vec<LayerPair>,
}
