//! Manifests and indexes, as the profile reads them: what it takes, the reading of earlier Editions takes too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::oci::{Content, Reading, media, stays_behind};

fuzz_target!(|bytes: &[u8]| {
    for media_type in [media::OCI_MANIFEST, media::OCI_INDEX, media::DOCKER_MANIFEST, media::DOCKER_LIST] {
        let loose = Content::read_as(Reading::Loose, media_type, bytes);
        let Ok(content) = Content::read(media_type, bytes) else { continue };
        let _told = Content::unknown_fields(media_type, bytes).expect("it was read");
        let _stays = stays_behind(&content, |_| true);
        if let Content::Index(index) = &content {
            let _choice = index.one_choice(|_| false);
        }
        // A field that is `null` is one that is not there to the profile alone.
        assert!(loose.is_ok() || has_null(bytes), "the profile refuses less");
    }
});

fn has_null(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window == b"null")
}
