//! Who vouches for signers and tells the time: the instances of Sigstore and the trust of the Notary Project in a Case,
//! read.

use lockgate_attest::notary::{NotaryTrust, Revocation, StoreKind, TrustPolicies, TrustStores};
use lockgate_attest::sigstore::{Demands, TrustedRoot};
use lockgate_attest::verify::{Believed, Instance, NamedKey, Notary};
use lockgate_model::case::{self, SigstoreInstance};
use lockgate_model::{Digest, Finding, Relied};

use super::Docket;
use crate::findings::blind;

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
            TrustedRoot::from_json(input(docket, &instance.root)?).map_err(|error| error.to_string())
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
            },
            repository: &trust.said.repository,
            artifact: &record.artifact,
        });
        let instances = self.docket.edition.knows_instances().then_some(instances);
        Believed { keys, instances, notary, commits: &[], as_of: record.as_of }
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

fn input<'a>(docket: &'a Docket<'_>, digest: &Digest) -> Result<&'a [u8], String> {
    let bytes = docket.case.inputs.get(digest).ok_or_else(|| format!("its file {digest} is missing"))?;
    Ok(bytes)
}

fn unusable(gate: &str, subject: &str, why: &str) -> Finding {
    let fix = format!("correct `trust` in lockgate.yaml, and the files that it names for {subject}");
    blind(&format!("{gate}.trust-unusable"), subject, format!("the trust of {subject}: {why}"), fix)
}
