//! VEX documents of every format, of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::purl::Purl;
use lockgate_scan::vex::{self, Place};
use lockgate_scan::{Read, Shapes};

fn place(shapes: Shapes, packages: &[Purl]) -> Place<'_> {
    Place { digests: &[], service: "team/web", architecture: "amd64", packages, shapes }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    let packages: Vec<_> = Purl::parse("pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64").into_iter().collect();
    let _named = vex::named(&value);
    for kind in [
        "https://openvex.dev/ns",
        "https://cyclonedx.org/bom",
        "https://docs.oasis-open.org/csaf/csaf/v2.0",
        "https://cosign.sigstore.dev/attestation/v1",
    ] {
        for shapes in [Shapes::Lenient, Shapes::Strict] {
            let Read::Whole(document) = vex::read(kind, &value, shapes) else { continue };
            for statement in &document.statements {
                assert!(!statement.names.is_empty());
                assert!(shapes == Shapes::Lenient || !statement.products.is_empty());
                assert!(!statement.status.marks() || statement.at.is_some());
                let _about = statement.is_about(&place(shapes, &packages));
            }
        }
    }
});
