//! Copies: whole, between all kinds of repositories, and never wrong, whatever the source, the target or the way between
//! them does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use faulty::{Act, CARELESS, Faulty, NATIVE, PLAIN, registries, registry, settings};
use images::{image, index, noise};
use lockgate_model::oci::media;
use lockgate_model::ports::{Copied, PortError, Progress, Registry, Trouble};
use lockgate_model::{Descriptor, Digest, Repository};
use lockgate_registry::Registries;

mod faulty;
mod images;

fn right() -> Faulty {
    registry(PLAIN, |_| Act::Right)
}

/// Pushes an image of one layer to `from`, and copies it from there to `to`.
async fn copy_layer(from: &Faulty, to: &Faulty, layer: &[u8]) -> Result<Copied, PortError> {
    let registries = registries(&[from, to]);
    let artifact = registries.push(&from.repository("web"), &image(&[layer.to_vec()], None)).await.unwrap();
    images::copy(&registries, &from.repository("web"), &to.repository("copy"), &artifact, &()).await
}

#[derive(Default)]
struct Watched {
    total: AtomicU64,
    done: AtomicU64,
    ended: AtomicUsize,
}

impl Progress for Watched {
    fn begin(&self, _label: &str, total: u64) {
        self.total.store(total, Ordering::SeqCst);
    }
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::SeqCst);
    }
    fn end(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn everything_travels_between_all_kinds_of_repositories_and_a_second_time_nothing_moves() {
    let (plain, native) = (right(), registry(NATIVE, |_| Act::Right));
    let folder = tempfile::tempdir().unwrap();
    let layout =
        |name: &str| format!("oci:{}/{name}", folder.path().display()).parse::<Repository>().unwrap();
    let registries = registries(&[&plain, &native]);
    let way = [
        layout("first"),
        plain.repository("a"),
        native.repository("a"),
        native.repository("b"),
        plain.repository("b"),
        layout("second"),
        layout("third"),
    ];
    let artifact = images::everything(&registries, &way[0]).await;
    for pair in way.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let watched = Watched::default();
        let copied = images::copy(&registries, from, to, &artifact, &watched).await.unwrap();
        assert_eq!(
            (copied.manifests, copied.referrers),
            (images::MANIFESTS, images::REFERRERS),
            "{from} {to}"
        );
        assert_eq!(copied.blobs_streamed + copied.blobs_mounted, images::BLOBS, "{from} {to}");
        let total = watched.total.load(Ordering::SeqCst);
        assert_eq!((watched.done.load(Ordering::SeqCst), watched.ended.load(Ordering::SeqCst)), (total, 1));
        let again = images::copy(&registries, from, to, &artifact, &()).await.unwrap();
        assert_eq!(
            (again.blobs_present, again.bytes, again.referrers),
            (images::BLOBS, 0, images::REFERRERS)
        );
    }
    // Within one registry blobs are mounted, not moved.
    let mounted = images::copy(&registries, &way[2], &native.repository("c"), &artifact, &()).await.unwrap();
    assert_eq!((mounted.blobs_mounted, mounted.bytes), (images::BLOBS, 0));
}

