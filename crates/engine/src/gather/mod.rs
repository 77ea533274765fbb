//! Closes a Case: resolves the tag once, fetches everything that judging may look at, verifies sizes and
//! digests, and writes down what could not be had.
//!
//! An artifact that cannot be read at all is an error: there is nothing to judge. Everything beyond that is
//! a [`Gap`], so that the Decision says what was missing.

pub(crate) mod base;
mod companions;
pub(crate) mod evidence;
pub(crate) mod images;
pub(crate) mod layers;
pub(crate) mod sboms;
pub(crate) mod seen;
mod tocs;
pub(crate) mod trust;
mod whole;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};

use lockgate_judge::Edition;
use lockgate_judge::gates::{reading_declared, reading_evidence, reading_the_feed};
use lockgate_model::case::{Base, FeedPin, Gap, Held, PolicyFile};
use lockgate_model::inventory::Distribution;
use lockgate_model::oci::{Content, OciError};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::reference::{Reference, Target};
use lockgate_model::route::Step;
use lockgate_model::{
    Case, CaseRecord, Descriptor, Digest, Evidence, Inputs, Inventory, Repository, Service, Timestamp, canon,
};
use lockgate_scan::{Feed, FeedHeader, FeedSource, write_extract};

use crate::scan::covered;
use crate::workspace::{PolicySource, Reach};
use crate::{EngineError, Workspace};

pub(crate) use images::ImageParts;
use words::Words;

/// What is asked for: may this artifact climb to that stage, judged for that instant?
#[derive(Debug, Clone)]
pub struct Request {
    /// The service.
    pub service: Service,
    /// The tag or digest, in the repository of the stage below.
    pub target: Target,
    /// The stage to climb to.
    pub to: String,
    /// The instant to judge for.
    pub as_of: Timestamp,
}

/// Collects bytes and gaps while a Case is being closed.
#[derive(Default)]
pub(crate) struct Basket {
    pub(crate) inputs: Inputs,
    pub(crate) gaps: Vec<Gap>,
}

impl Basket {
    /// Notes that `gates` are blind to `subject`.
    pub(crate) fn gap(&mut self, gates: &[&str], subject: &str, error: &PortError) {
        let remediation = if error.help.is_empty() {
            "make it readable, then try again".to_owned()
        } else {
            error.help.clone()
        };
        for gate in gates {
            self.gaps.push(Gap {
                gate: (*gate).to_owned(),
                subject: subject.to_owned(),
                reason: error.to_string(),
                remediation: remediation.clone(),
            });
        }
    }
}

/// The artifact that a reference names now: its descriptor and content.
pub(crate) struct Found {
    pub(crate) artifact: Descriptor,
    pub(crate) content: Content,
    pub(crate) bytes: bytes::Bytes,
}

/// What a Case is closed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be judged only: by a feed that was chosen, or by the one in force.
    Judge(Option<Digest>),
    /// To promote: by the feed in force, and what travels is listed, at all depths.
    Promote,
}

impl Found {
    /// The artifact and what an index names: all that evidence may be attached to.
    pub(crate) fn subjects(&self) -> Vec<Digest> {
        let children = match &self.content {
            Content::Index(index) => index.manifests.iter().map(|child| child.digest).collect(),
            Content::Manifest(_) => vec![],
        };
        std::iter::once(self.artifact.digest).chain(children).collect()
    }
}

/// Closes the Case of `request`.
pub async fn gather(workspace: &Workspace, request: &Request, purpose: Purpose) -> Result<Case, EngineError> {
    gather_through(workspace, &workspace.reach, request, purpose).await
}

/// As [`gather`], with another way to images than the workspace's.
pub(crate) async fn gather_through(
    workspace: &Workspace,
    reach: &Reach,
    request: &Request,
    purpose: Purpose,
) -> Result<Case, EngineError> {
    let Open { mut record, repository, images, attached, mut basket } =
        open(workspace, reach, request).await?;
    let words = Words::heard(&record, &basket.inputs, &attached).await?;
    let parts = images::read(reach, &repository, &images, &words, &mut basket).await;
    let children = record.attestations.iter().map(|child| child.manifest);
    let further = (purpose == Purpose::Promote).then(|| children.collect());
    let travelling = attached.may_travel();
    record.companions = companions::gather(reach, &repository, &travelling, further, &mut basket).await;
    let bases = base::gather(reach, &repository, &parts, &words, &mut basket).await;
    let declared = declared(&attached.evidence, &record.gates, &mut basket).await?;
    let feed = match purpose {
        Purpose::Judge(Some(chosen)) => Some(chosen),
        Purpose::Judge(None) | Purpose::Promote => workspace.newest_feed().await?,
    };
    record.feed = pin_feed(workspace, feed, &parts, declared, &mut basket).await?;
    record.images = file_inventories(parts, bases, &mut basket)?;
    record.policies = file_policies(workspace, &mut basket);
    record.gaps = basket.gaps;
    let readers = reading_evidence(&record.gates);
    let case = Case { record, inputs: basket.inputs };
    let mut case = seen::complete(workspace, case, attached, &readers).await?;
    case.record.sort();
    Ok(case)
}

