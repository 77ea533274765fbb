//! Scans of large real images, beside Trivy and Syft in the same run. The images and the two peers are made by
//! `../shared/arena/build-images`; without them this says so and ends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark may panic"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use xtask::parts::{self, program};

const RUNS: usize = 5;
/// Syft takes minutes.
const SYFT_RUNS: usize = 2;

fn main() {
    let Some(bench) = Bench::new() else {
        println!(
            "scan: skipped, build the images with `../shared/arena/build-images peers` and `build`; GNU time must be there"
        );
        return;
    };
    yardstick(bench.scratch.path());
    // `cargo bench --bench scan -- layers` measures new layers only.
    if !std::env::args().any(|argument| argument == "layers") {
        for image in ["trixie-base", "gorust", "py-vuln", "node-vuln", "web-big"] {
            bench.cold_and_warm(image);
        }
        bench.with_feed("web-big");
    }
    bench.one_new_layer("web-big", 1 << 20);
    bench.one_new_layer("web-big", 54_000_000);
    bench.one_new_layer("py-vuln-v2", 1 << 20);
}

/// What this machine does, for absolute figures: bytes hashed on one thread, and small files made durable.
fn yardstick(folder: &Path) {
    const BYTES: usize = 256 << 20;
    const FILES: u32 = 50;
    let bytes = vec![7; BYTES];
    let start = Instant::now();
    let _digest = std::hint::black_box(lockgate_model::Digest::of(&bytes));
    let hashed = BYTES as f64 / 1e6 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    for file in 0..FILES {
        let mut file = std::fs::File::create(folder.join(format!("sync-{file}"))).unwrap();
        std::io::Write::write_all(&mut file, b"x").unwrap();
        file.sync_all().unwrap();
    }
    let synced = f64::from(FILES) / start.elapsed().as_secs_f64();
    println!("yardstick: sha256 {hashed:.0} MB/s, {synced:.0} syncs/s");
}

/// What one process took.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
    memory: f64,
}

/// The medians of several runs, each of its own.
fn medians(runs: &[Took]) -> Took {
    let median = |pick: fn(&Took) -> f64| {
        let mut values: Vec<_> = runs.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[(values.len() - 1) / 2]
    };
    Took { wall: median(|took| took.wall), cpu: median(|took| took.cpu), memory: median(|took| took.memory) }
}

struct Bench {
    images: PathBuf,
    trivy: PathBuf,
    syft: PathBuf,
    scratch: tempfile::TempDir,
    /// What Syft took of each image; it keeps nothing, so that every run is a cold one.
    syft_took: RefCell<BTreeMap<String, Took>>,
}

impl Bench {
    fn new() -> Option<Self> {
        program("time").ok()?;
        let arena = parts::built_images().ok()?;
        let [trivy, syft] = ["trivy", "syft"].map(|name| arena.join("bin").join(name));
        let images = arena.join("images");
        let (scratch, syft_took) = (tempfile::tempdir().unwrap(), RefCell::default());
        Some(Self { images, trivy, syft, scratch, syft_took })
    }

