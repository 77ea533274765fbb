//! Three small images for `quickstart`, assembled from bytes here: real layers with a real apk database, the same
//! bytes each time; and a small feed of real advisories about what is in them.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use lockgate_model::oci::{Manifest, media};
use lockgate_model::ports::Upload;
use lockgate_model::{Descriptor, Digest};
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// An image of a service.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The service.
    pub service: &'static str,
    /// The tag.
    pub tag: &'static str,
    /// Manifest and blobs.
    pub upload: Upload,
}

/// A package of Alpine 3.22, as its database describes it.
struct Apk {
    name: &'static str,
    version: &'static str,
    origin: &'static str,
    license: &'static str,
}

const fn apk(name: &'static str, version: &'static str, origin: &'static str, license: &'static str) -> Apk {
    Apk { name, version, origin, license }
}

/// What the good images contain.
const CURRENT: [Apk; 5] = [
    apk("musl", "1.2.5-r10", "musl", "MIT"),
    apk("busybox", "1.37.0-r19", "busybox", "GPL-2.0-only"),
    apk("zlib", "1.3.1-r2", "zlib", "Zlib"),
    apk("libcrypto3", "3.5.4-r0", "openssl", "Apache-2.0"),
    apk("libssl3", "3.5.4-r0", "openssl", "Apache-2.0"),
];

/// What the old one contains: somebody pinned OpenSSL to what the release before had.
const OLD: [Apk; 5] = [
    apk("musl", "1.2.5-r10", "musl", "MIT"),
    apk("busybox", "1.37.0-r18", "busybox", "GPL-2.0-only"),
    apk("zlib", "1.3.1-r2", "zlib", "Zlib"),
    apk("libcrypto3", "3.3.2-r4", "openssl", "Apache-2.0"),
    apk("libssl3", "3.3.2-r4", "openssl", "Apache-2.0"),
];

/// Advisories about these packages: public facts, with their ids.
pub const ADVISORIES: &str = include_str!("advisories.jsonl");

/// The images: one that is right, one that nobody will sign, one with a vulnerability.
pub fn all() -> std::io::Result<Vec<Sample>> {
    Ok(vec![
        Sample { service: "web", tag: "1.4.2", upload: image("web", &CURRENT)? },
        Sample { service: "api", tag: "2.0.0", upload: image("api", &CURRENT)? },
        Sample { service: "legacy", tag: "0.9.0", upload: image("legacy", &OLD)? },
    ])
}

fn image(service: &str, packages: &[Apk]) -> std::io::Result<Upload> {
    let os_release =
        "ID=alpine\nNAME=\"Alpine Linux\"\nVERSION_ID=3.22.2\nPRETTY_NAME=\"Alpine Linux v3.22\"\n";
    let database: String = packages.iter().map(record).collect();
    let base = layer(&[("etc/os-release", os_release), ("lib/apk/db/installed", &database)])?;
    let page = format!("<!doctype html><title>{service}</title><p>Hello from {service}.</p>\n");
    let passwd = "root:x:0:0:root:/root:/sbin/nologin\napp:x:65532:65532::/srv:/sbin/nologin\n";
    let app = layer(&[("etc/passwd", passwd), ("srv/index.html", &page)])?;
    let config = serde_json::to_vec(&json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": "65532",
            "Cmd": ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"],
            "ExposedPorts": {"8080/tcp": {}},
            "Labels": {"org.opencontainers.image.base.name": "docker.io/library/alpine:3.22.2"},
        },
        "rootfs": {"type": "layers", "diff_ids": [base.diff_id, app.diff_id]},
    }))?;
    let manifest = serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, &config),
        layers: vec![
            Descriptor::of(media::OCI_LAYER_GZIP, &base.blob),
            Descriptor::of(media::OCI_LAYER_GZIP, &app.blob),
        ],
        subject: None,
        annotations: [("org.opencontainers.image.title".to_owned(), service.to_owned())].into(),
    })?;
    Ok(Upload {
        media_type: media::OCI_MANIFEST.to_owned(),
        manifest: manifest.into(),
        blobs: vec![config.into(), base.blob.into(), app.blob.into()],
    })
}

/// A package as apk writes it (apk-tools, "apk v2 installed database").
fn record(apk: &Apk) -> String {
    let Apk { name, version, origin, license } = apk;
    format!("P:{name}\nV:{version}\nA:x86_64\nL:{license}\no:{origin}\n\n")
}

struct Layer {
    diff_id: Digest,
    blob: Vec<u8>,
}

fn layer(files: &[(&str, &str)]) -> std::io::Result<Layer> {
    let mut tar = Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_mtime(0);
        tar.append_data(&mut header, path, content.as_bytes())?;
    }
    let plain = tar.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    gzip.write_all(&plain)?;
    Ok(Layer { diff_id: Digest::of(&plain), blob: gzip.finish()? })
}

#[cfg(test)]
mod tests {
    use lockgate_model::oci::Content;
    use lockgate_scan::{Feed, FeedBuilder, analyse, match_inventory, merge};

    use super::*;

    fn vulnerabilities(sample: &Sample) -> Vec<String> {
        let Ok(Content::Manifest(manifest)) =
            Content::read(&sample.upload.media_type, &sample.upload.manifest)
        else {
            panic!("no manifest")
        };
        let layers: Vec<_> = manifest
            .layers
            .iter()
            .map(|layer| {
                let blob = sample.upload.blobs.iter().find(|blob| Digest::of(blob) == layer.digest).unwrap();
                (layer.clone(), analyse(&blob[..], layer, None).unwrap())
            })
            .collect();
        let inventory = merge(&layers);
        assert_eq!(inventory.packages.len(), 5, "{inventory:?}");
        let mut builder = FeedBuilder::new(lockgate_model::Timestamp::from_unix(i64::MAX));
        builder.add("advisories.jsonl", std::io::Cursor::new(ADVISORIES)).unwrap();
        let (bytes, summary) = builder.finish().unwrap();
        assert_eq!((summary.refused_count, summary.header.advisories >= 8), (0, true), "{summary:?}");
        let feed = Feed::open(std::sync::Arc::new(bytes::Bytes::from(bytes))).unwrap();
        let found = match_inventory(&inventory, &feed.extract(&[&inventory]).unwrap());
        assert!(found.uncomparable.is_empty());
        assert!(found.matches.iter().all(|vulnerability| vulnerability.fixed.is_some()));
        found.matches.into_iter().map(|vulnerability| vulnerability.id).collect()
    }

    #[test]
    fn only_the_old_image_has_vulnerabilities() {
        let images = all().unwrap();
        assert_eq!(vulnerabilities(&images[0]), Vec::<String>::new());
        assert_eq!(vulnerabilities(&images[1]), Vec::<String>::new());
        assert!(vulnerabilities(&images[2]).len() > 1);
    }

    #[test]
    fn the_bytes_are_the_same_each_time() {
        assert_eq!(all().unwrap()[0].upload.manifest, all().unwrap()[0].upload.manifest);
    }
}