/// A Case of which documents and evidence were read, and no layer yet.
struct Open {
    record: CaseRecord,
    repository: Repository,
    images: Vec<images::Listed>,
    attached: evidence::Attached,
    basket: Basket,
}

async fn open(workspace: &Workspace, reach: &Reach, request: &Request) -> Result<Open, EngineError> {
    let step = workspace.route.step_to(&request.to)?;
    let repository = Workspace::repository(&step.from.registry, &request.service);
    let reference = Reference { repository, target: request.target.clone() };
    let found = find(reach, &reference).await?;
    let repository = reference.repository;

    // The size is read first: a change of the keyring that comes later has a higher place, and is noticed.
    let ledger_size = workspace.store.head().await?.size;
    let keyring = workspace.store.keyring().await?;
    crate::keyring::check_apart(&workspace.keys, &keyring)?;
    let mut basket = Basket::default();
    basket.inputs.insert(found.bytes.clone());
    let images::Listing { images, attestations } =
        images::list(reach, &repository, &found, &mut basket).await;
    let gates = &step.to.gates;
    let attached = evidence::gather(reach, &repository, &found, &images, gates, &mut basket).await;
    let trust = trust::file(workspace, &keyring, &repository, &mut basket.inputs);
    let record = CaseRecord {
        edition: Edition::CURRENT.name().to_owned(),
        as_of: request.as_of,
        ledger_size,
        service: request.service.clone(),
        from: step.from.name.clone(),
        to: step.to.name.clone(),
        release: held(workspace, &request.service, step, &found.artifact).await?,
        from_guarded: step.from_guarded,
        artifact: found.artifact,
        images: images.iter().map(images::Listed::unread).collect(),
        attestations,
        evidence: attached.evidence.clone(),
        seen: None,
        companions: vec![],
        feed: None,
        keys: trust.keys,
        identities: trust.identities,
        sigstore: trust.sigstore,
        notary: trust.notary,
        policies: vec![],
        gates: gates.clone(),
        gaps: vec![],
    };
    Ok(Open { record, repository, images, attached, basket })
}

/// Resolves `reference` once and reads what it names. The digest is computed from the bytes.
pub(crate) async fn find(reach: &Reach, reference: &Reference) -> Result<Found, EngineError> {
    let repository = &reference.repository;
    let digest = match &reference.target {
        Target::Digest(digest) => *digest,
        Target::Tag(tag) => {
            let found = reach.registry.resolve(repository, tag).await?;
            found.ok_or_else(|| EngineError::NoSuchTag { reference: reference.to_string() })?.digest
        }
    };
    let fetched = reach.registry.manifest(repository, &digest).await?;
    let place = format!("{repository}@{digest}");
    let content =
        Content::read(&fetched.media_type, &fetched.bytes).map_err(|error| unreadable(&place, &error))?;
    let artifact = Descriptor::new(&fetched.media_type, digest, fetched.bytes.len() as u64);
    Ok(Found { artifact, content, bytes: fetched.bytes })
}

pub(crate) fn unreadable(place: &str, error: &OciError) -> PortError {
    let trouble = match error {
        OciError::MediaType(_) => Trouble::Unsupported,
        OciError::TooMany { .. } => Trouble::TooLarge,
        OciError::Malformed { .. } | OciError::Confused(_) => Trouble::Corrupt,
    };
    PortError::new(trouble, place, error.to_string(), "rebuild and push the image with a current tool")
}

async fn held(
    workspace: &Workspace,
    service: &Service,
    step: Step<'_>,
    artifact: &Descriptor,
) -> Result<Option<Held>, EngineError> {
    if !step.from_guarded {
        return Ok(None);
    }
    let row = workspace.store.release_of(service, &step.from.name, &artifact.digest).await?;
    Ok(row.map(|row| Held { decision: row.decision, since: row.at }))
}

