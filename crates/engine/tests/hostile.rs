//! What others attach to an image, hostile in every way: refused one by one, or all at once with a gap that pauses; never
//! more bytes, fetches or findings than the limits say, whatever there is. Bounds are counted, not timed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64;
use lockgate_attest::keys::SigningKey;
use lockgate_attest::write::{cosign_bundle, cosign_signature_statement};
use lockgate_engine::judge::{Recorded, judge};
use lockgate_engine::replay::replay;
use lockgate_model::evidence::{Attachment, fallback_tag};
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::ports::{
    BlobStream, Copied, CopyList, FetchedManifest, Pending, Progress, Registry, Staged, Upload,
};
use lockgate_model::{Descriptor, Digest, Outcome, Repository, limits};
use serde_json::{Value, json};
use sim::Plan;
use world::World;

mod sim;
mod world;

/// Counts what is asked of a registry.
struct Counting {
    real: Arc<dyn Registry>,
    manifests: AtomicU64,
    blobs: AtomicU64,
    bytes: AtomicU64,
}

impl Counting {
    fn count(&self) -> (u64, u64, u64) {
        let one = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        (one(&self.manifests), one(&self.blobs), one(&self.bytes))
    }
}

impl Registry for Counting {
    fn resolve<'a>(&'a self, repository: &'a Repository, tag: &'a str) -> Pending<'a, Option<Descriptor>> {
        self.real.resolve(repository, tag)
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> Pending<'a, FetchedManifest> {
        Box::pin(async move {
            let fetched = self.real.manifest(repository, digest).await?;
            self.manifests.fetch_add(1, Ordering::SeqCst);
            self.bytes.fetch_add(fetched.bytes.len() as u64, Ordering::SeqCst);
            Ok(fetched)
        })
    }

    fn blob<'a>(&'a self, repository: &'a Repository, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        // What is asked for is what a registry may send: it is cut off after the size that was said.
        self.blobs.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(blob.size, Ordering::SeqCst);
        self.real.blob(repository, blob)
    }

    fn blob_range<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        range: std::ops::Range<u64>,
    ) -> Pending<'a, bytes::Bytes> {
        self.blobs.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(range.end - range.start, Ordering::SeqCst);
        self.real.blob_range(repository, blob, range)
    }

    fn attached<'a>(
        &'a self,
        repository: &'a Repository,
        subject: &'a Digest,
    ) -> Pending<'a, Vec<(Attachment, Descriptor)>> {
        self.real.attached(repository, subject)
    }

    fn copy<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        list: &'a CopyList,
        progress: &'a dyn Progress,
    ) -> Pending<'a, Copied> {
        self.real.copy(from, to, list, progress)
    }

    fn stage<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        blob: &'a Descriptor,
        bytes: BlobStream,
    ) -> Pending<'a, Option<Box<dyn Staged>>> {
        self.real.stage(from, to, blob, bytes)
    }

    fn push<'a>(&'a self, repository: &'a Repository, upload: &'a Upload) -> Pending<'a, Descriptor> {
        self.real.push(repository, upload)
    }

    fn tag<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a str,
        manifest: &'a Descriptor,
    ) -> Pending<'a, ()> {
        self.real.tag(repository, tag, manifest)
    }
}

/// A referrer: its manifest, and the blobs that are there under the digests that are given.
struct Attached {
    media_type: &'static str,
    manifest: Vec<u8>,
    blobs: Vec<(Digest, Vec<u8>)>,
}

/// A manifest about `subject` with these layers.
fn manifest(subject: &Descriptor, layers: Vec<Descriptor>, salt: usize) -> Manifest {
    Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: Some(media::SIGSTORE_BUNDLE.into()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers,
        subject: Some(subject.bare()),
        annotations: BTreeMap::from([("number".to_owned(), salt.to_string())]),
    }
}

fn carrying(subject: &Descriptor, kind: &str, content: Vec<u8>, salt: usize) -> Attached {
    let layer = Descriptor::of(kind, &content);
    let digest = layer.digest;
    let manifest = serde_json::to_vec(&manifest(subject, vec![layer], salt)).unwrap();
    Attached { media_type: media::OCI_MANIFEST, manifest, blobs: vec![(digest, content)] }
}

fn bundle(subject: &Descriptor, content: Vec<u8>, salt: usize) -> Attached {
    carrying(subject, media::SIGSTORE_BUNDLE, content, salt)
}

