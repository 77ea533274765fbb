//! Images in archives and folders are scanned like those of registries; feeds travel as deltas.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use xtask::parts::{self, or_skip, program};

fn lockgate(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lockgate"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Names, versions and paths of the packages.
fn packages(folder: &Path, image: &str) -> Vec<String> {
    let (code, printed, told) = lockgate(folder, &["scan", image, "--output", "json"]);
    // Nobody was asked about them: there is no feed.
    assert_eq!(code, 3, "{image}: {told}");
    let value: Value = serde_json::from_str(&printed).unwrap();
    let packages = value["images"][0]["inventory"]["packages"].as_array().unwrap();
    packages.iter().map(|one| format!("{} {} {}", one["name"], one["version"], one["path"])).collect()
}

#[test]
fn archives_hold_what_the_image_holds() {
    let Some(skopeo) = or_skip(program("skopeo"), "archives") else { return };
    let Some(arena) = or_skip(parts::arena(), "images") else { return };
    let folder = tempfile::tempdir().unwrap();
    for image in ["distroless", "java-meta"] {
        let layout = format!("oci:{}", arena.join("images").join(image).display());
        let expected = packages(folder.path(), &layout);
        assert!(expected.len() > 20, "{expected:?}");
        for kind in ["docker-archive", "oci-archive"] {
            let archive = format!("{kind}:{}", folder.path().join(format!("{image}.{kind}.tar")).display());
            let copied =
                Command::new(&skopeo).args(["--insecure-policy", "copy", "-q", &layout, &archive]).status();
            assert!(copied.unwrap().success());
            assert_eq!(packages(folder.path(), &archive), expected, "{archive}");
        }
    }
    let scratch = folder.path().join("cache/lockgate/scratch");
    assert_eq!(std::fs::read_dir(scratch).unwrap().count(), 0, "what was laid out stays");
}

#[test]
fn what_is_no_archive_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text"), "no tar at all, but longer than nothing").unwrap();
    let mut tar = tar::Builder::new(std::fs::File::create(folder.path().join("empty.tar")).unwrap());
    tar.finish().unwrap();
    for (image, why) in [
        ("docker-archive:text", "text"),
        ("docker-archive:empty.tar", "manifest.json"),
        ("oci-archive:empty.tar", "index.json"),
        ("docker-archive:gone.tar", "gone.tar"),
        ("dir:text", "not a directory"),
    ] {
        let (code, _, told) = lockgate(folder.path(), &["scan", image]);
        assert!(code == 1 && told.contains(why) && told.contains("help:"), "{image}: {told}");
    }
}

#[test]
fn feeds_travel_as_deltas() {
    let record = |id: &str, name: &str| {
        format!(
            r#"{{"id":"{id}","modified":"2026-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"npm","name":"{name}"}},"versions":["1.0.0"]}}]}}"#
        )
    };
    let old = [record("A-1", "a"), record("B-1", "b")].join("\n");
    let new = [record("A-1", "altered"), record("C-1", "c")].join("\n");
    let [here, there] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [&here, &there] {
        std::fs::write(folder.path().join("old.jsonl"), &old).unwrap();
        assert_eq!(lockgate(folder.path(), &["init"]).0, 0);
        assert_eq!(lockgate(folder.path(), &["feed", "import", "old.jsonl", "--name", "all"]).0, 0);
    }
    let digest = |folder: &Path| {
        let (_, printed, _) = lockgate(folder, &["feed", "show", "--output", "json"]);
        let value: Value = serde_json::from_str(&printed).unwrap();
        value["row"]["feed"].as_str().unwrap().to_owned()
    };
    let first = digest(here.path());
    std::fs::write(here.path().join("new.jsonl"), &new).unwrap();
    assert_eq!(lockgate(here.path(), &["feed", "import", "new.jsonl", "--name", "all"]).0, 0);
    let file = there.path().join("step");
    let (code, printed, told) =
        lockgate(here.path(), &["feed", "delta", &first, "--file", &file.display().to_string()]);
    assert!(code == 0 && printed.contains("2 advisories changed, 1 gone"), "{printed}{told}");
    assert_eq!(lockgate(there.path(), &["feed", "apply", "step"]).0, 0);
    assert_eq!(digest(there.path()), digest(here.path()));
    let (code, printed, _) = lockgate(there.path(), &["feed", "verify"]);
    assert!(code == 0 && printed.contains("2 advisories"), "{printed}");
    // A delta that was changed on the way makes nothing.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("altered", "forged!")).unwrap();
    let (code, _, told) = lockgate(there.path(), &["feed", "apply", "step"]);
    assert!(code == 1 && told.contains("the delta makes"), "{told}");
    // A feed that was changed where it lies is not judged with.
    let feed =
        std::fs::read_dir(there.path().join(".lockgate/feeds")).unwrap().map(|one| one.unwrap().path());
    let newest = digest(there.path()).replace(':', "-");
    let feed = feed.into_iter().find(|path| path.display().to_string().contains(&newest)).unwrap();
    let mut bytes = std::fs::read(&feed).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&feed, bytes).unwrap();
    let (code, _, told) = lockgate(there.path(), &["feed", "verify"]);
    assert!(code == 1 && told.contains("not what its name says"), "{told}");
}
