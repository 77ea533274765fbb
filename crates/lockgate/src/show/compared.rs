//! What tells two builds of one image apart, for people.

use lockgate_engine::reproduce::Compared;
use lockgate_scan::compare::{Changed, Difference, ImagePair, LayerPair, Named, Relation, Value};

/// Most differences of one kind that are printed; the JSON has more.
const PRINTED: usize = 20;

/// Prints how two artifacts relate.
pub fn compared(compared: &Compared) {
    say!("A  {}", compared.a);
    say!("B  {}", compared.b);
    if compared.identical {
        say!("identical: the same bytes");
        return;
    }
    values("index", &compared.index);
    for image in &compared.images {
        of_image(image);
    }
    say!("different");
    for hint in &compared.hints {
        say!("  cause: {}", hint.cause);
        say!("    fix: {}", hint.fix);
    }
}

fn of_image(image: &ImagePair) {
    let platform = if image.platform.is_empty() { "image" } else { &image.platform };
    match (image.a, image.b) {
        (Some(_), None) => return say!("{platform}: only A has it"),
        (None, Some(_)) => return say!("{platform}: only B has it"),
        _ => say!("{platform}"),
    }
    values("manifest", &image.manifest);
    values("config", &image.config);
    for layer in &image.layers {
        of_layer(layer);
    }
}

fn values(what: &str, values: &Named<Value>) {
    for value in values.named.iter().take(PRINTED) {
        say!("  {what} {}  {}", value.name, sides(value));
    }
    more(&format!("  {what}"), values);
}

fn sides(value: &Value) -> String {
    let [a, b] = [&value.a, &value.b].map(|side| side.as_deref().unwrap_or("-"));
    format!("A: {a}  B: {b}")
}

fn more<T>(what: &str, named: &Named<T>) {
    let more = named.count().saturating_sub(PRINTED);
    if more > 0 {
        say!("{what} and {more} more");
    }
}

fn of_layer(layer: &LayerPair) {
    let place = layer.place;
    match &layer.relation {
        Relation::Same => say!("  layer {place}  the same"),
        Relation::CompressedOtherwise => say!("  layer {place}  the same content, compressed otherwise"),
        Relation::OnlyInA => say!("  layer {place}  only A has it"),
        Relation::OnlyInB => say!("  layer {place}  only B has it"),
        Relation::Different(difference) => {
            say!("  layer {place}  different");
            of_difference(difference);
        }
    }
}

fn of_difference(difference: &Difference) {
    for (who, only) in [("A", &difference.only_in_a), ("B", &difference.only_in_b)] {
        for path in only.named.iter().take(PRINTED) {
            say!("    only {who}  {}", path);
        }
        more(&format!("    only {who}"), only);
    }
    for Changed { path, values } in difference.changed.named.iter().take(PRINTED) {
        say!("    {}", path);
        for value in values {
            say!("      {}  {}", value.name, sides(value));
        }
    }
    more("    changed:", &difference.changed);
    if let Some(order) = &difference.order {
        say!("    order: where A has {}, B has {}", order.a, order.b);
    }
    if difference.only_framing {
        say!("    the entries are the same: padding or records of the whole tar differ");
    }
}