/// A bundle by a stranger's key, whole but for that, to be spoilt.
fn stranger(subject: &Descriptor, key: &SigningKey) -> Value {
    let statement = cosign_signature_statement(subject);
    let at = lockgate_model::Timestamp::from_unix(1_780_000_000);
    let attachable = cosign_bundle(subject, key, &statement, at).unwrap();
    serde_json::from_slice(attachable.blobs.last().unwrap()).unwrap()
}

type Make = fn(&Descriptor, &SigningKey, usize) -> Attached;

/// What is refused piece by piece: it has no say, and keeps the true signature from nothing.
const REFUSED: [(&str, Make); 9] = [
    ("forged", |subject, key, n| bundle(subject, stranger(subject, key).to_string().into_bytes(), n)),
    ("about another artifact", |subject, key, n| {
        let other = Descriptor::of(media::OCI_MANIFEST, n.to_string().as_bytes());
        bundle(subject, stranger(&other, key).to_string().into_bytes(), n)
    }),
    ("thousands of signatures", |subject, key, n| {
        let mut forged = stranger(subject, key);
        let one = forged["dsseEnvelope"]["signatures"][0].clone();
        forged["dsseEnvelope"]["signatures"] = vec![one; 2_000].into();
        bundle(subject, forged.to_string().into_bytes(), n)
    }),
    ("nested without end", |subject, _, n| {
        bundle(subject, [vec![b'['; 50_000], n.to_string().into_bytes()].concat(), n)
    }),
    ("a key twice", |subject, key, n| {
        let text = stranger(subject, key).to_string();
        bundle(subject, text.replacen('{', "{\"mediaType\":\"x\",", 1).into_bytes(), n)
    }),
    ("no base64", |subject, key, n| {
        let mut forged = stranger(subject, key);
        forged["dsseEnvelope"]["payload"] = json!(format!("{}!", BASE64.encode(b"{}")));
        bundle(subject, forged.to_string().into_bytes(), n)
    }),
    ("cut off", |subject, key, n| {
        let text = stranger(subject, key).to_string();
        bundle(subject, text.as_bytes()[..text.len() / 2].to_vec(), n)
    }),
    ("an index", |subject, _, n| {
        let index = json!({
            "schemaVersion": 2, "mediaType": media::OCI_INDEX, "subject": subject.bare(),
            "manifests": [subject.bare()], "annotations": {"number": n.to_string()},
        });
        Attached { media_type: media::OCI_INDEX, manifest: index.to_string().into_bytes(), blobs: vec![] }
    }),
    ("bytes of any kind", |subject, _, n| {
        carrying(subject, "application/octet-stream", n.to_string().into_bytes(), n)
    }),
];

/// What cannot be told from something that was hidden: one of it, and the gate does not say yes.
const GAPS: [(&str, Make); 6] = [
    ("names another subject", |_, _, n| {
        let other = Descriptor::of(media::OCI_MANIFEST, b"other");
        bundle(&other, b"{}".to_vec(), n)
    }),
    ("other bytes than its digest says", |subject, key, n| {
        let mut lying = bundle(subject, stranger(subject, key).to_string().into_bytes(), n);
        lying.blobs[0].1[0] ^= 1;
        lying
    }),
    ("content that is not there", |subject, _, n| {
        let mut lying = bundle(subject, n.to_string().into_bytes(), n);
        lying.blobs.clear();
        lying
    }),
    ("a manifest that is cut off", |subject, _, n| {
        let mut cut = bundle(subject, b"{}".to_vec(), n);
        cut.manifest.truncate(100);
        cut
    }),
    ("a key twice in its manifest", |subject, _, n| {
        let mut twice = bundle(subject, b"{}".to_vec(), n);
        let text = String::from_utf8(twice.manifest).unwrap();
        twice.manifest = text.replacen('{', "{\"layers\":[],", 1).into_bytes();
        twice
    }),
    ("larger than anything that is read", |subject, _, n| {
        let mut large = bundle(subject, n.to_string().into_bytes(), n);
        let mut value: Value = serde_json::from_slice(&large.manifest).unwrap();
        value["layers"][0]["size"] = json!(limits::EVIDENCE_BYTES + 1);
        large.manifest = value.to_string().into_bytes();
        large
    }),
];

struct Judged {
    recorded: Recorded,
    manifests: u64,
    blobs: u64,
    bytes: u64,
}

impl Judged {
    fn findings(&self, code: &str) -> usize {
        let findings = self.recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
        findings.filter(|finding| finding.code == code).count()
    }

    fn all(&self) -> usize {
        self.recorded.decision.verdicts.iter().map(|verdict| verdict.findings.len()).sum()
    }
}

