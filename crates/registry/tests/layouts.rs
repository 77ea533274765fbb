//! Layouts on disk: damaged ones are told, other writers' words stay, and several writers lose nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use images::{image, index};
use lockgate_model::evidence::fallback_tag;
use lockgate_model::oci::media;
use lockgate_model::ports::{PortError, Registry, Trouble};
use lockgate_model::{Descriptor, Digest, Repository};
use lockgate_registry::{Registries, Settings};
use serde_json::{Value, json};

mod images;

struct Layout {
    registries: Registries,
    at: Repository,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn layout() -> Layout {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web");
    Layout {
        registries: Registries::new(Settings { base: folder.path().to_owned(), ..Settings::default() }),
        at: "oci:web".parse().unwrap(),
        path,
        _folder: folder,
    }
}

impl Layout {
    async fn push(&self, layer: &[u8], subject: Option<Descriptor>) -> Descriptor {
        self.registries.push(&self.at, &image(&[layer.to_vec()], subject)).await.unwrap()
    }

    async fn tagged(&self, tag: &str) -> Result<Option<Digest>, PortError> {
        Ok(self.registries.resolve(&self.at, tag).await?.map(|found| found.digest))
    }

    async fn attached(&self, subject: &Digest) -> Result<Vec<Digest>, PortError> {
        let attached = self.registries.attached(&self.at, subject).await?;
        Ok(attached.into_iter().map(|(_, one)| one.digest).collect())
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.path.join("blobs/sha256").join(digest.hex())
    }

    fn index(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path.join("index.json")).unwrap()).unwrap()
    }

    fn write_index(&self, index: &Value) {
        fs::write(self.path.join("index.json"), index.to_string()).unwrap();
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let layout = layout();
    assert_eq!(layout.tagged("1").await.unwrap(), None);
    let absent = Descriptor::of("x", b"absent");
    let error = layout.registries.manifest(&layout.at, &absent.digest).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::NotFound);
    let Err(error) = layout.registries.blob(&layout.at, &absent).await else { panic!("it is there") };
    assert_eq!(error.trouble, Trouble::NotFound);
    assert!(!layout.path.exists(), "reading made a folder");
}

#[tokio::test]
async fn a_tag_that_moves_leaves_what_it_named_listed() {
    let layout = layout();
    let (old, new) = (layout.push(b"old", None).await, layout.push(b"new", None).await);
    for manifest in [&old, &old, &new] {
        layout.registries.tag(&layout.at, "1", manifest).await.unwrap();
        assert_eq!(layout.tagged("1").await.unwrap(), Some(manifest.digest));
    }
    let listed: Vec<_> =
        layout.index()["manifests"].as_array().unwrap().iter().map(|one| one["digest"].to_string()).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed.contains(&format!("\"{}\"", old.digest)));
    let error = layout
        .registries
        .tag(&layout.at, "2", &Descriptor::of(media::OCI_MANIFEST, b"no"))
        .await
        .unwrap_err();
    assert_eq!(error.trouble, Trouble::NotFound);
}

