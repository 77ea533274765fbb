//! `key` and `identity`: make keys, look at key files; the rest is the keyring's.

use std::path::Path;

use lockgate_attest::keys::{PublicKey, SigningKey};
use serde_json::json;

use super::args::{Global, Identity, Key, Output};
use super::{DONE, keyring};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file, write_new};
use crate::show;

/// `lockgate key`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Key) -> Result<u8, Failure> {
    match args {
        Key::Generate { name, folder } => {
            let folder = folder.clone().unwrap_or_else(|| around.workspace_folder(global));
            let public = generate(&folder, name)?;
            match global.output {
                Output::Json => show::json(&json!({"name": name, "key": public.id()})),
                Output::Table => say!(
                    "keys/{name}.key signs; trust/{name}.pub verifies. To trust it, add it to the keyring:\n  lockgate key add {name} --owner WHO --role builder --stages STAGES\nor, the simple way, name it under `keys` in lockgate.yaml:\n  - {{name: {name}, file: trust/{name}.pub}}"
                ),
            }
            Ok(DONE)
        }
        Key::Add(args) => keyring::add_key(global, around, args).await,
        Key::Rotate(args) => keyring::rotate(global, around, args).await,
        Key::Retire { name } => keyring::retire(global, around, name).await,
        Key::Revoke(args) => keyring::revoke(global, around, args).await,
        Key::BlastRadius { key, compromised_since } => {
            keyring::blast_radius(global, around, key, *compromised_since).await
        }
        Key::List(which) => keyring::list(global, around, which, true).await,
        Key::Show { key } if Path::new(key).is_file() => show_file(global, Path::new(key)),
        Key::Show { key } => keyring::show_member(global, around, key).await,
    }
}

/// `lockgate identity`
pub(super) async fn identity(global: &Global, around: &Surroundings, args: &Identity) -> Result<u8, Failure> {
    match args {
        Identity::Add(args) => keyring::add_identity(global, around, args).await,
        Identity::Retire { name } => keyring::retire(global, around, name).await,
        Identity::Revoke(args) => keyring::revoke(global, around, args).await,
        Identity::List(which) => keyring::list(global, around, which, false).await,
        Identity::Show { name } => keyring::show_member(global, around, name).await,
    }
}

fn show_file(global: &Global, file: &Path) -> Result<u8, Failure> {
    let bytes = read_file(file)?;
    let key = PublicKey::from_pem(&bytes)
        .or_else(|_| SigningKey::from_pem(&bytes).map(|key| key.public()))
        .map_err(|source| Failure::Key { file: file.display().to_string(), source })?;
    match global.output {
        Output::Json => show::json(&json!({"algorithm": key.algorithm(), "key": key.id()})),
        Output::Table => say!("{}  {}", key.algorithm(), key.id()),
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
