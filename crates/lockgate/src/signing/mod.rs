//! By what is signed: a key in a file or on a token, or a certificate for an identity. Secrets come from where the command line says, never
//! from the command line itself.

mod ci_token;
pub mod keyless;
pub mod pkcs11;
mod secret;

use std::path::Path;

use lockgate_attest::keys::{KeyError, Signer, SigningKey};

pub use secret::Secret;

use crate::commands::args::{KeyAccess, Means};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file};

/// The variable from which cosign takes passwords.
const COSIGN_PASSWORD: &str = "COSIGN_PASSWORD";

/// What signs.
pub fn signer(around: &Surroundings, means: &Means) -> Result<Box<dyn Signer>, Failure> {
    let key =
        means.key.as_deref().ok_or_else(|| Failure::told("there is no key to sign with", "add --key"))?;
    named(around, key, &means.access)
}

/// The key that a path or a URI names.
pub fn named(around: &Surroundings, key: &str, access: &KeyAccess) -> Result<Box<dyn Signer>, Failure> {
    if pkcs11::is_uri(key) {
        return Ok(Box::new(pkcs11::open(around, key, access)?));
    }
    Ok(Box::new(key_file(around, Path::new(key), access.password_from.as_ref())?))
}

/// A private key in a file. An encrypted one takes the password from `password`, or from where cosign takes it.
pub fn key_file(
    around: &Surroundings,
    path: &Path,
    password: Option<&Secret>,
) -> Result<SigningKey, Failure> {
    let bytes = read_file(path)?;
    let wrong = |source| Failure::Key { file: path.display().to_string(), source };
    match SigningKey::from_pem(&bytes) {
        Err(KeyError::Encrypted) => {}
        read => return read.map_err(wrong),
    }
    let password = match password {
        Some(from) => from.read(around, &format!("Password of {}: ", path.display()))?,
        None => around.variable(COSIGN_PASSWORD).map(String::into_bytes).map(Into::into).ok_or_else(|| {
            Failure::told(
                format!("{}: {}", path.display(), KeyError::Encrypted),
                format!("add --password-from env:NAME, file:PATH or prompt; or set {COSIGN_PASSWORD}, as for cosign"),
            )
        })?,
    };
    SigningKey::from_encrypted_pem(&bytes, &password).map_err(wrong)
}