/// What attached bills of materials name, where a gate asks for them. More than is read blinds that gate.
async fn declared(
    evidence: &[Evidence],
    gates: &BTreeMap<String, serde_json::Value>,
    basket: &mut Basket,
) -> Result<Option<Inventory>, EngineError> {
    let readers = reading_declared(gates);
    let (evidence, gates, inputs) = (evidence.to_vec(), gates.clone(), basket.inputs.clone());
    match blocking(move || sboms::declared(&evidence, &gates, &inputs)).await? {
        Ok(declared) => Ok(declared),
        Err(why) => {
            let help = "remove what is attached to the artifact and not needed";
            let error = PortError::new(Trouble::TooLarge, "evidence", why, help);
            basket.gap(&readers, "bills of materials", &error);
            Ok(None)
        }
    }
}

/// Pins the feed and extracts what it says about the packages found and declared. A missing feed leaves `None`: the gate
/// says what that means.
async fn pin_feed(
    workspace: &Workspace,
    feed: Option<Digest>,
    parts: &[ImageParts],
    declared: Option<Inventory>,
    basket: &mut Basket,
) -> Result<Option<FeedPin>, EngineError> {
    let Some(digest) = feed else { return Ok(None) };
    let bytes = match workspace.feeds.get(&digest).await {
        Ok(bytes) => bytes,
        Err(error) => {
            basket.gap(&reading_the_feed(), &format!("feed {digest}"), &error);
            return Ok(None);
        }
    };
    let found = parts.iter().filter_map(|part| part.inventory.clone());
    let inventories: Vec<Inventory> = found.chain(declared).collect();
    let extracted = blocking(move || {
        let feed = Feed::open(bytes)?;
        let advisories = feed.extract(&inventories.iter().collect::<Vec<_>>())?;
        let header = feed.summary();
        let pin = FeedPin {
            feed: digest,
            extract: digest,
            newest: header.newest,
            end_of_life: ends(header, &inventories),
            uncovered: BTreeSet::new(),
            coverage: covered(&feed, &inventories.iter().collect::<Vec<_>>()),
            origins: header.sources.iter().map(FeedSource::origin).collect(),
        };
        Ok::<_, lockgate_scan::FeedError>((pin, advisories))
    })
    .await?;
    match extracted {
        Ok((pin, advisories)) => {
            let extract = basket.inputs.insert(write_extract(&advisories)?);
            Ok(Some(FeedPin { extract, ..pin }))
        }
        Err(error) => {
            let help = "import the feed again: lockgate feed import FILE...";
            let error = PortError::new(Trouble::Corrupt, format!("feed {digest}"), error.to_string(), help);
            basket.gap(&reading_the_feed(), &format!("feed {digest}"), &error);
            Ok(None)
        }
    }
}

/// When the distributions of the images end: of the release itself, or of the series it belongs to.
fn ends(feed: &FeedHeader, inventories: &[Inventory]) -> BTreeMap<String, Timestamp> {
    let distributions = inventories.iter().filter_map(|inventory| inventory.distribution.as_ref());
    let known = distributions.filter_map(|Distribution { id, version, .. }| {
        let parts: Vec<&str> = version.split('.').collect();
        let names = (1..=parts.len())
            .rev()
            .map(|count| parts.iter().take(count).copied().collect::<Vec<_>>().join("."));
        let end = names.into_iter().find_map(|name| feed.end_of_life.get(&format!("{id}:{name}")))?;
        Some((format!("{id}:{version}"), *end))
    });
    known.collect()
}

fn file_inventories(
    parts: Vec<ImageParts>,
    bases: Vec<Option<Base>>,
    basket: &mut Basket,
) -> Result<Vec<lockgate_model::case::Image>, EngineError> {
    parts
        .into_iter()
        .zip(bases)
        .map(|(part, base)| {
            let inventory = match &part.inventory {
                Some(inventory) => Some(basket.inputs.insert(canon::to_bytes(inventory)?)),
                None => None,
            };
            Ok(lockgate_model::case::Image {
                platform: part.platform,
                manifest: part.manifest.digest,
                config: part.config,
                inventory,
                base,
                by_word: part.by_word,
            })
        })
        .collect()
}

fn file_policies(workspace: &Workspace, basket: &mut Basket) -> Vec<PolicyFile> {
    let file = |policy: &PolicySource| PolicyFile {
        path: policy.path.clone(),
        content: basket.inputs.insert(policy.text.clone()),
    };
    workspace.policies.iter().map(file).collect()
}

/// Runs `work` where it may block or compute for long.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Interrupted)
}
