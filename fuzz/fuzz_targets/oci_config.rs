//! Image configs, and manifests whose config they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::Descriptor;
use lockgate_model::oci::{ImageConfig, Manifest, Platform, Reading, is_archive, is_attestation, media};

fuzz_target!(|bytes: &[u8]| {
    let _archive = is_archive(bytes);
    let _loose = ImageConfig::read(Reading::Loose, bytes);
    let mut manifest = Manifest {
        schema_version: 2,
        media_type: None,
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, bytes),
        layers: vec![Descriptor::of(media::OCI_LAYER, b"layer")],
        subject: None,
        annotations: Default::default(),
    };
    let platform = |name: &str| Platform {
        architecture: name.to_owned(),
        os: name.to_owned(),
        variant: None,
        os_version: None,
    };
    if let Ok(config) = ImageConfig::of(&manifest, bytes, None) {
        assert_eq!(config.rootfs.diff_ids.len(), 1);
        assert!(ImageConfig::of(&manifest, bytes, Some(&platform("none"))).is_err() || config.os == "none");
    }
    manifest.layers = vec![Descriptor::of(media::IN_TOTO, b"{}")];
    let mut child = Descriptor::of(media::OCI_MANIFEST, b"child");
    assert!(!is_attestation(&child, &manifest, bytes), "it has no platform");
    child.platform = Some(platform("unknown"));
    let _attestation = is_attestation(&child, &manifest, bytes);
});