    fn run(&self, command: &mut Command) -> Took {
        let figures = self.scratch.path().join("figures");
        let mut timed = Command::new(program("time").unwrap());
        timed
            .args(["-q", "-f", "%U %S %M", "-o"])
            .arg(&figures)
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            timed.env(name, value.unwrap());
        }
        if let Some(folder) = command.get_current_dir() {
            timed.current_dir(folder);
        }
        let start = Instant::now();
        let status = timed.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        let wall = start.elapsed().as_secs_f64();
        // A scan that asked nobody ends with 3.
        assert!(matches!(status.code(), Some(0 | 3)), "{command:?}");
        let text = std::fs::read_to_string(figures).unwrap();
        let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
        Took { wall, cpu: numbers[0] + numbers[1], memory: numbers[2] / 1024.0 }
    }

    fn layout(&self, image: &str) -> String {
        format!("oci:{}", self.images.join(image).display())
    }

    fn lockgate(&self, image: &str, cache: &Path) -> Took {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["scan", &self.layout(image), "--output", "json"]).env("XDG_CACHE_HOME", cache);
        self.run(command.current_dir(self.scratch.path()))
    }

    fn trivy(&self, image: &str, cache: &Path, options: &[&str]) -> Took {
        let mut command = Command::new(&self.trivy);
        command.args([
            "image",
            "--quiet",
            "--offline-scan",
            "--skip-db-update",
            "--skip-java-db-update",
            "--cache-dir",
        ]);
        command.arg(cache).args(options).arg("--input").arg(self.images.join(image));
        self.run(&mut command)
    }

    fn syft(&self, image: &str) -> Took {
        let measured = || {
            let mut command = Command::new(&self.syft);
            command.args([
                "-q",
                &format!("oci-dir:{}", self.images.join(image).display()),
                "-o",
                "syft-json",
            ]);
            medians(&(0..SYFT_RUNS).map(|_| self.run(&mut command)).collect::<Vec<_>>())
        };
        *self.syft_took.borrow_mut().entry(image.to_owned()).or_insert_with(measured)
    }

    fn cold_and_warm(&self, image: &str) {
        let packages: &[&str] = &["--format", "cyclonedx"];
        let (mut cold, mut warm) = ((vec![], vec![]), (vec![], vec![]));
        for _ in 0..RUNS {
            let caches = [self.fresh(), self.fresh()];
            cold.0.push(self.lockgate(image, caches[0].path()));
            cold.1.push(self.trivy(image, caches[1].path(), packages));
            warm.0.push(self.lockgate(image, caches[0].path()));
            warm.1.push(self.trivy(image, caches[1].path(), packages));
        }
        let syft = self.syft(image);
        told(&format!("{image}, cold"), &cold.0, &cold.1, Some(syft));
        told(&format!("{image}, warm, packages"), &warm.0, &warm.1, Some(syft));
    }

    /// With every advisory of the arena: Trivy's test database is made of the same.
    fn with_feed(&self, image: &str) {
        let Ok(arena) = parts::arena() else { return };
        let folder = self.fresh();
        let lockgate = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
            command.args(arguments).current_dir(folder.path());
            command
        };
        self.run(&mut lockgate(&["init"]));
        let files: Vec<_> =
            std::fs::read_dir(arena.join("advisories")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let files = files.iter().filter(|file| {
            let name = file.file_name().unwrap().to_string_lossy();
            name.ends_with(".jsonl.zst") || name.starts_with("kev") || name.starts_with("epss")
        });
        let mut import = lockgate(&["feed", "import"]);
        import.args(files);
        let took = self.run(&mut import);
        println!("feed import of the arena's advisories: {:.2} s, {:.0} MiB", took.wall, took.memory);
        let database = self.fresh();
        let unpacked = Command::new("tar")
            .args(["--use-compress-program=zstd -d --long=27", "-xf"])
            .arg(arena.join("golden/trivy-db.tar.zst"))
            .arg("-C")
            .arg(database.path())
            .status();
        assert!(unpacked.unwrap().success());
        let options: &[&str] = &["--format", "json", "--scanners", "vuln,license", "--list-all-pkgs"];
        let layout = self.layout(image);
        let scan = || self.run(&mut lockgate(&["scan", &layout, "--output", "json"]));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..=RUNS {
            let (one, other) = (scan(), self.trivy(image, database.path(), options));
            // The first run warms both.
            if run > 0 {
                ours.push(one);
                theirs.push(other);
            }
        }
        told(&format!("{image}, warm, with vulnerabilities and licenses"), &ours, &theirs, None);
    }

    /// A layer, that whose size is nearest, on layers that are known: as an image that is built on a base that was
    /// scanned before.
    fn one_new_layer(&self, image: &str, size: u64) {
        let (at, size, count) = self.nearest(image, size);
        let base = self.with_layers(image, &(0..at).collect::<Vec<_>>());
        let whole = self.with_layers(image, &(0..=at).collect::<Vec<_>>());
        let size = size as f64 / 1e6;
        let last = at + 1 == count;
        let syft = last.then(|| self.syft(image));
        let case = format!("{image}, a new layer of {size:.1} MB on the known {at} below it");
        self.after(&case, &base, &whole, syft);
        if !last {
            // What lies above it is known by itself, and not as it lies on this one.
            let others: Vec<_> = (0..count).filter(|other| *other != at).collect();
            let (base, all) = (self.with_layers(image, &others), (0..count).collect::<Vec<_>>());
            let case = format!("{image}, a new layer of {size:.1} MB among known ones");
            self.after(&case, &base, &self.with_layers(image, &all), Some(self.syft(image)));
        }
    }

    /// Scans `image` after `base` was scanned.
    fn after(&self, case: &str, base: &str, image: &str, syft: Option<Took>) {
        let packages: &[&str] = &["--format", "cyclonedx"];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let caches = [self.fresh(), self.fresh()];
            self.lockgate(base, caches[0].path());
            self.trivy(base, caches[1].path(), packages);
            ours.push(self.lockgate(image, caches[0].path()));
            theirs.push(self.trivy(image, caches[1].path(), packages));
        }
        told(case, &ours, &theirs, syft);
    }

    /// The place of the layer whose size is nearest to `size`, its size, and how many layers there are.
    fn nearest(&self, image: &str, size: u64) -> (usize, u64, usize) {
        let blobs = self.images.join(image).join("blobs/sha256");
        let index = read(&self.images.join(image).join("index.json"));
        let manifest = read(&blobs.join(hex(&index["manifests"][0])));
        let layers = manifest["layers"].as_array().unwrap();
        let sizes: Vec<u64> = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).collect();
        let at = (1..sizes.len()).min_by_key(|at| sizes[*at].abs_diff(size)).unwrap();
        (at, sizes[at], sizes.len())
    }

    /// A layout of `image` with these of its layers; its path.
    fn with_layers(&self, image: &str, kept: &[usize]) -> String {
        let (from, to) = (self.images.join(image), self.fresh().keep());
        let blobs = to.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        for blob in std::fs::read_dir(from.join("blobs/sha256")).unwrap().map(|blob| blob.unwrap()) {
            // Trivy reads no symbolic links.
            let (blob, kept) = (blob.path().canonicalize().unwrap(), blobs.join(blob.file_name()));
            std::fs::hard_link(&blob, &kept).or_else(|_| std::fs::copy(&blob, &kept).map(drop)).unwrap();
        }
        let write = |value: &Value| {
            let bytes = value.to_string().into_bytes();
            let digest = lockgate_model::Digest::of(&bytes);
            std::fs::write(blobs.join(digest.hex()), &bytes).unwrap();
            (digest.to_string(), bytes.len())
        };
        let mut index = read(&from.join("index.json"));
        let mut manifest = read(&blobs.join(hex(&index["manifests"][0])));
        let mut config = read(&blobs.join(hex(&manifest["config"])));
        for list in [&mut manifest["layers"], &mut config["rootfs"]["diff_ids"]] {
            let all = std::mem::take(list.as_array_mut().unwrap());
            *list = kept.iter().map(|at| all[*at].clone()).collect();
        }
        config.as_object_mut().unwrap().remove("history");
        let (digest, length) = write(&config);
        (manifest["config"]["digest"], manifest["config"]["size"]) = (digest.into(), length.into());
        let (digest, length) = write(&manifest);
        (index["manifests"][0]["digest"], index["manifests"][0]["size"]) = (digest.into(), length.into());
        std::fs::write(to.join("index.json"), index.to_string()).unwrap();
        std::fs::copy(from.join("oci-layout"), to.join("oci-layout")).unwrap();
        to.display().to_string()
    }

    fn fresh(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(self.scratch.path()).unwrap()
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The digest of a descriptor, as blobs are named.
fn hex(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned()
}

fn told(case: &str, ours: &[Took], theirs: &[Took], syft: Option<Took>) {
    let (ours, theirs) = (medians(ours), medians(theirs));
    let line = |name: &str, took: Took| {
        println!("  {name:<9} {:>8.3} s  cpu {:>7.2} s  {:>6.0} MiB", took.wall, took.cpu, took.memory);
    };
    println!("scan of {case}");
    line("lockgate", ours);
    line("trivy", theirs);
    println!(
        "  against trivy: wall {:.3}, cpu {:.2}, memory {:.2}",
        ours.wall / theirs.wall,
        ours.cpu / theirs.cpu,
        ours.memory / theirs.memory
    );
    if let Some(syft) = syft {
        line("syft", syft);
        println!("  against syft: wall {:.4}", ours.wall / syft.wall);
    }
}
