//! `key` and `identity`: make keys, look at key files; the rest is the keyring's.

use std::path::Path;

use lockgate_attest::keys::{PublicKey, SigningKey};
use serde_json::json;
use zeroize::Zeroizing;

use super::args::{Global, Identity, Key, Output};
use super::{DONE, keyring};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file, write_new};
use crate::signing::Secret;
use crate::{show, signing};

/// `lockgate key`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Key) -> Result<u8, Failure> {
    match args {
        Key::Generate { name, folder, password_from } => {
            let folder = folder.clone().unwrap_or_else(|| around.workspace_folder(global));
            let password = password_from.as_ref().map(|place| chosen(around, place)).transpose()?;
            let public = generate(&folder, name, password.as_deref())?;
            match global.output {
                Output::Json => show::json(&json!({"name": name, "key": public.id()})),
                Output::Table => {
                    say!(
                        "keys/{name}.key signs; trust/{name}.pub verifies. To trust it, add it to the keyring:"
                    );
                    say!("  lockgate key add {name} --owner WHO --role builder --stages STAGES");
                    say!("or, the simple way, name it under `keys` in lockgate.yaml:");
                    say!("  - {{name: {name}, file: trust/{name}.pub}}");
                }
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
        Key::Public { key, access } => {
            show::lines(&signing::named(around, key, access)?.public().to_pem());
            Ok(DONE)
        }
        Key::Show { key, access } if Path::new(key).is_file() => {
            show_file(global, around, Path::new(key), access.password_from.as_ref())
        }
        Key::Show { key, .. } => keyring::show_member(global, around, key).await,
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

fn show_file(
    global: &Global,
    around: &Surroundings,
    file: &Path,
    password: Option<&Secret>,
) -> Result<u8, Failure> {
    let key = match PublicKey::from_pem(&read_file(file)?) {
        Ok(key) => key,
        Err(_) => signing::key_file(around, file, password)?.public(),
    };
    match global.output {
        Output::Json => show::json(&json!({"algorithm": key.algorithm(), "key": key.id()})),
        Output::Table => say!("{}  {}", key.algorithm(), key.id()),
    }
    Ok(DONE)
}

/// A password that is chosen now: typed twice, where it is typed.
fn chosen(around: &Surroundings, place: &Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let password = place.read(around, "Password for the new key: ")?;
    if *place == Secret::Prompt && place.read(around, "Once more: ")? != password {
        return Err(Failure::told("the two passwords differ", "nothing was written: try again"));
    }
    Ok(password)
}

/// Writes `keys/NAME.key`, encrypted where there is a password, and `trust/NAME.pub`; neither may be there.
pub(super) fn generate(folder: &Path, name: &str, password: Option<&Vec<u8>>) -> Result<PublicKey, Failure> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(letters) {
        return Err(Failure::told(
            format!("`{name}` is not a name for a key"),
            "use lower-case letters, digits and `-`",
        ));
    }
    let wrong = |source| Failure::Key { file: format!("keys/{name}.key"), source };
    let key = SigningKey::generate().map_err(wrong)?;
    let pem = match password {
        Some(password) => key.to_encrypted_pem(password),
        None => key.to_pem(),
    };
    let pem = pem.map_err(wrong)?;
    write_new(&folder.join(format!("keys/{name}.key")), pem.as_bytes(), 0o600)?;
    write_new(&folder.join(format!("trust/{name}.pub")), key.public().to_pem().as_bytes(), 0o644)?;
    Ok(key.public())
}
