//! Signing without a key of one's own: asks the services in turn, and verifies what they made of it.

use std::sync::Arc;

use lockgate_attest::dsse::{Envelope, IN_TOTO};
use lockgate_attest::keyless::{Evidence, IdentityToken, KeylessError, fulcio, rekor, tsa};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::limits;
use lockgate_attest::sigstore::{Artifact, Demands, Maker, Signed, Trust, TrustedRoot, Verified, verify};
use lockgate_attest::statement::Statement;
use lockgate_attest::write::{Attachable, cosign_referrer};
use lockgate_attest::x509::Certificate;
use lockgate_model::{Descriptor, Timestamp};
use lockgate_registry::{Answered, Question, Registries};

use super::ci_token;
use crate::commands::args;
use crate::failure::Failure;
use crate::session::{Surroundings, read_file};

/// How far the clocks of services may be ahead of this one, in seconds.
const AHEAD: i64 = 60;
const JSON: &str = "application/json";

/// Whom to ask, whom to trust, and who one is.
pub struct Keyless<'a> {
    web: Arc<Registries>,
    args: &'a args::Keyless,
    fulcio: &'a str,
    root: TrustedRoot,
    token: IdentityToken,
}

/// A signed statement about an image, ready to be pushed, and what is proven of it.
pub struct Made {
    /// What carries it.
    pub attachable: Attachable,
    /// What is proven of it.
    pub verified: Verified,
}

impl<'a> Keyless<'a> {
    /// Reads what there is to read, before anybody is asked to sign.
    pub async fn open(
        around: &Surroundings,
        web: Arc<Registries>,
        args: &'a args::Keyless,
    ) -> Result<Self, Failure> {
        let (Some(fulcio), Some(root)) = (&args.fulcio_url, &args.trusted_root) else {
            return Err(Failure::told("--keyless needs --fulcio-url and --trusted-root", ""));
        };
        if args.rekor_url.is_none() && args.timestamp_server_url.is_empty() {
            return Err(Failure::told(
                "nobody would say when it was signed: a certificate counts only for what is proven to be as old",
                "add --rekor-url or --timestamp-server-url",
            ));
        }
        let named = root.display();
        let root = TrustedRoot::from_json(&read_file(root)?)
            .map_err(|error| Failure::told(format!("{named}: {error}"), ""))?;
        let token = match &args.identity_token {
            Some(place) => place.read(around, "Identity token: ")?,
            None => ci_token::find(around, &web).await?,
        };
        let token = IdentityToken::read(&token, around.now()).map_err(|error| told(&error))?;
        Ok(Self { web, args, fulcio, root, token })
    }

    /// Signs `statement` about `artifact`. What is not right by the trusted root is an error, and nothing was pushed.
    pub async fn make(
        &self,
        around: &Surroundings,
        artifact: &Descriptor,
        statement: &Statement,
    ) -> Result<Made, Failure> {
        let key = SigningKey::generate().map_err(|error| told(&error.into()))?;
        let certificate = self.certificate(&key).await?;
        let payload =
            serde_json::to_vec(statement).map_err(|error| told(&KeylessError::Json(error.to_string())))?;
        let envelope = Envelope::sign(IN_TOTO, &payload, &key).map_err(|error| told(&error.into()))?;
        let signature =
            envelope.open().map_err(|error| Failure::told(error.to_string(), ""))?.signatures.concat();
        drop(key);
        let mut stamps = Vec::new();
        let query = tsa::request(&signature, !self.root.names_stampers());
        for address in &self.args.timestamp_server_url {
            let asked = self.post(address, (tsa::QUERY, tsa::REPLY), &query).await?;
            stamps.push(tsa::answer(asked).map_err(|error| told(&error))?);
        }
        let mut entries = Vec::new();
        if let Some(address) = &self.args.rekor_url {
            entries.push(self.logged(address, &envelope, &certificate).await?);
        }
        let evidence = Evidence { envelope, certificate, entries, stamps };
        let bundle = evidence.bundle().map_err(|error| told(&error))?;
        let now = around.now();
        let verified = self.verify(&bundle, artifact, now)?;
        let attachable = cosign_referrer(artifact, bundle, &statement.predicate_type, now)
            .map_err(|error| Failure::told(error.to_string(), ""))?;
        Ok(Made { attachable, verified })
    }

