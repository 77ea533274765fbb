//! Against real registries: Debian's docker-registry with Basic credentials and a private authority, and with bearer tokens;
//! ferro-oci-server with the referrers API.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;

use lockgate_model::oci::{Index, media};
use lockgate_model::ports::{Registry, Trouble};
use lockgate_model::{Descriptor, Repository};
use lockgate_registry::{HostSettings, Registries, Settings};
use xtask::parts::{self, Auth, Part, or_skip};

mod images;

fn host(part: &Part) -> HostSettings {
    HostSettings {
        host: part.host.clone(),
        plain_http: part.plain_http,
        ca: part.ca.as_ref().map(|ca| std::fs::read(ca).unwrap()),
        token_hosts: part.token_host.iter().cloned().collect(),
        credentials: part
            .login
            .clone()
            .map(|(account, secret)| lockgate_registry::Credentials { account, secret }),
    }
}

fn registries(parts: &[&Part]) -> Registries {
    Registries::new(Settings { hosts: parts.iter().map(|part| host(part)).collect(), ..Settings::default() })
}

fn at(part: &Part, name: &str) -> Repository {
    format!("{}/{name}", part.host).parse().unwrap()
}

fn layout(path: &Path) -> Repository {
    format!("oci:{}", path.display()).parse().unwrap()
}

/// The three registries.
fn three() -> Result<[Part; 3], parts::Absent> {
    Ok([parts::docker_registry(Auth::Basic)?, parts::ferro()?, parts::docker_registry(Auth::Token)?])
}

#[tokio::test]
async fn everything_travels_through_all_of_them_and_back() {
    let Some(parts) = or_skip(three(), "everything_travels_through_all_of_them_and_back") else { return };
    let registries = registries(&[&parts[0], &parts[1], &parts[2]]);
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = (layout(&folder.path().join("first")), layout(&folder.path().join("last")));
    let artifact = images::everything(&registries, &first).await;
    let way = [first, at(&parts[0], "dev/web"), at(&parts[1], "dev/web"), at(&parts[2], "prod/web"), last];
    for pair in way.windows(2) {
        let copied = images::copy(&registries, &pair[0], &pair[1], &artifact, &()).await.unwrap();
        assert_eq!(
            (copied.manifests, copied.referrers),
            (images::MANIFESTS, images::REFERRERS),
            "{}",
            pair[1]
        );
        let again = images::copy(&registries, &pair[0], &pair[1], &artifact, &()).await.unwrap();
        assert_eq!((again.blobs_present, again.bytes), (images::BLOBS, 0), "{}", pair[1]);
        assert_eq!(
            registries.attached(&pair[0], &artifact.digest).await.unwrap(),
            registries.attached(&pair[1], &artifact.digest).await.unwrap()
        );
    }
    // Within one registry: by mount where it can, with a token for both repositories.
    for (part, mounts) in [(&parts[0], true), (&parts[1], false), (&parts[2], true)] {
        let from = if part.host == parts[2].host { "prod/web" } else { "dev/web" };
        let copied =
            images::copy(&registries, &at(part, from), &at(part, "other/web"), &artifact, &()).await.unwrap();
        let mounted = if mounts { images::BLOBS } else { 0 };
        assert_eq!(copied.blobs_mounted, mounted, "{}", part.host);
    }
}

#[tokio::test]
async fn a_big_layer_goes_in_parts_that_each_registry_takes() {
    let Some(parts) = or_skip(three(), "a_big_layer_goes_in_parts_that_each_registry_takes") else { return };
    let registries = registries(&[&parts[0], &parts[1], &parts[2]]);
    let folder = tempfile::tempdir().unwrap();
    let first = layout(&folder.path().join("first"));
    let big = images::noise(20 << 20);
    let blob = Descriptor::of(media::OCI_LAYER, &big);
    let artifact = registries.push(&first, &images::image(std::slice::from_ref(&big), None)).await.unwrap();
    let way = [first, at(&parts[0], "web"), at(&parts[1], "web"), at(&parts[2], "web")];
    for pair in way.windows(2) {
        let copied = images::copy(&registries, &pair[0], &pair[1], &artifact, &()).await.unwrap();
        // Some registries hold the empty config from the beginning.
        assert!(copied.bytes >= 20 << 20, "{copied:?}");
        let part = registries.blob_range(&pair[1], &blob, 19 << 20..(19 << 20) + 100).await.unwrap();
        assert!(part == big[19 << 20..(19 << 20) + 100], "{}", pair[1]);
    }
}

