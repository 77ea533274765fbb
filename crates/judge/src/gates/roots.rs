//! Who vouches for signers and tells the time: the instances of Sigstore and the trust of the Notary Project in a Case,
//! read.

use lockgate_attest::notary::{NotaryTrust, Revocation, StoreKind, TrustPolicies, TrustStores};
use lockgate_attest::sigstore::{Demands, TrustedRoot};
use lockgate_attest::verify::{Believed, Examined, Instance, NamedKey, Notary, Told, Vouched};
use lockgate_model::case::{self, SigstoreInstance};
use lockgate_model::{Digest, Effect, Finding, Relied, Severity};

use super::Docket;
use crate::findings::{KEEPERS, Words, blind, finding};

/// What is trusted besides keys.
pub(super) struct Roots<'a> {
    docket: &'a Docket<'a>,
    instances: Vec<(&'a SigstoreInstance, &'a TrustedRoot)>,
    notary: Option<Stores<'a>>,
}

/// The trust of the Notary Project.
struct Stores<'a> {
    said: &'a case::NotaryTrust,
    policies: TrustPolicies,
    certificates: TrustStores,
    revocations: Vec<Revocation>,
}

impl<'a> Roots<'a> {
    /// Reads what the Case has; what cannot be used is a finding of `gate`. The trust of the Notary Project is only read
    /// where it is asked for.
    pub(super) fn read(
        docket: &'a Docket<'_>,
        gate: &str,
        with_notary: bool,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let record = &docket.case.record;
        let mut instances = Vec::new();
        let read = |instance: &SigstoreInstance| {
            TrustedRoot::from_json_as(input(docket, &instance.root)?, docket.edition.reading())
                .map_err(|error| error.to_string())
        };
        let roots = docket.roots.get_or_init(|| record.sigstore.iter().map(read).collect());
        for (instance, root) in record.sigstore.iter().zip(roots) {
            match root {
                Ok(root) => instances.push((instance, root)),
                Err(why) => findings.push(unusable(gate, &format!("sigstore {}", instance.name), why)),
            }
        }
        let notary = record.notary.as_ref().filter(|_| with_notary).and_then(|said| {
            Stores::read(docket, said).map_err(|why| findings.push(unusable(gate, "notation", &why))).ok()
        });
        Self { docket, instances, notary }
    }

    /// The instances, for verification.
    pub(super) fn instances(&self) -> Vec<Instance<'_>> {
        let instances = self.instances.iter().map(|(said, root)| Instance {
            name: &said.name,
            root,
            issuers: &said.issuers,
            demands: Demands::of(said),
        });
        instances.collect()
    }

    /// Everybody who is believed: these keys, and whom the roots vouch for.
    pub(super) fn believed<'b>(
        &'b self,
        keys: &'b [NamedKey<'b>],
        instances: &'b [Instance<'b>],
    ) -> Believed<'b> {
        let record = &self.docket.case.record;
        let notary = self.notary.as_ref().map(|trust| Notary {
            trust: NotaryTrust {
                policies: &trust.policies,
                stores: &trust.certificates,
                revocations: &trust.revocations,
                reading: self.docket.edition.reading(),
            },
            repository: &trust.said.repository,
            artifact: &record.artifact,
        });
        let instances = self.docket.edition.knows_instances().then_some(instances);
        let reading = self.docket.edition.reading();
        Believed { keys, instances, notary, commits: &[], as_of: record.as_of, reading }
    }

    /// What `gate` tells of the instances although it can use them: authorities of which the root has no certificates.
    pub(super) fn told(&self, gate: &str) -> Vec<Finding> {
        let passed_over = self
            .instances
            .iter()
            .flat_map(|(said, root)| root.passed_over().iter().map(|authority| (&said.name, authority)));
        let told = passed_over.map(|(name, authority)| {
            let words = Words {
                title: format!(
                    "the trusted root of sigstore `{name}` has no certificates for one authority, which counts for nothing: {authority}"
                ),
                rationale: "without its certificates, nothing that the authority issued can be told from a forgery",
                remediation: format!(
                    "take a newer trusted_root.json for `{name}` under `trust.sigstore` in lockgate.yaml; if the authority is gone, nothing is lost"
                ),
                owner: KEEPERS,
            };
            let code = format!("{gate}.authority-passed-over");
            finding(&code, Severity::Info, Effect::Advise, &format!("sigstore {name}"), words)
        });
        told.collect()
    }

    /// Whether Notary Project signatures can be judged.
    pub(super) fn has_notary(&self) -> bool {
        self.notary.is_some()
    }

    /// What a verdict relied on that rests on an instance.
    pub(super) fn relied_on(&self, instance: &str) -> Option<Relied> {
        let (said, _) = self.instances.iter().find(|(said, _)| said.name == instance)?;
        Some(Relied::Sigstore(instance.to_owned(), said.root))
    }

    /// What a verdict relied on that rests on a trust policy.
    pub(super) fn relied_on_policy(&self, policy: &str) -> Option<Relied> {
        let trust = self.notary.as_ref()?;
        Some(Relied::Notation(policy.to_owned(), trust.said.policy))
    }
}

