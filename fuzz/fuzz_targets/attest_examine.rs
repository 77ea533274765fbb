//! What is attached to an artifact, by managed keys, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::verify::{Believed, Carried, examine};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence};

fuzz_target!(|bytes: &[u8]| {
    let subject = Digest::of(b"the artifact");
    for kind in [media::SIMPLE_SIGNING, media::DSSE, media::SIGSTORE_BUNDLE] {
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.to_owned()),
            artifact_type: None,
            config: Descriptor::of(media::OCI_EMPTY, b"{}"),
            layers: vec![Descriptor::of(kind, bytes)],
            subject: None,
            annotations: Default::default(),
        };
        let Ok(manifest) = serde_json::to_vec(&manifest) else { return };
        let evidence = Evidence {
            subject,
            attachment: Attachment::SignatureTag,
            manifest: Descriptor::of(media::OCI_MANIFEST, &manifest),
            blobs: vec![Digest::of(bytes)],
        };
        let _said = examine(&Carried { evidence: &evidence, manifest: &manifest, blobs: vec![bytes] }, &Believed::keys(&[]));
    }
});