#[tokio::test]
async fn real_images_keep_their_digests() {
    let test = "real_images_keep_their_digests";
    let Some(arena) = or_skip(parts::arena(), test) else { return };
    let Some(parts) = or_skip(three(), test) else { return };
    let registries = registries(&[&parts[0], &parts[1], &parts[2]]);
    let folder = tempfile::tempdir().unwrap();
    for name in ["edge", "distroless", "node-meta", "node-meta-zstd", "apk-meta", "java-meta", "rpm-mariner"]
    {
        let image = arena.join("images").join(name);
        let index: Index = serde_json::from_slice(&std::fs::read(image.join("index.json")).unwrap()).unwrap();
        let artifact: Descriptor = index.manifests[0].bare();
        let last = layout(&folder.path().join(name));
        let way =
            [layout(&image), at(&parts[0], name), at(&parts[1], name), at(&parts[2], name), last.clone()];
        for pair in way.windows(2) {
            images::copy(&registries, &pair[0], &pair[1], &artifact, &()).await.unwrap();
            registries.tag(&pair[1], "1", &artifact).await.unwrap();
            assert_eq!(registries.resolve(&pair[1], "1").await.unwrap(), Some(artifact.clone()), "{name}");
        }
    }
}

#[tokio::test]
async fn wrong_bytes_of_a_real_layout_go_nowhere() {
    let test = "wrong_bytes_of_a_real_layout_go_nowhere";
    let Some(arena) = or_skip(parts::arena(), test) else { return };
    let Some(part) = or_skip(parts::ferro(), test) else { return };
    let image = arena.join("images/adversarial/wrong-blob");
    let index: Index = serde_json::from_slice(&std::fs::read(image.join("index.json")).unwrap()).unwrap();
    let artifact = index.manifests[0].bare();
    let error = images::copy(&registries(&[&part]), &layout(&image), &at(&part, "web"), &artifact, &())
        .await
        .unwrap_err();
    assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
    assert!(error.place.contains("wrong-blob"), "{error}");
}

#[tokio::test]
async fn refusals_of_a_real_registry_say_what_to_do() {
    let test = "refusals_of_a_real_registry_say_what_to_do";
    let Some(part) = or_skip(parts::docker_registry(Auth::Basic), test) else { return };
    let Some(tokens) = or_skip(parts::docker_registry(Auth::Token), test) else { return };
    let resolve = async |own: HostSettings, part: &Part| {
        let registries = Registries::new(Settings { hosts: vec![own], attempts: 1, ..Settings::default() });
        registries.resolve(&at(part, "web"), "1").await
    };
    assert!(resolve(host(&part), &part).await.unwrap().is_none());
    let stranger = resolve(HostSettings { ca: None, ..host(&part) }, &part).await.unwrap_err();
    assert!(stranger.help.contains("ca: FILE"), "{stranger} {}", stranger.help);
    let nobody = resolve(HostSettings { credentials: None, ..host(&part) }, &part).await.unwrap_err();
    assert_eq!((nobody.trouble, nobody.help), (Trouble::Denied, format!("docker login {}", part.host)));
    let plain = resolve(HostSettings { plain_http: true, ..host(&part) }, &part).await.unwrap_err();
    assert_ne!(plain.trouble, Trouble::NotFound, "{plain}");
    let mut wrong = host(&part);
    wrong.credentials.as_mut().unwrap().secret = "wrong".to_owned();
    let wrong = resolve(wrong, &part).await.unwrap_err();
    assert!(wrong.trouble == Trouble::Denied && wrong.help.contains("docker login"), "{wrong}");
    let unnamed = resolve(HostSettings { token_hosts: vec![], ..host(&tokens) }, &tokens).await.unwrap_err();
    assert!(unnamed.trouble == Trouble::Denied && unnamed.help.contains("tokenHosts"), "{unnamed}");
}