impl<'a> Stores<'a> {
    fn read(docket: &Docket<'_>, said: &'a case::NotaryTrust) -> Result<Self, String> {
        let policies =
            TrustPolicies::from_json(input(docket, &said.policy)?).map_err(|error| error.to_string())?;
        let mut certificates = TrustStores::default();
        for store in &said.stores {
            let kind = StoreKind::named(&store.kind)
                .ok_or_else(|| format!("there is no kind of trust store `{}`", store.kind))?;
            let bytes = input(docket, &store.file)?;
            certificates.add(kind, &store.name, bytes).map_err(|error| error.to_string())?;
        }
        let read = |digest: &Digest| {
            Revocation::read(input(docket, digest)?).map_err(|error| format!("revocations {digest}: {error}"))
        };
        let revocations = said.revocations.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { said, policies, certificates, revocations })
    }
}

/// What `gate` tells of evidence that is verified: checks that failed and are only logged, timestamps that date nothing.
pub(super) fn told(gate: &str, evidence: &Digest, examined: &Examined) -> Vec<Finding> {
    let signer = match &examined.vouched {
        Some(Vouched::Subject { name, .. }) => format!(" of `{name}`"),
        _ => String::new(),
    };
    let told = examined.told.iter().map(|told| match told {
        Told::Check { policy, check, why } => {
            let words = Words {
                title: format!(
                    "the signature{signer} counts although its check `{}` failed: {why}",
                    check.name()
                ),
                rationale: "the trust policy of the Notary Project only logs this check; where it is enforced, the signature does not count",
                remediation: format!(
                    "have it signed again by a certificate that passes, or let the policy `{policy}` enforce the check: level `strict`, or `override: {{\"{}\": \"enforce\"}}` in the trust policy",
                    check.name()
                ),
                owner: KEEPERS,
            };
            let code = format!("{gate}.check-failed");
            finding(&code, Severity::Medium, Effect::Advise, &evidence.to_string(), words)
        }
        Told::UnreadStamp(why) => {
            let words = Words {
                title: format!("a timestamp on the {} proves no time: {why}", examined.form),
                rationale: "what cannot be read is nobody's word; the signature is judged by everything else",
                remediation: "if its time matters, sign again with a timestamp authority of which the tokens can be read (RFC 3161)".to_owned(),
                owner: KEEPERS,
            };
            let code = format!("{gate}.timestamp-unread");
            finding(&code, Severity::Info, Effect::Advise, &evidence.to_string(), words)
        }
    });
    told.collect()
}

fn input<'a>(docket: &'a Docket<'_>, digest: &Digest) -> Result<&'a [u8], String> {
    let bytes = docket.case.inputs.get(digest).ok_or_else(|| format!("its file {digest} is missing"))?;
    Ok(bytes)
}

fn unusable(gate: &str, subject: &str, why: &str) -> Finding {
    let fix = format!("correct `trust` in lockgate.yaml, and the files that it names for {subject}");
    blind(&format!("{gate}.trust-unusable"), subject, format!("the trust of {subject}: {why}"), fix)
}