#[tokio::test]
async fn a_lying_source_is_named_and_leaves_nothing_even_in_a_careless_target() {
    for size in [10, 9 << 20] {
        let layer = noise(size);
        let digest = Digest::of(&layer);
        let name = digest.to_string();
        let from =
            registry(PLAIN, move |request| if request.is("GET", &name) { Act::Flip } else { Act::Right });
        let to = registry(CARELESS, |_| Act::Right);
        let error = copy_layer(&from, &to, &layer).await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
        assert!(error.place.contains(&from.host) && error.place.contains(&digest.to_string()), "{error}");
        assert_eq!(to.blob("copy", &digest), None);
    }
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_stopped_and_is_read_back() {
    let layer = noise(9 << 20);
    let digest = Digest::of(&layer);
    let cut = |request: &faulty::Request| {
        let first = request.method == "PATCH" && request.header("content-range").is_none();
        if first { Act::CutBody(5 << 20) } else { Act::Right }
    };
    let (from, to) = (right(), registry(PLAIN, cut));
    let copied = copy_layer(&from, &to, &layer).await.unwrap();
    assert_eq!((copied.blobs_streamed, copied.bytes), (2, layer.len() as u64 + 2));
    let patches: Vec<_> = to.requests().into_iter().filter(|one| one.method == "PATCH").collect();
    assert_eq!(patches.len(), 2);
    let range = format!("{}-{}", 5 << 20, layer.len() - 1);
    assert_eq!((patches[1].header("content-range"), patches[1].body.len()), (Some(&*range), 4 << 20));
    assert_eq!(to.blob("copy", &digest), Some(layer.clone()));

    // The first stream lied, the second is honest: together they are wrong, and a careless target takes them.
    let name = digest.to_string();
    let downloads = AtomicUsize::new(0);
    let liar = registry(PLAIN, move |request| {
        let first = request.is("GET", &name) && downloads.fetch_add(1, Ordering::SeqCst) == 0;
        if first { Act::Flip } else { Act::Right }
    });
    let error = copy_layer(&liar, &registry(CARELESS, cut), &layer).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
}

#[tokio::test]
async fn an_upload_that_is_forgotten_begins_again_and_one_that_arrived_does_not() {
    let layer = noise(9 << 20);
    let patches = AtomicUsize::new(0);
    let to = registry(PLAIN, move |request| match request.method.as_str() {
        "PATCH" if patches.fetch_add(1, Ordering::SeqCst) == 0 => Act::CutBody(1 << 20),
        "GET" if request.path.contains("/uploads/") => Act::Answer("404 Not Found", vec![], vec![]),
        _ => Act::Right,
    });
    copy_layer(&right(), &to, &layer).await.unwrap();
    assert_eq!(to.blob("copy", &Digest::of(&layer)), Some(layer));
    // The upload was done, and only the answer was lost.
    let lost =
        registry(PLAIN, |request| if request.is("PUT", "/blobs/uploads/") { Act::Lose } else { Act::Right });
    copy_layer(&right(), &lost, b"small").await.unwrap();
    assert_eq!(lost.count("POST", "/blobs/uploads/"), 2, "one for each blob");
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_stopped() {
    let layer = noise(3 << 20);
    for honours_ranges in [true, false] {
        let name = Digest::of(&layer).to_string();
        let whole = layer.clone();
        let from = registry(PLAIN, move |request| match request.header("range") {
            _ if !request.is("GET", &name) => Act::Right,
            None => Act::CutAnswer(1 << 20),
            Some(_) if honours_ranges => Act::Right,
            Some(_) => Act::Answer("200 OK", vec![], whole.clone()),
        });
        let to = right();
        copy_layer(&from, &to, &layer).await.unwrap();
        assert_eq!(to.blob("copy", &Digest::of(&layer)), Some(layer.clone()));
        assert_eq!(to.count("POST", "/blobs/uploads/"), 2, "the upload did not notice");
    }
    // Another part than was asked for is refused.
    let name = Digest::of(&layer).to_string();
    let from = registry(PLAIN, move |request| match request.header("range") {
        _ if !request.is("GET", &name) => Act::Right,
        None => Act::CutAnswer(1 << 20),
        Some(_) => {
            Act::Answer("206 Partial Content", vec![("Content-Range", "bytes 7-8/9".into())], vec![0; 2])
        }
    });
    let error = copy_layer(&from, &right(), &layer).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
}

#[tokio::test]
async fn a_part_of_a_blob_is_had_with_and_without_ranges() {
    let layer = noise(3 << 20);
    let blob = Descriptor::of(media::OCI_LAYER, &layer);
    let name = blob.digest.to_string();
    let part = |answer: fn(&[u8]) -> Option<Act>| {
        let (name, whole) = (name.clone(), layer.clone());
        registry(PLAIN, move |request| {
            let asked = request.is("GET", &name) && request.header("range").is_some();
            answer(&whole).filter(|_| asked).unwrap_or(Act::Right)
        })
    };
    let whole: fn(&[u8]) -> Option<Act> = |whole| Some(Act::Answer("200 OK", vec![], whole.to_vec()));
    let short: fn(&[u8]) -> Option<Act> = |_| Some(Act::Answer("200 OK", vec![], vec![0; 100]));
    let other: fn(&[u8]) -> Option<Act> = |_| {
        let range = vec![("Content-Range", "bytes 7-8/9".into())];
        Some(Act::Answer("206 Partial Content", range, vec![0; 2]))
    };
    for (answer, good) in [(None, true), (Some(whole), true), (Some(short), false), (Some(other), false)] {
        let from = part(answer.unwrap_or(|_| None));
        let quick = Registries::new(settings(&[&from]));
        let repository = from.repository("web");
        quick.push(&repository, &image(std::slice::from_ref(&layer), None)).await.unwrap();
        // What begins the answer is whatever was sent: it is not verified.
        for range in [0..5_u64, 1000..2_000_000, 3_145_000..3_145_728].into_iter().skip(usize::from(!good)) {
            let here = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            match quick.blob_range(&repository, &blob, range).await {
                Ok(bytes) => assert!(good && bytes == layer[here]),
                Err(error) => assert!(!good && error.trouble == Trouble::Corrupt, "{error}"),
            }
        }
        assert!(quick.blob_range(&repository, &blob, 5..5).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_upload_may_take_longer_than_a_time_out_as_long_as_it_moves() {
    let layer = noise(32 << 20);
    let to = registry(PLAIN, |request| match request.method.as_str() {
        "PATCH" => Act::SlowBody(24, Duration::from_millis(140)),
        _ => Act::Right,
    });
    let from = right();
    let quick = Registries::new(lockgate_registry::Settings {
        timeout: Duration::from_secs(3),
        attempts: 1,
        ..settings(&[&from, &to])
    });
    let artifact =
        quick.push(&from.repository("web"), &image(std::slice::from_ref(&layer), None)).await.unwrap();
    images::copy(&quick, &from.repository("web"), &to.repository("copy"), &artifact, &()).await.unwrap();
    assert_eq!(to.count("PATCH", ""), 1);
}

#[tokio::test]
async fn a_target_that_hangs_in_an_upload_is_given_up() {
    let to = registry(PLAIN, |request| if request.is("PUT", "/blobs/") { Act::Hang } else { Act::Right });
    let from = right();
    let quick = Registries::new(lockgate_registry::Settings {
        timeout: Duration::from_millis(100),
        attempts: 2,
        ..settings(&[&from, &to])
    });
    let artifact = registries(&[&from]).push(&from.repository("web"), &image(&[], None)).await.unwrap();
    let error = images::copy(&quick, &from.repository("web"), &to.repository("copy"), &artifact, &())
        .await
        .unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable, "{error}");
    assert!(error.reason.contains("no answer within"), "{error}");
}

#[tokio::test]
async fn a_mount_that_is_declined_or_refused_becomes_an_upload() {
    for status in ["202", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 Method Not Allowed"] {
        let host = registry(PLAIN, move |request| match request.query.get("mount") {
            None => Act::Right,
            Some(_) if status == "202" => Act::Decline,
            Some(_) => Act::Answer(status, vec![("WWW-Authenticate", "Basic realm=\"x\"".into())], vec![]),
        });
        let registries = registries(&[&host]);
        let from = host.repository("web");
        let artifact = registries.push(&from, &image(&[b"layer".to_vec()], None)).await.unwrap();
        let copied =
            images::copy(&registries, &from, &host.repository("copy"), &artifact, &()).await.unwrap();
        assert_eq!((copied.blobs_mounted, copied.blobs_streamed), (0, 2), "{status}");
    }
}

type Fault = Box<dyn Fn(&faulty::Request) -> Act + Send + Sync>;

#[tokio::test]
async fn what_is_not_in_the_target_after_all_is_noticed() {
    let layer = b"layer".to_vec();
    let blob = format!("/v2/copy/blobs/{}", Digest::of(&layer));
    let heads = AtomicUsize::new(0);
    let shrunk = blob.clone();
    let faults: Vec<(&str, Fault)> = vec![
        // Forgets the blob; has another one; forgets the manifest; serves it as something else.
        (
            "is not there after the copy",
            Box::new(move |request| {
                if request.path == blob { Act::Answer("404 Not Found", vec![], vec![]) } else { Act::Right }
            }),
        ),
        (
            "bytes under this digest",
            Box::new(move |request| {
                if request.path == shrunk && heads.fetch_add(1, Ordering::SeqCst) > 0 {
                    Act::Answer("200 OK", vec![], vec![0; 3])
                } else {
                    Act::Right
                }
            }),
        ),
        (
            "is not there after the copy",
            Box::new(|request| {
                let lost = request.is("GET", "/copy/manifests/sha256:");
                if lost { Act::Answer("404 Not Found", vec![], vec![]) } else { Act::Right }
            }),
        ),
        (
            "the digest",
            Box::new(
                |request| {
                    if request.is("GET", "/copy/manifests/sha256:") { Act::Flip } else { Act::Right }
                },
            ),
        ),
    ];
    for (said, fault) in faults {
        let error = copy_layer(&right(), &registry(PLAIN, fault), &layer).await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
        assert!(error.reason.contains(said), "{said}: {error}");
    }
}

#[tokio::test]
async fn a_size_is_found_out_where_head_does_not_tell_it() {
    let layer = b"layer".to_vec();
    let head = |without: &'static str| {
        move |request: &faulty::Request| match request.method.as_str() {
            "HEAD" if without == "redirect" => {
                Act::Answer("307 Temporary Redirect", vec![("Location", "/elsewhere".into())], vec![])
            }
            "HEAD" => Act::Without("Content-Length"),
            "GET" if without == "nowhere" && request.path.contains("/blobs/") => {
                Act::Without("Content-Length")
            }
            _ => Act::Right,
        }
    };
    for without in ["redirect", "head", "nowhere"] {
        let to = registry(CARELESS, head(without));
        copy_layer(&right(), &to, &layer).await.unwrap();
        // Nothing but the bytes themselves shows that these are others.
        let to = registry(CARELESS, head(without));
        let other = if without == "nowhere" { &b"LAYER"[..] } else { b"more bytes" };
        to.put_blob("copy", &Digest::of(&layer), other);
        let error = copy_layer(&right(), &to, &layer).await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Corrupt, "{without}: {error}");
    }
}

#[tokio::test]
async fn a_lost_update_of_the_fallback_list_is_repeated_and_given_up_in_the_end() {
    for always in [false, true] {
        let lost = AtomicUsize::new(0);
        let host = registry(PLAIN, move |request| {
            let lists = request.is("PUT", "/manifests/sha256-");
            let loses = lists && (lost.fetch_add(1, Ordering::SeqCst) == 0 || always);
            if loses { Act::Answer("201 Created", vec![], vec![]) } else { Act::Right }
        });
        let registries = registries(&[&host]);
        let web = host.repository("web");
        let subject = registries.push(&web, &image(&[], None)).await.unwrap();
        let pushed = registries.push(&web, &image(&[b"e".to_vec()], Some(subject.clone()))).await;
        if always {
            assert_eq!(pushed.unwrap_err().trouble, Trouble::Unavailable);
        } else {
            let attached = registries.attached(&web, &subject.digest).await.unwrap();
            assert_eq!(
                attached.iter().map(|(_, one)| one.digest).collect::<Vec<_>>(),
                [pushed.unwrap().digest]
            );
            assert_eq!(host.count("PUT", "/manifests/sha256-"), 2);
        }
    }
}

#[tokio::test]
async fn lists_that_contradict_what_they_name_are_refused() {
    let host = right();
    let registries = registries(&[&host]);
    let web = host.repository("web");
    let child = registries.push(&web, &image(&[], None)).await.unwrap();
    let wrong = [
        ("bytes, not", Descriptor { size: 7, ..child.clone() }, Trouble::Corrupt),
        (
            "was listed as",
            Descriptor { media_type: "application/x".into(), ..child.clone() },
            Trouble::Corrupt,
        ),
        ("is not there", Descriptor::of(&child.media_type, b"absent"), Trouble::NotFound),
    ];
    for (said, descriptor, trouble) in wrong {
        let artifact = registries.push(&web, &index(vec![descriptor])).await.unwrap();
        let error =
            images::copy(&registries, &web, &host.repository("copy"), &artifact, &()).await.unwrap_err();
        assert!(error.trouble == trouble && error.reason.contains(said), "{said}: {error}");
    }
    let config = |size| Descriptor { size, ..Descriptor::of("x", b"{}") };
    let mut manifest =
        serde_json::from_slice::<lockgate_model::oci::Manifest>(&image(&[], None).manifest).unwrap();
    manifest.layers.push(config(5));
    let two_sizes = registries.push(&web, &images::upload(&manifest, vec![])).await.unwrap();
    let error = images::copy(&registries, &web, &host.repository("copy"), &two_sizes, &()).await.unwrap_err();
    assert!(error.reason.contains("2 bytes and 5 bytes"), "{error}");
    manifest.layers = vec![Descriptor {
        media_type: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into(),
        ..config(2)
    }];
    let foreign = registries.push(&web, &images::upload(&manifest, vec![])).await.unwrap();
    let error = images::copy(&registries, &web, &host.repository("copy"), &foreign, &()).await.unwrap_err();
    assert!(error.trouble == Trouble::Unsupported && error.reason.contains("distributed"), "{error}");
    assert_eq!(host.count("PUT", "/copy/"), 0, "nothing was written");
}

/// What is listed travels, and nothing else: neither what was attached since, nor what is attached to something else.
#[tokio::test]
async fn nothing_travels_that_was_not_listed_and_nothing_listed_may_be_gone() {
    let host = right();
    let registries = registries(&[&host]);
    let web = host.repository("web");
    let first = registries.push(&web, &image(&[], None)).await.unwrap();
    let known = registries.push(&web, &image(&[b"known".to_vec()], Some(first.clone()))).await.unwrap();
    let list = images::with_everything(&registries, &web, &first).await.unwrap();
    let later = registries.push(&web, &image(&[b"later".to_vec()], Some(first.clone()))).await.unwrap();
    let copy = host.repository("copy");
    let copied = registries.copy(&web, &copy, &list, &()).await.unwrap();
    assert_eq!((copied.manifests, copied.referrers), (2, 1));
    assert_eq!(registries.attached(&copy, &first.digest).await.unwrap().len(), 1);
    assert!(registries.manifest(&copy, &known.digest).await.is_ok());
    assert_eq!(registries.manifest(&copy, &later.digest).await.unwrap_err().trouble, Trouble::NotFound);

    let with = |manifest: Descriptor, subject: Digest| {
        let attachment = lockgate_model::evidence::Attachment::Referrer;
        let mut list = list.clone();
        list.companions.push(lockgate_model::evidence::Companion::new(subject, attachment, manifest));
        list
    };
    let gone = with(Descriptor::of(&first.media_type, b"gone"), first.digest);
    let stranger = with(later.clone(), Digest::of(b"another artifact"));
    for (list, trouble, said) in
        [(gone, Trouble::NotFound, "no longer"), (stranger, Trouble::Corrupt, "something else")]
    {
        let error = registries.copy(&web, &host.repository("none"), &list, &()).await.unwrap_err();
        assert!(error.trouble == trouble && error.reason.contains(said), "{error}");
    }
    assert_eq!(host.count("PUT", "/none/"), 0, "nothing was written");
}

#[tokio::test]
async fn more_manifests_than_memory_has_room_for_are_not_copied() {
    // Each manifest is small enough; twelve of three megabytes are not.
    let host = right();
    let registries = registries(&[&host]);
    let web = host.repository("web");
    let mut children = Vec::new();
    for number in 0..12 {
        let mut upload = image(&[], None);
        let mut manifest: serde_json::Value = serde_json::from_slice(&upload.manifest).unwrap();
        manifest["annotations"] =
            serde_json::json!({"number": number.to_string(), "long": "x".repeat(3 << 20)});
        upload.manifest = manifest.to_string().into();
        children.push(registries.push(&web, &upload).await.unwrap());
    }
    let artifact = registries.push(&web, &index(children)).await.unwrap();
    let error = images::copy(&registries, &web, &host.repository("copy"), &artifact, &()).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::TooLarge, "{error}");
}

#[tokio::test]
async fn signatures_that_only_the_target_has_are_not_overwritten() {
    use lockgate_model::evidence::Attachment;
    let host = right();
    let registries = registries(&[&host]);
    let (from, to) = (host.repository("web"), host.repository("copy"));
    let artifact = registries.push(&from, &image(&[], None)).await.unwrap();
    let tag = Attachment::SignatureTag.tag(&artifact.digest).unwrap();
    let sign = async |at: &Repository, layers: &[Vec<u8>]| {
        let signature = registries.push(at, &image(layers, None)).await.unwrap();
        registries.tag(at, &tag, &signature).await.unwrap();
    };
    sign(&from, &[b"one".to_vec()]).await;
    sign(&to, &[b"other".to_vec()]).await;
    let error = images::copy(&registries, &from, &to, &artifact, &()).await.unwrap_err();
    assert!(error.place.contains(&tag) && error.reason.contains("source lacks"), "{error}");
    sign(&from, &[b"one".to_vec(), b"other".to_vec()]).await;
    images::copy(&registries, &from, &to, &artifact, &()).await.unwrap();
}

#[tokio::test]
async fn many_copies_at_once_are_each_whole() {
    let (from, to) = (right(), right());
    let registries = std::sync::Arc::new(registries(&[&from, &to]));
    let artifact = images::everything(&registries, &from.repository("web")).await;
    let results = Mutex::new(0);
    side_by_side(8, async |number| {
        let target = to.repository(&format!("copy-{}", number % 2));
        images::copy(&registries, &from.repository("web"), &target, &artifact, &()).await.unwrap();
        *results.lock().unwrap() += 1;
    })
    .await;
    assert_eq!(*results.lock().unwrap(), 8);
}

/// Runs `count` pieces of work side by side on this task.
async fn side_by_side(count: usize, work: impl AsyncFn(usize)) {
    let mut pending: Vec<_> = (0..count).map(|number| Box::pin(work(number))).collect();
    std::future::poll_fn(|context| {
        pending.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
