//! Keys that never leave their token: signing through a PKCS#11 library (PKCS#11 3.0; ECDSA on P-256).
//!
//! The library is code that is loaded into this process: its path is said by whoever runs the command, and by nothing that
//! is read. Loading it, and all that is unsafe about it, is in the `cryptoki` crate.

mod uri;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use lockgate_attest::keys::{KeyError, PublicKey, Signer, der_of_fixed};
use lockgate_model::Digest;

pub use uri::{Uri, is_uri};

use super::Secret;
use crate::commands::args::KeyAccess;
use crate::failure::Failure;
use crate::session::Surroundings;

/// Where cosign takes the library's path and the PIN from.
const COSIGN_MODULE: &str = "COSIGN_PKCS11_MODULE_PATH";
const COSIGN_PIN: &str = "COSIGN_PKCS11_PIN";
/// The curve P-256 as `CKA_EC_PARAMS` names it.
const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// A key on a token.
pub struct TokenKey {
    session: Mutex<Session>,
    key: ObjectHandle,
    public: PublicKey,
}

/// Opens the key that `text` names.
pub fn open(around: &Surroundings, text: &str, access: &KeyAccess) -> Result<TokenKey, Failure> {
    let uri = Uri::parse(text).map_err(|why| {
        Failure::told(format!("the key's URI: {why}"), "write it as pkcs11:token=NAME;object=NAME (RFC 7512)")
    })?;
    let module = match (&access.pkcs11_module, &uri.module) {
        (Some(path), _) | (None, Some(path)) => path.clone(),
        (None, None) => around.variable(COSIGN_MODULE).map(Into::into).ok_or_else(|| {
            Failure::told("nothing says which PKCS#11 library to load", "add --pkcs11-module FILE")
        })?,
    };
    let context = load(&module)?;
    let slot = find_slot(&context, &uri)?;
    let session = context.open_ro_session(slot).map_err(|error| told("the token", &error))?;
    login(around, &context, slot, &session, access.pin_from.as_ref().or(uri.pin.as_ref()))?;
    let key = find_key(&session, &uri)?;
    let public = public_half(&session, key)?;
    Ok(TokenKey { session: Mutex::new(session), key, public })
}

fn load(module: &Path) -> Result<Pkcs11, Failure> {
    let named = module.display();
    if !module.is_absolute() {
        return Err(Failure::told(
            format!("{named}: the path of a PKCS#11 library must be absolute"),
            "a relative one may lead to another file tomorrow",
        ));
    }
    let context = Pkcs11::new(module).map_err(|error| told(&named.to_string(), &error))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => Ok(context),
        Err(error) => Err(told(&named.to_string(), &error)),
    }
}

/// The one slot with a token that fits.
fn find_slot(context: &Pkcs11, uri: &Uri) -> Result<Slot, Failure> {
    let slots = context.get_slots_with_initialized_token().map_err(|error| told("the tokens", &error))?;
    let (mut found, mut names) = (Vec::new(), Vec::new());
    for slot in slots {
        let info = context.get_token_info(slot).map_err(|error| told("the tokens", &error))?;
        let fits = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|wanted| wanted == own);
        names.push(info.label().to_owned());
        if fits(&uri.token, info.label())
            && fits(&uri.serial, info.serial_number())
            && fits(&uri.manufacturer, info.manufacturer_id())
            && fits(&uri.model, info.model())
            && uri.slot.is_none_or(|wanted| wanted == slot.id())
        {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(Failure::told("no token fits the URI", format!("there are: {}", names.join(", ")))),
        _ => Err(Failure::told(
            format!("{} tokens fit the URI", found.len()),
            "add token=NAME, serial=NUMBER or slot-id=NUMBER",
        )),
    }
}

