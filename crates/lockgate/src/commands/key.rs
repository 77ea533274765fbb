//! `key`: make and look at keys.

use std::path::Path;

use lockgate_attest::keys::{PublicKey, SigningKey};
use serde_json::json;

use super::DONE;
use super::args::{Global, Key, Output};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file, write_new};
use crate::show;

/// `lockgate key`
pub(super) fn run(global: &Global, around: &Surroundings, args: &Key) -> Result<u8, Failure> {
    match args {
        Key::Generate { name, folder } => {
            let folder = folder.clone().unwrap_or_else(|| around.workspace_folder(global));
            let public = generate(&folder, name)?;
            match global.output {
                Output::Json => show::json(&json!({"name": name, "key": public.id()})),
                Output::Table => say!(
                    "keys/{name}.key signs; trust/{name}.pub verifies. To trust it, name it under `keys` in lockgate.yaml:\n  - {{name: {name}, file: trust/{name}.pub}}"
                ),
            }
        }
        Key::Show { file } => {
            let bytes = read_file(file)?;
            let key = PublicKey::from_pem(&bytes)
                .or_else(|_| SigningKey::from_pem(&bytes).map(|key| key.public()))
                .map_err(|source| Failure::Key { file: file.display().to_string(), source })?;
            match global.output {
                Output::Json => show::json(&json!({"algorithm": key.algorithm(), "key": key.id()})),
                Output::Table => say!("{}  {}", key.algorithm(), key.id()),
            }
        }
    }
    Ok(DONE)
}

/// Writes `keys/NAME.key` and `trust/NAME.pub`; neither may be there.
pub(super) fn generate(folder: &Path, name: &str) -> Result<PublicKey, Failure> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(letters) {
        return Err(Failure::told(
            format!("`{name}` is not a name for a key"),
            "use lower-case letters, digits and `-`",
        ));
    }
    let key =
        SigningKey::generate().map_err(|source| Failure::Key { file: format!("keys/{name}.key"), source })?;
    let pem = key.to_pem().map_err(|source| Failure::Key { file: format!("keys/{name}.key"), source })?;
    write_new(&folder.join(format!("keys/{name}.key")), pem.as_bytes(), 0o600)?;
    write_new(&folder.join(format!("trust/{name}.pub")), key.public().to_pem().as_bytes(), 0o644)?;
    Ok(key.public())
}
