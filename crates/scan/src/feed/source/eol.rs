//! When distributions end (endoflife.date, API v1, "/products/{product}").

use lockgate_model::Timestamp;
use serde_json::Value;

/// `debian:12` and the day, for each release that has one.
pub(in crate::feed) fn read(value: &Value) -> Vec<(String, Timestamp)> {
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(result) = value.get("result") else { return Vec::new() };
    let Some(product) = word(result, "name") else { return Vec::new() };
    let releases = result.get("releases").and_then(Value::as_array).into_iter().flatten();
    let dated = releases.filter_map(|release| {
        let day = word(release, "eoesFrom").or_else(|| word(release, "eolFrom"))?;
        let until = format!("{day}T00:00:00Z").parse().ok()?;
        Some((format!("{}:{}", id(&product), word(release, "name")?), until))
    });
    dated.collect()
}

/// When the document was made.
pub(in crate::feed) fn generated(value: &Value) -> Option<Timestamp> {
    value.get("generated_at").and_then(Value::as_str)?.parse().ok()
}

/// The `ID` of os-release(5), where the site has another name.
fn id(product: &str) -> &str {
    match product {
        "alpine-linux" => "alpine",
        "rocky-linux" => "rocky",
        "amazon-linux" => "amzn",
        "oracle-linux" => "ol",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_day_of_each_release() {
        let value = serde_json::json!({"result": {"name": "alpine-linux", "releases": [
            {"name": "3.20", "eolFrom": "2026-04-01"}, {"name": "edge", "eolFrom": null}, {"name": "x", "eolFrom": "?"}]}});
        let read = read(&value);
        assert_eq!(read, [("alpine:3.20".to_owned(), "2026-04-01T00:00:00Z".parse().unwrap())]);
    }
}