    async fn certificate(&self, key: &SigningKey) -> Result<Certificate, Failure> {
        let request = fulcio::request(&self.token, key).map_err(|error| told(&error))?;
        let answer = self.post(&below(self.fulcio, fulcio::PATH), (JSON, JSON), &request).await?;
        fulcio::answer(&answer, key).map_err(|error| told(&error))
    }

    async fn logged(
        &self,
        log: &str,
        envelope: &Envelope,
        certificate: &Certificate,
    ) -> Result<rekor::Entry, Failure> {
        let request = rekor::request(envelope, certificate).map_err(|error| told(&error))?;
        let address = below(log, rekor::PATH);
        let mut asked = self.ask(&address, JSON, Some((JSON, &request))).await?;
        // An attempt whose answer was lost has logged it already.
        if let Answered::Existing(Some(location)) = &asked
            && let Some(path) = rekor::existing(location)
        {
            asked = self.ask(&below(log, &path), JSON, None).await?;
        }
        rekor::answer(&whole(&address, asked)?).map_err(|error| told(&error))
    }

    /// What is proven of the bundle: everything that was asked for, by those who are trusted.
    fn verify(&self, bundle: &[u8], artifact: &Descriptor, now: Timestamp) -> Result<Verified, Failure> {
        let stamps = self.args.timestamp_server_url.len();
        let of_certificates = Demands {
            logs: usize::from(self.args.rekor_url.is_some()),
            promises: false,
            times: 1,
            stamps,
            scts: usize::from(self.root.publishes_certificates()),
        };
        let trust = Trust {
            root: Some(&self.root),
            keys: &[],
            without_issuer: None,
            of_certificates,
            of_keys: Demands::KEY_ALONE,
        };
        let as_of = Timestamp::from_unix(now.unix().saturating_add(AHEAD));
        Signed::from_bundle(bundle)
            .and_then(|signed| verify(&signed, &Artifact::named(&artifact.digest), &trust, as_of))
            .map_err(|error| {
                Failure::told(
                    format!("what the services made does not verify by the trusted root: {error}"),
                    "nothing was pushed: are --trusted-root and the addresses of one instance, and of the same day?",
                )
            })
    }

    async fn post(&self, address: &str, types: (&str, &str), body: &[u8]) -> Result<Vec<u8>, Failure> {
        let (sent, wanted) = types;
        whole(address, self.ask(address, wanted, Some((sent, body))).await?)
    }

    async fn ask(
        &self,
        address: &str,
        accept: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Answered, Failure> {
        let question = Question { address, accept, body, bearer: None, limit: limits::ANSWER_BYTES };
        Ok(self.web.ask(&question).await?)
    }
}

fn whole(address: &str, answered: Answered) -> Result<Vec<u8>, Failure> {
    match answered {
        Answered::Whole(bytes) => Ok(bytes.to_vec()),
        Answered::Existing(_) => Err(Failure::told(
            format!("{address}: the service has it already, and does not say where"),
            "try again",
        )),
    }
}

/// A path below a service's address.
fn below(address: &str, path: &str) -> String {
    format!("{}{path}", address.trim_end_matches('/'))
}

fn told(error: &KeylessError) -> Failure {
    let help = match error {
        KeylessError::Token(_) => "an identity token is a JSON web token for the audience `sigstore`",
        KeylessError::Answer { .. } => "look at the service; nothing was pushed",
        KeylessError::Key(_) | KeylessError::Json(_) => "",
    };
    Failure::told(error.to_string(), help)
}

/// Who signed, for people.
pub fn maker(verified: &Verified) -> String {
    match &verified.maker {
        Maker::Holder(identity) => identity.to_string(),
        Maker::Keys(names) => names.join(", "),
    }
}