fn login(
    around: &Surroundings,
    context: &Pkcs11,
    slot: Slot,
    session: &Session,
    pin: Option<&Secret>,
) -> Result<(), Failure> {
    let info = context.get_token_info(slot).map_err(|error| told("the token", &error))?;
    if !info.login_required() {
        return Ok(());
    }
    let pin = match pin {
        Some(place) => Some(place.read(around, "PIN: ")?.to_vec()),
        None => around.variable(COSIGN_PIN).filter(|pin| !pin.is_empty()).map(String::into_bytes),
    };
    let pin = pin.map(String::from_utf8).transpose();
    let pin = pin.map_err(|_| Failure::told("the PIN is not UTF-8", "look at the place it is read from"))?;
    if pin.is_none() && !info.protected_authentication_path() {
        return Err(Failure::told(
            "the token asks for a PIN",
            "add --pin-from env:NAME, file:PATH or prompt",
        ));
    }
    // Once: each wrong PIN brings the token nearer to locking itself.
    let pin = pin.map(AuthPin::from);
    match session.login(UserType::User, pin.as_ref()) {
        Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid, _)) => {
            Err(Failure::told("the token says that the PIN is wrong", "a few wrong ones in a row lock it"))
        }
        Err(Error::Pkcs11(RvError::PinLocked, _)) => {
            Err(Failure::told("the token's PIN is locked", "its security officer can set a new one"))
        }
        other => other.map_err(|error| told("the token", &error)),
    }
}

/// The one private key that fits.
fn find_key(session: &Session, uri: &Uri) -> Result<ObjectHandle, Failure> {
    let mut wanted = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    wanted.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    wanted.extend(uri.id.clone().map(Attribute::Id));
    let found = session.find_objects(&wanted).map_err(|error| told("the token's keys", &error))?;
    match found.as_slice() {
        [key] => Ok(*key),
        [] => Err(Failure::told(
            "the token has no such private key",
            "`pkcs11-tool --module FILE --login --list-objects` lists what it has",
        )),
        _ => Err(Failure::told(
            format!("the token has {} private keys that fit the URI", found.len()),
            "add id=%01 or object=NAME",
        )),
    }
}

/// The public half, which a token keeps as an object of its own with the same id.
fn public_half(session: &Session, key: ObjectHandle) -> Result<PublicKey, Failure> {
    let read = |object, wanted: AttributeType| {
        session.get_attributes(object, &[wanted]).map(|mut found| found.pop())
    };
    let trouble = |error: Error| told("the token's key", &error);
    if !matches!(read(key, AttributeType::EcParams).map_err(trouble)?, Some(Attribute::EcParams(curve)) if curve == P256)
    {
        return Err(Failure::told("the token's key is not ECDSA P-256", "only keys of this kind sign"));
    }
    let missing = || {
        Failure::told(
            "the token does not have the public key that belongs to the private one",
            "write it there, with the same id",
        )
    };
    let Some(Attribute::Id(id)) = read(key, AttributeType::Id).map_err(trouble)? else {
        return Err(missing());
    };
    let wanted = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(id)];
    let found = session.find_objects(&wanted).map_err(trouble)?;
    let [public] = found.as_slice() else { return Err(missing()) };
    let Some(Attribute::EcPoint(point)) = read(*public, AttributeType::EcPoint).map_err(trouble)? else {
        return Err(missing());
    };
    // An OCTET STRING, by the standard; some tokens give the bare point.
    let point = point.strip_prefix(&[4, 65]).unwrap_or(&point);
    PublicKey::from_p256_point(point)
        .map_err(|error| Failure::told(format!("the token's public key: {error}"), ""))
}

fn told(what: &str, error: &Error) -> Failure {
    Failure::told(format!("{what}: {error}"), "look at the PKCS#11 library, its own settings, and the token")
}

impl Signer for TokenKey {
    fn public(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let token = |why: String| KeyError::Token(why);
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = Digest::of(message);
        let fixed = session.sign(&Mechanism::Ecdsa, self.key, digest.as_bytes());
        let fixed = fixed.map_err(|error| token(error.to_string()))?;
        let signature = der_of_fixed(&fixed)
            .ok_or_else(|| token(format!("its signature has {} bytes, not 64", fixed.len())))?;
        // Nobody could verify what another key signed than the public one that is told.
        if self.public.verify(message, &signature) {
            Ok(signature)
        } else {
            Err(token("its public key is not that of its private key".to_owned()))
        }
    }
}
