//! Whether what was looked at is the artifact, all of it, read in the one way that clients read it (`docs/reading.md`):
//! worked out again from the bytes in the Case.

use std::collections::BTreeSet;

use lockgate_model::case::{AttestationChild, Image};
use lockgate_model::oci::{self, Content, ImageConfig, Index, Manifest, NotAnImage};
use lockgate_model::{Descriptor, Digest, Effect, Finding, Severity};

use crate::docket::Docket;
use crate::findings::{BUILDERS, Words, finding};

/// Why the images that were looked at are not known to be what runs.
pub(crate) struct Open {
    /// The code of its finding.
    pub(crate) code: &'static str,
    /// What it is about.
    pub(crate) subject: Digest,
    /// Why, for people.
    pub(crate) why: String,
    /// What to do.
    pub(crate) fix: String,
}

const REBUILD: &str =
    "rebuild the index with one image for each platform, or promote one of them by its digest";
const AGAIN: &str = "judge again; if it stays so, push the image again, whole";

fn open(subject: Digest, why: impl Into<String>, fix: &str) -> Open {
    Open { code: "route.closure", subject, why: why.into(), fix: fix.to_owned() }
}

/// Holds the record against the artifact's bytes. What is told besides is given back.
///
/// Errors: why what was looked at is not known to be what runs.
pub(crate) fn check(docket: &Docket<'_>) -> Result<Vec<Finding>, Open> {
    let record = &docket.case.record;
    let artifact = &record.artifact;
    let mut told = Vec::new();
    match docket.content.as_ref() {
        None => {
            return Err(open(artifact.digest, "the artifact's own bytes are missing or malformed", AGAIN));
        }
        Some(Content::Manifest(manifest)) => {
            let [image] = record.images.as_slice() else {
                return Err(open(
                    artifact.digest,
                    "the artifact is one image, and another number was looked at",
                    AGAIN,
                ));
            };
            image_of(docket, artifact, manifest, image)?;
        }
        Some(Content::Index(index)) => children(docket, index)?,
    }
    unknown_fields(docket, &mut told);
    companions(docket, &mut told)?;
    Ok(told)
}

/// Each child of an index was looked at: as an image, or as an attestation.
fn children(docket: &Docket<'_>, index: &Index) -> Result<(), Open> {
    let record = &docket.case.record;
    let artifact = record.artifact.digest;
    let attested: BTreeSet<_> = record.attestations.iter().map(|child| child.manifest).collect();
    index.one_choice(|child| attested.contains(child)).map_err(|why| open(artifact, why, REBUILD))?;
    let named: BTreeSet<_> = index.manifests.iter().map(|child| child.digest).collect();
    if record.images.is_empty() {
        return Err(open(artifact, "the artifact names no image", REBUILD));
    }
    let looked_at = record.images.iter().map(|image| image.manifest).chain(attested.iter().copied());
    let looked_at: Vec<Digest> = looked_at.collect();
    let each: BTreeSet<_> = looked_at.iter().copied().collect();
    if each.len() != looked_at.len() {
        return Err(open(artifact, "a child of the index was looked at twice", AGAIN));
    }
    if let Some(missing) = named.difference(&each).next() {
        return Err(open(*missing, format!("the image {missing} was not looked at"), AGAIN));
    }
    if let Some(foreign) = each.difference(&named).next() {
        return Err(open(*foreign, format!("the image {foreign} is not one of the artifact's"), AGAIN));
    }
    for child in &index.manifests {
        let manifest = manifest_of(docket, child)?;
        let image = record.images.iter().find(|image| image.manifest == child.digest);
        let attestation = record.attestations.iter().find(|one| one.manifest == child.digest);
        match (image, attestation) {
            (Some(image), _) => image_of(docket, child, &manifest, image)?,
            (None, Some(attestation)) => attestation_of(docket, child, &manifest, attestation)?,
            (None, None) => {}
        }
    }
    Ok(())
}

/// The manifest of a child.
fn manifest_of(docket: &Docket<'_>, child: &Descriptor) -> Result<Manifest, Open> {
    let bytes = docket.case.inputs.get(&child.digest);
    let bytes = bytes.ok_or_else(|| open(child.digest, "the bytes of an image are missing", AGAIN))?;
    if bytes.len() as u64 != child.size {
        let why = format!("it has {} bytes, and the index says {}", bytes.len(), child.size);
        return Err(open(child.digest, why, REBUILD));
    }
    match Content::read(&child.media_type, bytes) {
        Ok(Content::Manifest(manifest)) => Ok(manifest),
        Ok(Content::Index(_)) => Err(open(child.digest, "an index inside an index is not judged", REBUILD)),
        Err(error) => Err(open(child.digest, error.to_string(), "rebuild the image with a current tool")),
    }
}

