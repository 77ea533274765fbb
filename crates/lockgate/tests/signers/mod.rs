//! A real registry with an image in it, a workspace that uses it, and the real cosign.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test file uses its part of this"
)]

use std::path::PathBuf;
use std::process::Command;

use lockgate::sample_images;
use lockgate_judge::decide;
use lockgate_model::oci::Manifest;
use lockgate_model::ports::{Registry, Store};
use lockgate_model::{Case, CaseRecord, Descriptor, Inputs, Outcome, Repository, canon};
use lockgate_registry::{HostSettings, Registries, Settings};
use lockgate_store::SqliteStore;
use xtask::parts::{self, Absent, Part, or_skip};

use crate::support::{Ran, Workspace};

/// Registry, workspace and cosign.
pub(crate) struct World {
    pub(crate) w: Workspace,
    pub(crate) part: Part,
    cosign: PathBuf,
    /// The image in dev, by digest.
    pub(crate) image: String,
    pub(crate) artifact: Descriptor,
    pub(crate) registries: Registries,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// The world, or nothing after saying why the test ends here. `signers` are the keys that the signature gate asks for, all
/// of them; those of them with a file are written into `lockgate.yaml`.
pub(crate) fn world(test: &str, signers: &[(&str, Option<&str>)]) -> Option<World> {
    or_skip(
        parts::program("cosign").and_then(|cosign| Ok(World::new(parts::ferro()?, cosign, signers))),
        test,
    )
}

/// What else a test needs, or nothing after saying why it ends here.
pub(crate) fn needs(test: &str, program: &str) -> Option<PathBuf> {
    or_skip(parts::program(program), test)
}

/// The same for a file.
pub(crate) fn needs_file(test: &str, file: &str) -> Option<PathBuf> {
    let found = PathBuf::from(file);
    or_skip(if found.is_file() { Ok(found) } else { Err(Absent(format!("{file} is not there"))) }, test)
}

impl World {
    fn new(part: Part, cosign: PathBuf, signers: &[(&str, Option<&str>)]) -> Self {
        let mut w = Workspace::init();
        w.docker_config.clone_from(&part.docker_config);
        let names: Vec<_> = signers.iter().map(|(name, _)| *name).collect();
        let files: String = signers
            .iter()
            .filter_map(|(name, file)| Some(format!("  - {{name: {name}, file: {}}}\n", (*file)?)))
            .collect();
        w.edit_config(|mut text| {
            for stage in ["dev", "staging", "prod"] {
                text = text.replace(&format!("oci:registry/{stage}"), &format!("{}/{stage}", part.host));
            }
            let own = format!("registries:\n  - host: \"{}\"\n    plainHttp: true\n", part.host);
            let asked = format!("keys: [{}], required: {}", names.join(", "), names.len());
            let text = text
                .replace("registries: []\n", &own)
                .replace("keys: [build], required: 1", &asked)
                .replace("  - name: build\n", &format!("{files}  - name: build\n"));
            // It is the signatures that are looked at here.
            let others = |line: &&str| {
                !["vulnerability:", "policy:"].iter().any(|gate| line.trim_start().starts_with(gate))
            };
            text.lines().filter(others).collect::<Vec<_>>().join("\n") + "\n"
        });
        let host = HostSettings { host: part.host.clone(), plain_http: true, ..HostSettings::default() };
        let registries = Registries::new(Settings { hosts: vec![host], ..Settings::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let repository: Repository = format!("{}/dev/web", part.host).parse().unwrap();
        let sample = sample_images::all().unwrap().remove(0);
        let artifact = runtime.block_on(async {
            let manifest = registries.push(&repository, &sample.upload).await.unwrap();
            registries.tag(&repository, "1", &manifest).await.unwrap();
            manifest
        });
        let image = format!("{repository}@{}", artifact.digest);
        Self { w, part, cosign, image, artifact, registries, runtime }
    }

    /// Runs `lockgate` with these variables.
    pub(crate) fn lockgate(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        Ran::of(self.w.command(arguments).envs(variables.iter().copied()).output().unwrap())
    }

    /// Runs cosign with these variables, with registries in the open.
    pub(crate) fn cosign(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = Command::new(&self.cosign);
        command.args(arguments).current_dir(&self.w.folder).envs(variables.iter().copied());
        command.env("DOCKER_CONFIG", &self.part.docker_config).env("HOME", &self.w.folder);
        Ran::of(command.output().unwrap())
    }

    /// The Case of the Decision that was recorded last, with all of its inputs.
    pub(crate) fn last_case(&self) -> Case {
        self.runtime.block_on(async {
            let store = SqliteStore::open(self.w.folder.join(".lockgate/lockgate.db")).await.unwrap();
            let row = store.decisions(None).await.unwrap().pop().unwrap();
            let record: CaseRecord =
                canon::from_bytes(&store.blob(&row.case).await.unwrap().unwrap()).unwrap();
            let mut inputs = Inputs::new();
            for bytes in store.blobs(&record.inputs()).await.unwrap() {
                inputs.insert(bytes.unwrap());
            }
            Case { record, inputs }
        })
    }

    /// The one piece of evidence of the last Case, with a byte of its bundle changed and attached as if it were so: for
    /// every third byte, but those of `unread` (from a text to a text), the gate must refuse it.
    pub(crate) fn no_byte_may_change(&self, unread: (&str, &str)) {
        let Case { mut record, mut inputs } = self.last_case();
        assert_eq!(
            decide(&Case { record: record.clone(), inputs: inputs.clone() }).outcome,
            Outcome::Proceed
        );
        let evidence = record.evidence[0].clone();
        let good = inputs.get(&evidence.blobs[0]).unwrap().to_vec();
        let manifest: Manifest =
            serde_json::from_slice(inputs.get(&evidence.manifest.digest).unwrap()).unwrap();
        let text = String::from_utf8_lossy(&good);
        let start = text.find(unread.0).unwrap();
        let end = start + text[start..].find(unread.1).unwrap();
        for at in (0..good.len()).step_by(3).filter(|at| !(start..=end).contains(at)) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let mut manifest = manifest.clone();
            manifest.layers[0] = Descriptor::of(&manifest.layers[0].media_type, &bad);
            let manifest = serde_json::to_vec(&manifest).unwrap();
            let mut changed = evidence.clone();
            changed.manifest = Descriptor::of(&evidence.manifest.media_type, &manifest);
            inputs.insert(manifest);
            changed.blobs = vec![inputs.insert(bad)];
            record.evidence = vec![changed];
            let decision = decide(&Case { record: record.clone(), inputs: inputs.clone() });
            assert_ne!(decision.outcome, Outcome::Proceed, "{at}: {}", &text[at.saturating_sub(20)..=at]);
        }
    }

    /// cosign verifies the image by the public key in `file`.
    pub(crate) fn cosign_verifies(&self, file: &str) -> Ran {
        let offline = ["--insecure-ignore-tlog=true", "--allow-http-registry"];
        self.cosign(&[], &[&["verify", "--key", file], &offline[..], &[&self.image]].concat())
    }
}
