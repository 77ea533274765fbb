//! PKCS#11 URIs (RFC 7512): which key, on which token.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::Secret;

/// Longest URI, in bytes.
const URI_BYTES: usize = 4096;

/// Which key, on which token. What is not said, fits any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    pub(super) token: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) slot: Option<u64>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) module: Option<PathBuf>,
    pub(super) pin: Option<Secret>,
}

/// Whether a key is named by a URI, and not by a path.
pub fn is_uri(key: &str) -> bool {
    key.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:"))
}

impl Uri {
    /// Reads a URI; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > URI_BYTES {
            return Err(format!("it has {} bytes; at most {URI_BYTES} are read", text.len()));
        }
        let rest = text.get(7..).filter(|_| is_uri(text)).ok_or("it does not begin with `pkcs11:`")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for (name, value) in attributes(path, ';')? {
            uri.path_attribute(name, &value)?;
        }
        for (name, value) in attributes(query, '&')? {
            uri.query_attribute(name, value)?;
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err("it names no key: add object=NAME or id=%01".to_owned());
        }
        Ok(uri)
    }

    fn path_attribute(&mut self, name: &str, value: &[u8]) -> Result<(), String> {
        let text = || String::from_utf8(value.to_vec()).map_err(|_| format!("`{name}` is not UTF-8"));
        match name {
            "token" => self.token = Some(text()?),
            "serial" => self.serial = Some(text()?),
            "manufacturer" => self.manufacturer = Some(text()?),
            "model" => self.model = Some(text()?),
            "slot-id" => self.slot = Some(text()?.parse().map_err(|_| "`slot-id` is not a number")?),
            "object" => self.object = Some(text()?),
            "id" => self.id = Some(value.to_vec()),
            "type" if value == b"private" => {}
            "type" => return Err("`type` is not private: it is the private key that signs".to_owned()),
            other => return Err(format!("`{other}` is not read: name the token and the object")),
        }
        Ok(())
    }

    fn query_attribute(&mut self, name: &str, value: Vec<u8>) -> Result<(), String> {
        // The value is not repeated: it may be a PIN.
        let text = String::from_utf8(value).map_err(|_| format!("`{name}` is not UTF-8"))?;
        match name {
            "module-path" => self.module = Some(text.into()),
            "pin-source" => self.pin = Some(pin_source(&text)?),
            "pin-value" => {
                return Err(
                    "a PIN on the command line can be read by everyone on this machine: say where it is, with pin-source or --pin-from"
                        .to_owned(),
                );
            }
            "module-name" => return Err("name the library with module-path or --pkcs11-module".to_owned()),
            other => return Err(format!("`{other}` is not read")),
        }
        Ok(())
    }
}

/// A file, by its path or address, or what `--pin-from` takes.
fn pin_source(text: &str) -> Result<Secret, String> {
    if text.starts_with('|') {
        return Err("`pin-source` names a command, and no command is run for a PIN".to_owned());
    }
    let local = text.strip_prefix("file://").map(|path| format!("file:{path}"));
    match local.as_deref().unwrap_or(text) {
        path if path.starts_with('/') => Ok(Secret::File(path.into())),
        place => Secret::parse(place),
    }
}

/// Names and decoded values, each name once.
fn attributes(text: &str, between: char) -> Result<BTreeMap<&str, Vec<u8>>, String> {
    let mut found = BTreeMap::new();
    for part in text.split(between).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or("an attribute has no value")?;
        let value = decoded(value).ok_or_else(|| format!("`{name}` is not encoded as in a URI"))?;
        if found.insert(name, value).is_some() {
            return Err(format!("`{name}` is there twice"));
        }
    }
    Ok(found)
}

/// Percent-decoding (RFC 3986, section 2.1). White space and what is not ASCII must be encoded.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (digit(bytes.next()?)? << 4) | digit(bytes.next()?)?
            }
            0x21..=0x7e => byte,
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_key() {
        let uri = Uri::parse(
            "pkcs11:token=The%20Software%20Token;serial=1;slot-id=7;type=private;id=%01%ff;object=build?module-path=/usr/lib/p11.so&pin-source=file:/etc/pin",
        );
        let expected = Uri {
            token: Some("The Software Token".to_owned()),
            serial: Some("1".to_owned()),
            slot: Some(7),
            object: Some("build".to_owned()),
            id: Some(vec![1, 255]),
            module: Some("/usr/lib/p11.so".into()),
            pin: Some(Secret::File("/etc/pin".into())),
            ..Uri::default()
        };
        assert_eq!(uri, Ok(expected));
        for (source, secret) in [
            ("file:///etc/pin", Secret::File("/etc/pin".into())),
            ("/etc/pin", Secret::File("/etc/pin".into())),
            ("env:PIN", Secret::Variable("PIN".to_owned())),
        ] {
            assert_eq!(
                Uri::parse(&format!("PKCS11:object=a?pin-source={source}")).unwrap().pin,
                Some(secret)
            );
        }
    }

    #[test]
    fn refuses_what_is_unclear_or_unsafe() {
        for (uri, words) in [
            ("pkcs11:", "names no key"),
            ("pkcs11:token=a", "names no key"),
            ("pkcs11:object=a;object=b", "twice"),
            ("pkcs11:object", "no value"),
            ("pkcs11:object=%4", "encoded"),
            ("pkcs11:object=%zz", "encoded"),
            ("pkcs11:object=a b", "encoded"),
            ("pkcs11:object=%ff", "UTF-8"),
            ("pkcs11:object=a;type=public", "private"),
            ("pkcs11:object=a;slot-id=x", "number"),
            ("pkcs11:object=a;color=red", "not read"),
            ("pkcs11:object=a?pin-value=1234", "--pin-from"),
            ("pkcs11:object=a?pin-source=|cat%20pin", "no command"),
            ("pkcs11:object=a?pin-source=1234", "say where"),
            ("pkcs11:object=a?module-name=p11", "module-path"),
            ("pkcs12:object=a", "begin"),
        ] {
            let why = Uri::parse(uri).unwrap_err();
            assert!(why.contains(words) && !why.contains("1234"), "{uri}: {why}");
        }
        assert!(Uri::parse(&format!("pkcs11:object={}", "a".repeat(URI_BYTES))).is_err());
    }
}