/// Whether manifest, config and platform are an image, and the one in the record.
fn image_of(
    docket: &Docket<'_>,
    descriptor: &Descriptor,
    manifest: &Manifest,
    image: &Image,
) -> Result<(), Open> {
    if image.manifest != descriptor.digest {
        return Err(open(image.manifest, "it is not the artifact's image", AGAIN));
    }
    if image.config != manifest.config.digest {
        return Err(open(
            image.manifest,
            format!("the image {} names another config", image.manifest),
            AGAIN,
        ));
    }
    let Some(config) = docket.case.inputs.get(&image.config) else {
        // A manifest that is not an image's says more than that its config could not be had.
        let refused = ImageConfig::of(manifest, b"{}", None).err();
        let refused = refused.filter(|why| !matches!(why, NotAnImage::Layers { .. }));
        return Err(refused.map_or_else(
            || open(image.manifest, "the config of an image is missing", AGAIN),
            |why| not_an_image(image, &why),
        ));
    };
    let size = manifest.config.size;
    if config.len() as u64 != size {
        let why = format!("its config has {} bytes, and the manifest says {size}", config.len());
        return Err(open(image.manifest, why, "rebuild the image with a current tool"));
    }
    match ImageConfig::of(manifest, config, descriptor.platform.as_ref()) {
        Ok(_) => Ok(()),
        Err(why) => Err(not_an_image(image, &why)),
    }
}

fn not_an_image(image: &Image, why: &NotAnImage) -> Open {
    let code = "route.not-an-image";
    Open { code, subject: image.manifest, why: why.to_string(), fix: why.fix().to_owned() }
}

fn attestation_of(
    docket: &Docket<'_>,
    child: &Descriptor,
    manifest: &Manifest,
    attestation: &AttestationChild,
) -> Result<(), Open> {
    let config = docket.case.inputs.get(&attestation.config);
    let right = attestation.config == manifest.config.digest
        && config.is_some_and(|config| oci::is_attestation(child, manifest, config));
    if right {
        return Ok(());
    }
    let why = format!("the child {} was taken for an attestation, and could be run", child.digest);
    Err(open(child.digest, why, AGAIN))
}

/// Tells fields that no client is known to read.
fn unknown_fields(docket: &Docket<'_>, told: &mut Vec<Finding>) {
    let record = &docket.case.record;
    let bytes = |digest: &Digest| docket.case.inputs.get(digest);
    let artifact = bytes(&record.artifact.digest)
        .and_then(|bytes| Content::unknown_fields(&record.artifact.media_type, bytes).ok());
    tell_fields(&record.artifact.digest, &artifact.unwrap_or_default(), told);
    if let Some(Content::Index(index)) = &docket.content {
        for child in &index.manifests {
            let fields =
                bytes(&child.digest).and_then(|bytes| Content::unknown_fields(&child.media_type, bytes).ok());
            tell_fields(&child.digest, &fields.unwrap_or_default(), told);
        }
    }
    for image in &record.images {
        let fields = bytes(&image.config).and_then(|bytes| ImageConfig::unknown_fields(bytes).ok());
        tell_fields(&image.config, &fields.unwrap_or_default(), told);
    }
}

fn tell_fields(document: &Digest, fields: &[String], told: &mut Vec<Finding>) {
    if fields.is_empty() {
        return;
    }
    let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
    told.push(finding(
        "route.unknown-field",
        Severity::Low,
        Effect::Advise,
        &document.to_string(),
        Words {
            title: format!("fields that are not part of any specification: {}", fields.join(", ")),
            rationale: "what nobody is known to read was not judged either",
            remediation: "nothing, if you know what reads them; else leave them out".to_owned(),
            owner: BUILDERS,
        },
    ));
}

/// What travels with the artifact cannot run; what stays behind is told.
fn companions(docket: &Docket<'_>, told: &mut Vec<Finding>) -> Result<(), Open> {
    for companion in &docket.case.record.companions {
        let digest = companion.manifest.digest;
        if let Some(why) = &companion.stays_behind {
            told.push(finding(
                "route.stays-behind",
                Severity::Low,
                Effect::Advise,
                &digest.to_string(),
                Words {
                    title: format!("{digest} is attached and does not travel: {why}"),
                    rationale: "nothing that could be run reaches a stage unless it was judged",
                    remediation: "attach it without the config of an image, and not as a tar".to_owned(),
                    owner: BUILDERS,
                },
            ));
            continue;
        }
        let bytes = docket.case.inputs.get(&digest);
        let content = bytes.and_then(|bytes| Content::read(&companion.manifest.media_type, bytes).ok());
        let content =
            content.ok_or_else(|| open(digest, "what travels with the artifact cannot be read", AGAIN))?;
        if let Some(why) = oci::stays_behind(&content, |_| true) {
            return Err(open(digest, format!("it would travel with the artifact, and {why}"), AGAIN));
        }
    }
    Ok(())
}
