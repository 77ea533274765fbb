//! Fulcio: certificates for those who have a token and a key.

use data_encoding::BASE64;
use lockgate_attest::keys::{PublicKey, SigningKey};
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SanType, SignatureAlgorithm,
};
use serde_json::{Value, json};

use super::http::{Request, Response};
use super::instance::{claim, params};
use super::{Answer, Lie, State, now, wrong};

/// A key of which only the public half is known.
struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl Point {
    /// The point at the end of a P-256 key.
    fn of(pem: &str) -> Self {
        let der = pem::parse(pem).unwrap().into_contents();
        Self(der[der.len() - 65..].to_vec())
    }
}

/// `CreateSigningCertificate`.
pub(super) fn certify(state: &State, request: &Request) -> Answer {
    if state.tells(Lie::Broken) {
        return Ok(Response::of(200, "application/json", "{}"));
    }
    let asked: Value = serde_json::from_slice(&request.body).map_err(wrong)?;
    let in_header = request.headers.get("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let token = asked["credentials"]["oidcIdentityToken"].as_str().or(in_header).unwrap_or_default();
    let claims = state.issuer.verify(token).map_err(|why| (401, why))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pem = text(&asked["publicKeyRequest"]["publicKey"]["content"]);
    let key = PublicKey::from_pem(pem.as_bytes()).map_err(wrong)?;
    if key.algorithm() != "ECDSA P-256" {
        return Err(wrong("only P-256 is certified"));
    }
    let subject = if claims["email"].is_string() { text(&claims["email"]) } else { text(&claims["sub"]) };
    let proof =
        BASE64.decode(text(&asked["publicKeyRequest"]["proofOfPossession"]).as_bytes()).map_err(wrong)?;
    if !key.verify(subject.as_bytes(), &proof) {
        return Err(wrong("whoever asks does not have the key"));
    }
    let other = SigningKey::generate().unwrap().public().to_pem();
    let point = Point::of(if state.tells(Lie::OtherKey) { &other } else { &pem });
    let between = &state.instance.between;
    let params = holder(&claims)?;
    let certificate = if state.tells(Lie::NoPromise) {
        between.issue_to(&params, &point)
    } else {
        state.instance.promised(between, &between.key.spki(), now(), &params, &point)
    };
    let chain = [&certificate, &between.der, &state.instance.root.der];
    let chain = chain.map(|der| pem::encode(&pem::Pem::new("CERTIFICATE", der.clone())));
    let answer = json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}});
    Ok(Response::of(200, "application/json", answer.to_string()))
}

/// What the certificate says of its holder (sigstore/fulcio, `oid-info.md`).
fn holder(claims: &Value) -> Result<CertificateParams, (u16, String)> {
    let text = |name: &str| claims[name].as_str();
    let mut params = params("", now() - 5, 600);
    params.distinguished_name = DistinguishedName::new();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let name = match (text("email"), text("job_workflow_ref"), text("sub")) {
        (Some(email), _, _) => SanType::Rfc822Name(email.try_into().map_err(wrong)?),
        (None, Some(workflow), _) => {
            SanType::URI(format!("https://github.com/{workflow}").try_into().map_err(wrong)?)
        }
        (None, None, Some(subject)) => SanType::URI(subject.try_into().map_err(wrong)?),
        _ => return Err(wrong("the token names nobody")),
    };
    params.subject_alt_names = vec![name];
    params.custom_extensions = vec![claim(8, text("iss").unwrap_or_default())];
    let repository = text("repository").map(|name| format!("https://github.com/{name}"));
    for (number, value) in [
        (11, text("runner_environment")),
        (12, repository.as_deref()),
        (13, text("sha")),
        (14, text("ref")),
        (20, text("event_name")),
    ] {
        params.custom_extensions.extend(value.map(|value| claim(number, value)));
    }
    Ok(params)
}
