//! A gate's settings: each gate reads its own, strictly.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is wrong with a gate's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    /// Where, within the settings: `keys[0]`; empty for the whole.
    pub path: String,
    /// What, and the nearest name that is known.
    pub message: String,
}

/// Reads settings as `T`.
pub(crate) fn read<T: DeserializeOwned>(settings: &Value) -> Result<T, SettingsError> {
    serde_path_to_error::deserialize(settings).map_err(|error| {
        let path = error.path().to_string();
        SettingsError {
            path: if path == "." { String::new() } else { path },
            message: explain(error.inner()),
        }
    })
}

/// serde's message, with the nearest known name for a misspelt one.
fn explain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown "), quoted.next()) {
        (true, Some(wrong)) => {
            let known: Vec<_> = quoted.collect();
            let what = if message.starts_with("unknown variant") { "value" } else { "field" };
            format!("there is no {what} `{wrong}`{}", nearest(wrong, &known))
        }
        _ => message,
    }
}

/// `; did you mean ...?`, or the names there are: the end of a message about a name that is not known.
pub fn nearest(wrong: &str, known: &[&str]) -> String {
    let close = known.iter().map(|name| (strsim::damerau_levenshtein(wrong, name), name)).min();
    match close {
        Some((distance, name)) if distance <= 2.max(wrong.len() / 3) => format!("; did you mean `{name}`?"),
        _ => format!(
            "; known are {}",
            known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}
