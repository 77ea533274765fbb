//! Reads the files that the section `trust` of `lockgate.yaml` names, and refuses what no gate could use.

use std::path::Path;

use lockgate_attest::notary::{Revocation, StoreKind, TrustPolicies, TrustStores};
use lockgate_attest::sigstore::TrustedRoot;
use lockgate_engine::workspace::{InstanceFile, NotationFiles, StoreFile, Trust};
use lockgate_model::Digest;
use lockgate_model::case::SigstoreInstance;

use crate::config::{Config, InstanceEntry, NotationEntry};
use crate::failure::Failure;
use crate::session::read_file;

/// Most files of trust stores, and of revocations.
const FILES: usize = 1024;

/// Reads them.
pub(crate) fn read(config: &Config) -> Result<Trust, Failure> {
    let instance = |entry: &InstanceEntry| {
        let path = config.folder.join(&entry.root);
        let root = read_file(&path)?;
        TrustedRoot::from_json(&root).map_err(|error| wrong(&path, &error))?;
        let said = SigstoreInstance {
            name: entry.name.clone(),
            root: Digest::of(&root),
            issuers: entry.issuers.clone(),
            logs: entry.logs,
            promises: entry.promises,
            timestamps: entry.timestamps,
            scts: entry.scts,
        };
        Ok(InstanceFile { said, root: root.into() })
    };
    let sigstore = config.trust.sigstore.iter().map(instance).collect::<Result<_, Failure>>()?;
    let notation = config.trust.notation.as_ref().map(|entry| notation(&config.folder, entry)).transpose()?;
    Ok(Trust { sigstore, notation })
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let help = "correct the file, or the section `trust` of lockgate.yaml that names it";
    Failure::told(format!("{}: {error}", path.display()), help)
}

fn notation(folder: &Path, entry: &NotationEntry) -> Result<NotationFiles, Failure> {
    let path = folder.join(&entry.policy);
    let policy = read_file(&path)?;
    TrustPolicies::from_json(&policy).map_err(|error| wrong(&path, &error))?;
    let (mut stores, mut checked) = (Vec::new(), TrustStores::default());
    let root = folder.join(&entry.stores).join("x509");
    for (kind_name, path) in entries(&root)? {
        let kind = StoreKind::named(&kind_name)
            .ok_or_else(|| wrong(&path, &"there are stores of the kinds ca, signingAuthority and tsa"))?;
        for (name, path) in entries(&path)? {
            for (_, path) in entries(&path)? {
                let bytes = read_file(&path)?;
                checked.add(kind, &name, &bytes).map_err(|error| wrong(&path, &error))?;
                stores.push(StoreFile { kind: kind_name.clone(), name: name.clone(), bytes: bytes.into() });
                few(&path, stores.len())?;
            }
        }
    }
    let mut revocations = Vec::new();
    let folder = entry.revocations.as_ref().map(|revocations| folder.join(revocations));
    for (_, path) in folder.map_or(Ok(vec![]), |folder| entries(&folder))? {
        let bytes = read_file(&path)?;
        Revocation::read(&bytes).map_err(|error| wrong(&path, &error))?;
        revocations.push(bytes.into());
        few(&path, revocations.len())?;
    }
    Ok(NotationFiles { policy: policy.into(), stores, revocations })
}

fn few(path: &Path, count: usize) -> Result<(), Failure> {
    if count > FILES { Err(wrong(path, &format_args!("more than {FILES} files"))) } else { Ok(()) }
}

/// What a folder holds, by name; hidden files are passed over.
fn entries(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Failure::file(folder, &error))? {
        let path = entry.map_err(|error| Failure::file(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}