/// Judges the world's signed image with these attached to it, and judges it again from what is stored.
async fn judged(referrers: &[Attached], by: Listed, world: &World) -> Judged {
    let mut workspace = world.process(&Plan::none()).await;
    lay(world, referrers, by);
    let counting = Arc::new(Counting {
        real: workspace.reach.registry.clone(),
        manifests: AtomicU64::new(0),
        blobs: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    });
    workspace.reach.registry = counting.clone();
    let recorded = judge(&workspace, &World::request("staging")).await.unwrap();
    let again = replay(&workspace, &recorded.digest.hex()).await.unwrap();
    assert!(again.identical(), "a Decision about hostile evidence replays");
    let (manifests, blobs, bytes) = counting.count();
    Judged { recorded, manifests, blobs, bytes }
}

/// Where whoever can write to a layout lists a referrer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// In `index.json`, where a manifest is a referrer when it says so itself.
    ByItself,
    /// Under the fallback tag, which says so of others.
    ByTag,
}

fn lay(world: &World, referrers: &[Attached], by: Listed) {
    let layout = world.folder().join("dev/web");
    let put = |digest: &Digest, bytes: &[u8]| {
        std::fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    };
    put(&Digest::of(EMPTY_JSON), EMPTY_JSON);
    let mut listed: Vec<Descriptor> = Vec::new();
    for one in referrers {
        let entry = Descriptor::of(one.media_type, &one.manifest);
        put(&entry.digest, &one.manifest);
        one.blobs.iter().for_each(|(digest, bytes)| put(digest, bytes));
        listed.push(entry);
    }
    if by == Listed::ByTag {
        let list =
            json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": listed}).to_string();
        let mut entry = Descriptor::of(media::OCI_INDEX, list.as_bytes());
        put(&entry.digest, list.as_bytes());
        entry.annotations.insert("org.opencontainers.image.ref.name".into(), fallback_tag(&world.image));
        listed = vec![entry];
    }
    let path = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    manifests.extend(listed.iter().map(|entry| serde_json::to_value(entry).unwrap()));
    std::fs::write(&path, index.to_string()).unwrap();
}

async fn subject(world: &World) -> Descriptor {
    let workspace = world.process(&Plan::none()).await;
    let repository = "oci:dev/web".parse().unwrap();
    workspace.reach.registry.resolve(&repository, "1").await.unwrap().unwrap()
}

async fn of_kind(make: Make, by: Listed, count: usize) -> Judged {
    let (world, key) = (World::new().await, SigningKey::generate().unwrap());
    let subject = subject(&world).await;
    let referrers: Vec<_> = (0..count).map(|n| make(&subject, &key, n)).collect();
    judged(&referrers, by, &world).await
}

/// What a judgement reads besides evidence: the image, and the two true signatures.
const OWN: u64 = 16;

#[tokio::test]
async fn a_thousand_of_every_kind_are_too_many_and_none_is_read() {
    let kinds: Vec<Make> = REFUSED.into_iter().chain(GAPS).map(|(_, make)| make).collect();
    for by in [Listed::ByTag, Listed::ByItself] {
        let (world, key) = (World::new().await, SigningKey::generate().unwrap());
        let subject = subject(&world).await;
        let make = |n: usize| kinds[n % kinds.len()](&subject, &key, n);
        let judged = judged(&(0..1_000).map(make).collect::<Vec<_>>(), by, &world).await;
        assert_eq!(judged.recorded.decision.outcome, Outcome::Pause, "{by:?}");
        assert!(
            judged.manifests <= OWN && judged.blobs <= OWN,
            "{by:?}: {} {}",
            judged.manifests,
            judged.blobs
        );
        assert!(judged.all() <= 8, "{by:?}: {} findings", judged.all());
        told(&judged);
    }
    // None of it unreadable: then it is the number that is too much.
    let judged = of_kind(REFUSED[0].1, Listed::ByItself, 1_000).await;
    let findings = judged.recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let titles: Vec<_> = findings.map(|finding| finding.title.clone()).collect();
    assert!(titles.iter().any(|title| title.contains("more than 256 manifests are attached")), "{titles:?}");
}

/// For people who run it: how much memory the process took so far.
fn told(judged: &Judged) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{} manifests, {} blobs, {} bytes, {peak}", judged.manifests, judged.blobs, judged.bytes);
}

