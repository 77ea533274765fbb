//! That certificate logs promised to publish a certificate (RFC 6962, section 3.2 and 3.3).

use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use lockgate_model::Timestamp;

use super::root::Log;
use crate::hash::Hash;
use crate::limits;
use crate::x509::Certificate;

/// The extension with the list of timestamps.
const LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// One signed certificate timestamp.
struct Sct<'a> {
    log: &'a [u8],
    /// Milliseconds since 1970.
    time: u64,
    extensions: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

/// How many of `logs` promised to publish `certificate`, issued by the key `issuer` (`SubjectPublicKeyInfo`). A promise
/// of a log that is not trusted is passed over; one of a trusted log must be right.
pub(crate) fn promised(certificate: &Certificate, issuer: &[u8], logs: &[Log]) -> Result<usize, String> {
    let Some((_, content)) = certificate.extension(&LIST) else { return Ok(0) };
    let list = OctetStringRef::from_der(content).map_err(|_| "the list of them is malformed")?;
    let scts = read(list.as_bytes()).ok_or("the list of them is malformed")?;
    if scts.len() > limits::SCTS {
        return Err(format!("there are {}; at most {} are read", scts.len(), limits::SCTS));
    }
    let mut by = std::collections::BTreeSet::new();
    for sct in scts {
        let Some(log) = logs.iter().find(|log| log.id == sct.log) else { continue };
        let Some(key) = &log.key else { continue };
        let seconds = i64::try_from(sct.time / 1000).unwrap_or(i64::MAX);
        if !log.is_trusted_at(Timestamp::from_unix(seconds)) {
            return Err(format!("the log `{}` is not trusted for its time", log.name));
        }
        let message = message(certificate, issuer, &sct).ok_or("the certificate cannot be taken apart")?;
        // Hash and signature algorithm (RFC 5246, section 7.4.1.4.1): SHA-256 with ECDSA or RSA, as RFC 6962 asks.
        if !matches!(sct.algorithm, [4, 1 | 3]) || !key.verify(&message, sct.signature) {
            return Err(format!("the signature of the log `{}` does not verify", log.name));
        }
        by.insert(&log.id);
    }
    Ok(by.len())
}

/// The bytes that a log signs: the certificate without the list, and who issued it.
fn message(certificate: &Certificate, issuer: &[u8], sct: &Sct<'_>) -> Option<Vec<u8>> {
    let mut tbs = certificate.inner().tbs_certificate.clone();
    if let Some(extensions) = &mut tbs.extensions {
        extensions.retain(|extension| extension.extn_id != LIST);
    }
    let tbs = tbs.to_der().ok()?;
    let mut message = vec![0, 0];
    message.extend(sct.time.to_be_bytes());
    message.extend([0, 1]);
    message.extend(Hash::Sha256.of(issuer).as_ref());
    message.extend(u32::try_from(tbs.len()).ok()?.to_be_bytes().get(1..)?);
    message.extend(&tbs);
    message.extend(u16::try_from(sct.extensions.len()).ok()?.to_be_bytes());
    message.extend(sct.extensions);
    Some(message)
}

/// A list in TLS encoding, nothing before or after it.
fn read(list: &[u8]) -> Option<Vec<Sct<'_>>> {
    let mut outer = Tls(list);
    let mut items = Tls(outer.vector()?);
    let mut scts = vec![];
    while !items.0.is_empty() {
        let mut item = Tls(items.vector()?);
        let (version, log, time) = (item.take(1)?, item.take(32)?, item.take(8)?);
        let time = u64::from_be_bytes(time.try_into().ok()?);
        let (extensions, algorithm, signature) = (item.vector()?, item.take(2)?, item.vector()?);
        if version != [0] || !item.0.is_empty() {
            return None;
        }
        scts.push(Sct { log, time, extensions, algorithm, signature });
    }
    outer.0.is_empty().then_some(scts)
}

struct Tls<'a>(&'a [u8]);

impl<'a> Tls<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes after their length in two bytes.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let sct = [&[0u8; 41][..], &[0, 0, 4, 3, 0, 1, 9]].concat();
        let item = [&[0, 48], &sct[..]].concat();
        let list = [&[0, 50], &item[..]].concat();
        assert_eq!(read(&list).map(|scts| scts.len()), Some(1));
        assert_eq!(read(&[0, 0]).map(|scts| scts.len()), Some(0));
        assert!(read(&[&list[..], &[0]].concat()).is_none());
        assert!((0..list.len()).all(|end| read(&list[..end]).is_none()));
        let mut second = list;
        second[4] = 1;
        assert!(read(&second).is_none(), "version 2");
    }

    proptest! {
        #[test]
        fn no_list_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&bytes);
        }
    }
}