#[tokio::test]
async fn what_others_wrote_into_the_index_stays() {
    let layout = layout();
    let manifest = layout.push(b"layer", None).await;
    let mut index = layout.index();
    index["custom"] = json!({"kept": true});
    index["manifests"][0]["urls"] = json!(["https://example.com/1"]);
    index["manifests"][0]["platform"] =
        json!({"os": "windows", "architecture": "amd64", "os.version": "10.0"});
    layout.write_index(&index);
    layout.push(b"another", Some(manifest)).await;
    let after = layout.index();
    assert_eq!((&after["custom"], &after["manifests"][0]), (&index["custom"], &index["manifests"][0]));
    assert_eq!(after["manifests"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_damaged_index_is_told_and_never_overwritten() {
    let layout = layout();
    let manifest = layout.push(b"layer", None).await;
    layout.registries.tag(&layout.at, "1", &manifest).await.unwrap();
    let good = layout.index().to_string();
    let entry = layout.index()["manifests"][0].to_string();
    let other = entry.replace(&manifest.digest.hex(), &Digest::of(b"other").hex());
    let damaged = [
        good[..good.len() - 1].to_owned(),
        String::new(),
        "{}".to_owned(),
        good.replacen('{', "{\"manifests\":[],", 1),
        good.replace("sha256:", "sha512:"),
        good.replace("sha256:", "sha256:../../"),
        format!("{}{good}", " ".repeat(17 << 20)),
        format!("{{\"schemaVersion\":2,\"manifests\":[{entry},{other}]}}"),
        good.replace(&format!("\"size\":{}", manifest.size), "\"size\":7"),
    ];
    for text in damaged {
        fs::write(layout.path.join("index.json"), &text).unwrap();
        let error = layout.tagged("1").await.unwrap_err();
        assert_eq!(
            error.trouble,
            Trouble::Corrupt,
            "{error}: {}",
            text.chars().take(200).collect::<String>()
        );
        assert!(error.help.contains("restore it"), "{error}");
    }
    fs::write(layout.path.join("index.json"), "{").unwrap();
    let pushed = layout.registries.push(&layout.at, &image(&[], None)).await;
    assert_eq!(pushed.unwrap_err().trouble, Trouble::Corrupt);
    assert_eq!(fs::read(layout.path.join("index.json")).unwrap(), b"{");
    fs::write(layout.path.join("index.json"), &good).unwrap();
    fs::write(layout.path.join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert_eq!(layout.tagged("1").await.unwrap_err().trouble, Trouble::Unsupported);
    fs::write(layout.path.join("oci-layout"), "?").unwrap();
    assert_eq!(layout.tagged("1").await.unwrap_err().trouble, Trouble::Corrupt);
}

/// Clients take each of these for what it is like (`docs/reading.md`): which manifest the tag names would be up to them.
#[tokio::test]
async fn an_index_that_clients_read_in_two_ways_is_refused() {
    let layout = layout();
    let (clean, other) = (layout.push(b"clean", None).await, layout.push(b"other", None).await);
    layout.registries.tag(&layout.at, "1", &clean).await.unwrap();
    let good = layout.index();
    let entry = |one: &Descriptor| {
        let tag = json!({"org.opencontainers.image.ref.name": "1"});
        json!({"mediaType": one.media_type, "digest": one.digest, "size": one.size, "annotations": tag})
    };
    let with = |place: &str, key: &str, value: Value| {
        let mut index = good.clone();
        index.pointer_mut(place).unwrap()[key] = value;
        index
    };
    let mut variants = Vec::new();
    for key in ["Manifests", "MANIFESTS", "manifest\u{17f}", "mani-fests", "mani_fests"] {
        variants.push(with("", key, json!([entry(&other)])));
    }
    for key in ["schemaversion", "MediaType", "config", "layers", "Annotations"] {
        variants.push(with("", key, json!({})));
    }
    for key in ["Digest", "DIGEST", "dige\u{17f}t", "di-gest"] {
        variants.push(with("/manifests/0", key, json!(other.digest)));
    }
    for key in ["Annotations", "annotation\u{17f}"] {
        variants.push(with("/manifests/0", key, json!({"org.opencontainers.image.ref.name": "1"})));
    }
    variants.push(with("", "schemaVersion", json!(1)));
    variants.push(with("", "mediaType", json!(media::OCI_MANIFEST)));
    variants.push(with("/manifests/0", "data", json!("e30=")));
    for index in variants {
        layout.write_index(&index);
        let error = layout.tagged("1").await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Corrupt, "{index}: {error}");
        let written = layout.registries.tag(&layout.at, "1", &other).await;
        assert_eq!(written.unwrap_err().trouble, Trouble::Corrupt, "{index}");
        assert_eq!(layout.index(), index, "never overwritten");
    }
    // What is under a fallback tag is a list as well.
    layout.write_index(&good);
    let referrer = layout.push(b"evidence", Some(clean.clone())).await;
    let list = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [], "Manifests": [entry(&referrer)]});
    let bytes = list.to_string().into_bytes();
    fs::write(layout.blob(&Digest::of(&bytes)), &bytes).unwrap();
    let mut index = layout.index();
    let tag = json!({"org.opencontainers.image.ref.name": fallback_tag(&clean.digest)});
    let listed = json!({"mediaType": media::OCI_INDEX, "digest": Digest::of(&bytes), "size": bytes.len(), "annotations": tag});
    index["manifests"].as_array_mut().unwrap().push(listed);
    layout.write_index(&index);
    let error = layout.attached(&clean.digest).await.unwrap_err();
    assert!(error.help.contains("fallback tag") && error.reason.contains("`Manifests`"), "{error}");
}

#[tokio::test]
async fn changed_and_lost_files_are_noticed_and_a_copy_mends_them() {
    let (from, to) = (layout(), layout());
    let artifact = from.push(b"layer", None).await;
    let target: Repository = format!("oci:{}", to.path.display()).parse().unwrap();
    let copy = async || images::copy(&from.registries, &from.at, &target, &artifact, &()).await;
    copy().await.unwrap();
    let layer = Digest::of(b"layer");
    for damage in [&b"LAYER"[..], b"lay", b""] {
        fs::write(to.blob(&layer), damage).unwrap();
        assert_eq!(copy().await.unwrap().blobs_streamed, 1);
        assert_eq!(fs::read(to.blob(&layer)).unwrap(), b"layer");
        fs::write(from.blob(&layer), damage).unwrap();
        fs::remove_file(to.blob(&layer)).unwrap();
        let error = copy().await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
        assert!(!to.blob(&layer).exists());
        fs::write(from.blob(&layer), b"layer").unwrap();
    }
    copy().await.unwrap();
    fs::write(from.blob(&artifact.digest), b"{}").unwrap();
    assert_eq!(copy().await.unwrap_err().trouble, Trouble::Corrupt);
    let left = temporary(&to.path.join("blobs/sha256"));
    assert!(left.is_empty(), "{left:?}");
}

fn temporary(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

#[tokio::test]
async fn referrers_are_found_in_the_index_and_under_the_fallback_tag() {
    let layout = layout();
    let subject = layout.push(b"layer", None).await;
    let referrer = layout.push(b"evidence", Some(subject.clone())).await;
    assert_eq!(layout.attached(&subject.digest).await.unwrap(), [referrer.digest]);
    // As others write it: listed under the fallback tag only.
    let hidden = image(&[b"more".to_vec()], Some(subject.clone()));
    let hidden_digest = Digest::of(&hidden.manifest);
    fs::write(layout.blob(&hidden_digest), &hidden.manifest).unwrap();
    let list = index(vec![Descriptor::of(media::OCI_MANIFEST, &hidden.manifest), referrer.clone()]);
    let list = layout.registries.push(&layout.at, &list).await.unwrap();
    layout.registries.tag(&layout.at, &fallback_tag(&subject.digest), &list).await.unwrap();
    let mut both = [referrer.digest, hidden_digest];
    both.sort();
    assert_eq!(layout.attached(&subject.digest).await.unwrap(), both);
    // What is listed and gone may have been one.
    fs::remove_file(layout.blob(&referrer.digest)).unwrap();
    let error = layout.attached(&subject.digest).await.unwrap_err();
    assert!(
        error.trouble == Trouble::Corrupt && error.place.contains(&referrer.digest.to_string()),
        "{error}"
    );
    // The tag names something that is no list.
    fs::write(layout.blob(&referrer.digest), &image(&[b"evidence".to_vec()], Some(subject.clone())).manifest)
        .unwrap();
    layout.registries.tag(&layout.at, &fallback_tag(&subject.digest), &subject).await.unwrap();
    let error = layout.attached(&subject.digest).await.unwrap_err();
    assert!(error.help.contains("fallback tag"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_the_same_time_lose_nothing() {
    let layout = std::sync::Arc::new(layout());
    let subject = layout.push(b"layer", None).await;
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (layout, subject) = (layout.clone(), subject.clone());
        writers.spawn(async move {
            // A process of its own knows nothing of the others.
            let own = Registries::new(Settings::default());
            let at = format!("oci:{}", layout.path.display()).parse().unwrap();
            let upload = image(&[format!("evidence {number}").into_bytes()], Some(subject));
            let pushed = own.push(&at, &upload).await.unwrap();
            own.tag(&at, &format!("tag-{number}"), &pushed).await.unwrap();
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(layout.attached(&subject.digest).await.unwrap().len(), 16);
    for number in 0..16 {
        assert!(layout.tagged(&format!("tag-{number}")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_part_of_a_blob_is_read_where_it_is() {
    let layout = layout();
    layout.push(b"0123456789", None).await;
    let blob = Descriptor::of(media::OCI_LAYER, b"0123456789");
    let part = |range| layout.registries.blob_range(&layout.at, &blob, range);
    assert_eq!(&part(2..5).await.unwrap()[..], b"234");
    assert_eq!(&part(0..10).await.unwrap()[..], b"0123456789");
    for range in [8..11, 20..21] {
        assert_eq!(part(range).await.unwrap_err().trouble, Trouble::Corrupt);
    }
    let other = Descriptor::of(media::OCI_LAYER, b"other");
    let gone = layout.registries.blob_range(&layout.at, &other, 0..1).await;
    assert_eq!(gone.unwrap_err().trouble, Trouble::NotFound);
}

#[tokio::test]
async fn files_can_be_read_by_others_as_the_mask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let layout = layout();
    let manifest = layout.push(b"layer", None).await;
    let plain = layout.path.join("plain");
    fs::write(&plain, b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in
        [layout.blob(&manifest.digest), layout.blob(&Digest::of(b"layer")), layout.path.join("index.json")]
    {
        assert_eq!(mode(&path), mode(&plain), "{}", path.display());
    }
}