#[tokio::test]
async fn as_many_as_are_read_are_refused_one_by_one() {
    for (kind, make) in REFUSED {
        let judged = of_kind(make, Listed::ByItself, 200).await;
        let decision = &judged.recorded.decision;
        assert_eq!(decision.outcome, Outcome::Proceed, "{kind}: {decision:#?}");
        assert!(judged.manifests <= 200 + OWN && judged.blobs <= 200 + OWN, "{kind}");
        assert!(judged.bytes <= limits::EVIDENCE_TOTAL_BYTES as u64, "{kind}");
        // What says nothing about signatures is passed over, the rest is told: each once.
        let told = judged.findings("signature.not-counted");
        let silent = ["an index", "bytes of any kind"].contains(&kind);
        assert_eq!(told, if silent { 0 } else { 200 }, "{kind}");
    }
}

#[tokio::test]
async fn of_all_kinds_together() {
    let (world, key) = (World::new().await, SigningKey::generate().unwrap());
    let subject = subject(&world).await;
    let make = |n: usize| REFUSED[n % REFUSED.len()].1(&subject, &key, n);
    let judged = judged(&(0..250).map(make).collect::<Vec<_>>(), Listed::ByItself, &world).await;
    assert_eq!(judged.recorded.decision.outcome, Outcome::Proceed);
    assert!(judged.all() <= 250 + 8, "{}", judged.all());
}

#[tokio::test]
async fn what_may_hide_something_pauses_and_is_not_read_on() {
    for (kind, make) in GAPS {
        let judged = of_kind(make, Listed::ByTag, 60).await;
        assert_eq!(judged.recorded.decision.outcome, Outcome::Pause, "{kind}");
        assert!(judged.manifests <= 60 + OWN && judged.blobs <= 60 + OWN, "{kind}");
        assert!(judged.all() <= 8, "{kind}: {} findings", judged.all());
        let only = of_kind(make, Listed::ByTag, 1).await;
        assert_eq!(only.recorded.decision.outcome, Outcome::Pause, "{kind}, one of it");
    }
}

#[tokio::test]
async fn an_artifact_that_refers_to_itself() {
    let world = World::new().await;
    let image = std::fs::read(world.folder().join("dev/web/blobs/sha256").join(world.image.hex())).unwrap();
    let itself = Attached { media_type: media::OCI_MANIFEST, manifest: image, blobs: vec![] };
    let judged = judged(&[itself], Listed::ByTag, &world).await;
    assert_eq!(judged.recorded.decision.outcome, Outcome::Pause);
}

#[tokio::test]
async fn bytes_are_counted_those_of_manifests_too() {
    let large = 8 << 20;
    let content: Make = |subject, _, n| {
        let mut bytes = vec![b' '; 8 << 20];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        bundle(subject, bytes, n)
    };
    let annotated: Make = |subject, _, n| {
        let mut manifest = manifest(subject, vec![], n);
        manifest.annotations.insert("endless".into(), "x".repeat(limits::MANIFEST_BYTES - 2_000));
        let manifest = serde_json::to_vec(&manifest).unwrap();
        Attached { media_type: media::OCI_MANIFEST, manifest, blobs: vec![] }
    };
    for (kind, make, count, each) in
        [("content", content, 17, large), ("annotations", annotated, 34, limits::MANIFEST_BYTES)]
    {
        let judged = of_kind(make, Listed::ByItself, count).await;
        assert_eq!(judged.recorded.decision.outcome, Outcome::Pause, "{kind}");
        let most = limits::EVIDENCE_TOTAL_BYTES + each;
        assert!(judged.bytes <= most as u64, "{kind}: {} bytes", judged.bytes);
        told(&judged);
        let few = of_kind(make, Listed::ByItself, 3).await;
        assert_eq!(few.recorded.decision.outcome, Outcome::Proceed, "{kind}, three of it");
    }
}

#[tokio::test]
async fn layers_without_end_are_counted() {
    let layers: Make = |subject, _, n| {
        let blobs: Vec<_> = (0..500).map(|layer| format!("{n} {layer}").into_bytes()).collect();
        let layers = blobs.iter().map(|blob| Descriptor::of(media::DSSE, blob)).collect();
        let manifest = serde_json::to_vec(&manifest(subject, layers, n)).unwrap();
        let blobs = blobs.into_iter().map(|blob| (Digest::of(&blob), blob)).collect();
        Attached { media_type: media::OCI_MANIFEST, manifest, blobs }
    };
    let judged = of_kind(layers, Listed::ByItself, 10).await;
    assert_eq!(judged.recorded.decision.outcome, Outcome::Pause);
    assert!(judged.blobs <= limits::EVIDENCE_BLOBS as u64 + OWN, "{} blobs", judged.blobs);
}
