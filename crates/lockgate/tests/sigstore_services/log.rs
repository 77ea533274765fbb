//! Rekor, version 1: a log of DSSE envelopes.

use data_encoding::{BASE64, HEXLOWER};
use lockgate_attest::dsse::{Envelope, pae};
use lockgate_attest::keys::PublicKey;
use lockgate_ledger::{HashReader, leaf_hash, prove_inclusion, root_of};
use serde_json::{Value, json};

use super::http::{Request, Response};
use super::instance::sha256;
use super::{Answer, Lie, State, now, wrong};

const PATH: &str = "/api/v1/log/entries";

/// Entries in their order, with the time each came.
#[derive(Default)]
pub(crate) struct Log {
    entries: Vec<(Vec<u8>, i64)>,
}

impl HashReader for Log {
    type Error = ();

    fn hash(&self, level: u8, index: u64) -> Result<lockgate_ledger::Hash, ()> {
        let (from, count) = (usize::try_from(index << level).unwrap(), 1 << level);
        Ok(root_of(&self.leaves()[from..from + count]))
    }
}

impl Log {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a leaf, whatever it is.
    pub(crate) fn push(&mut self, body: &[u8]) {
        self.entries.push((body.to_vec(), now()));
    }

    fn leaves(&self) -> Vec<lockgate_ledger::Hash> {
        self.entries.iter().map(|(body, _)| leaf_hash(body)).collect()
    }

    fn place(&self, body: &[u8]) -> Option<usize> {
        self.entries.iter().position(|(one, _)| one == body)
    }

    /// The entry with promise and proof, in the tree as it is now; `proven` is the place that the proof is for.
    fn show(&self, state: &State, place: usize, proven: usize) -> Value {
        let (body, time) = &self.entries[place];
        let log = &state.instance.log;
        let (index, size) = (u64::try_from(place).unwrap(), u64::try_from(self.len()).unwrap());
        let other = u64::try_from(proven).unwrap();
        let path = prove_inclusion(other, size, self).unwrap().unwrap();
        let root = root_of(&self.leaves());
        json!({(id(body)): {
            "body": BASE64.encode(body), "integratedTime": time, "logID": HEXLOWER.encode(&log.id()),
            "logIndex": index,
            "verification": {
                "signedEntryTimestamp": BASE64.encode(&log.promise(body, index, *time)),
                "inclusionProof": {
                    "checkpoint": log.checkpoint_of(size, &root), "logIndex": other, "treeSize": size,
                    "rootHash": HEXLOWER.encode(&root),
                    "hashes": path.iter().map(|hash| HEXLOWER.encode(hash)).collect::<Vec<_>>(),
                },
            },
        }})
    }
}

fn id(body: &[u8]) -> String {
    HEXLOWER.encode(&leaf_hash(body))
}

fn found(status: u16, entry: &Value) -> Response {
    let mut response = Response::of(status, "application/json", entry.to_string());
    // The id of the entry, by which clients find it in the answer.
    let id = entry.as_object().and_then(|entries| entries.keys().next()).cloned().unwrap_or_default();
    response.headers.push(("Location", format!("{PATH}/{id}")));
    response.headers.push(("ETag", id));
    response
}

/// `POST /api/v1/log/entries`
pub(super) fn add(state: &State, request: &Request) -> Answer {
    let asked: Value = serde_json::from_slice(&request.body).map_err(wrong)?;
    if asked["kind"] != "dsse" || asked["apiVersion"] != "0.0.1" {
        return Err(wrong(format!("{} {} is not taken", asked["kind"], asked["apiVersion"])));
    }
    let body = dsse(&asked["spec"]["proposedContent"])?;
    let mut log = state.log.lock().unwrap();
    if let Some(place) = log.place(&body) {
        return Ok(existing(&log.entries[place].0));
    }
    let time = now() + if state.tells(Lie::Tomorrow) { 86_400 } else { 0 };
    log.entries.push((body.clone(), time));
    let place = log.len() - 1;
    if state.tells(Lie::Conflict) {
        return Ok(existing(&body));
    }
    let shown = if state.tells(Lie::OtherEntry) { 0 } else { place };
    let proven = if state.tells(Lie::OtherProof) { 0 } else { shown };
    Ok(found(201, &log.show(state, shown, proven)))
}

fn existing(body: &[u8]) -> Response {
    let mut response = Response::of(409, "application/json", r#"{"code":409,"message":"it is there"}"#);
    response.headers.push(("Location", format!("{PATH}/{}", id(body))));
    response
}

/// `GET /api/v1/log/entries/ID`
pub(super) fn get(state: &State, path: &str) -> Answer {
    let log = state.log.lock().unwrap();
    let place = log.entries.iter().position(|(body, _)| path == format!("{PATH}/{}", id(body)));
    let place = place.ok_or((404, "there is no such entry".to_owned()))?;
    Ok(found(200, &log.show(state, place, place)))
}

/// The entry for an envelope that its signer signed (sigstore/rekor, `dsse_v0_0_1_schema.json`).
fn dsse(proposed: &Value) -> Result<Vec<u8>, (u16, String)> {
    let text = proposed["envelope"].as_str().ok_or_else(|| wrong("there is no envelope"))?;
    let verifier = proposed["verifiers"][0].as_str().ok_or_else(|| wrong("there is no verifier"))?;
    let envelope = Envelope::read(text.as_bytes()).map_err(wrong)?;
    let opened = envelope.open().map_err(wrong)?;
    let key = key_of(&BASE64.decode(verifier.as_bytes()).map_err(wrong)?)?;
    let [signature] = opened.signatures.as_slice() else { return Err(wrong("one signature is taken")) };
    if !key.verify(&pae(&envelope.payload_type, &opened.payload), signature) {
        return Err(wrong("the signature does not verify"));
    }
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": HEXLOWER.encode(&sha256(bytes))});
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": hash(text.as_bytes()), "payloadHash": hash(&opened.payload),
        "signatures": [{"signature": BASE64.encode(signature), "verifier": verifier}],
    }});
    serde_json::to_vec(&body).map_err(wrong)
}

/// The key of a certificate, or the key itself.
fn key_of(pem: &[u8]) -> Result<PublicKey, (u16, String)> {
    let parsed = pem::parse(pem).map_err(wrong)?;
    if parsed.tag() != "CERTIFICATE" {
        return PublicKey::from_pem(pem).map_err(wrong);
    }
    let certificate = <x509_cert::Certificate as der::Decode>::from_der(parsed.contents()).map_err(wrong)?;
    let spki = der::Encode::to_der(&certificate.tbs_certificate.subject_public_key_info).map_err(wrong)?;
    PublicKey::from_pem(pem::encode(&pem::Pem::new("PUBLIC KEY", spki)).as_bytes()).map_err(wrong)
}
