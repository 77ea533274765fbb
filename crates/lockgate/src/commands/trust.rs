//! `trust`: the keyring as a TUF repository, and what others publish so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::sigstore::TrustedRoot;
use lockgate_attest::tuf::write::{RootPlan, root, sign_root, signatures_of};
use lockgate_attest::tuf::{Role, Trusted};
use lockgate_engine::keyring::{Imported, import};
use lockgate_model::Timestamp;
use lockgate_model::keyring::{Credential, Published};
use serde_json::json;

use super::args::{Export, Global, Import, MakeRoot, Output, SignRoot, Trust, Update};
use super::{DONE, ERROR};
use crate::failure::Failure;
use crate::session::{Session, Surroundings, read_file, write_new};
use crate::tuf::{Seen, Source, Visit, refused, replace, write};
use crate::{show, signing};

/// The file that holds the whole keyring.
const KEYRING: &str = "keyring.json";
/// What a Sigstore instance calls its trusted root.
const TRUSTED_ROOT: &str = "trusted_root.json";
const DAY: i64 = 86_400;

/// `lockgate trust`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Trust) -> Result<u8, Failure> {
    match args {
        Trust::Root(args) => make_root(global, around, args),
        Trust::Sign(args) => sign(global, around, args),
        Trust::Export(args) => export(global, around, args).await,
        Trust::Import(args) => take(global, around, args).await,
        Trust::Update(args) => update(global, around, args).await,
    }
}

fn make_root(global: &Global, around: &Surroundings, args: &MakeRoot) -> Result<u8, Failure> {
    let version = match &args.previous {
        Some(file) => pinned(&read_file(file)?, around.now())?.root().version.saturating_add(1),
        None => 1,
    };
    let (roots, online) = (public_keys(&args.root_key)?, public_keys(&args.key)?);
    let targets = if args.targets_key.is_empty() { online.clone() } else { public_keys(&args.targets_key)? };
    let expires = around.now().plus_seconds(i64::from(args.expires).saturating_mul(DAY));
    let plan = RootPlan {
        version,
        expires,
        roles: [
            (Role::Root, &roots, args.threshold),
            (Role::Targets, &targets, args.targets_threshold),
            (Role::Snapshot, &online, 1),
            (Role::Timestamp, &online, 1),
        ],
    };
    let bytes = root(&plan).map_err(|error| refused(&error))?;
    write_new(&args.file, &bytes, 0o644)?;
    match global.output {
        Output::Json => show::json(&json!({"version": version, "expires": expires})),
        Output::Table => {
            let (file, threshold, keys) = (args.file.display(), args.threshold, roots.len());
            say!(
                "{file} is version {version} of the root, until {expires}. {threshold} of {keys} root keys must sign it:"
            );
            let path = args.file.to_string_lossy();
            say!("  lockgate trust sign {} --key ROOT_KEY", lockgate_judge::quoted(&path));
        }
    }
    Ok(DONE)
}

fn sign(global: &Global, around: &Surroundings, args: &SignRoot) -> Result<u8, Failure> {
    let key = signing::named(around, &args.key, &args.access)?;
    let before = args.previous.as_deref().map(read_file).transpose()?;
    let bytes =
        sign_root(&read_file(&args.file)?, &*key, before.as_deref()).map_err(|error| refused(&error))?;
    let (valid, threshold) = signatures_of(&bytes).map_err(|error| refused(&error))?;
    replace(&args.file, &bytes)?;
    let missing = match &before {
        Some(before) if (valid as u64) >= threshold => {
            pinned(before, around.now())?.follow_root(&bytes).err().map(|error| error.to_string())
        }
        _ => None,
    };
    match global.output {
        Output::Json => {
            show::json(&json!({"signatures": valid, "threshold": threshold, "missing": missing}));
        }
        Output::Table if (valid as u64) < threshold => {
            say!("{} has {valid} of the {threshold} signatures that it needs.", args.file.display());
        }
        Output::Table if missing.is_some() => {
            say!("It does not follow the root before it yet: {}.", missing.unwrap_or_default());
        }
        Output::Table => say!(
            "{} has the signatures that it needs. Give it to whoever imports, by a way that nobody else writes to.",
            args.file.display()
        ),
    }
    Ok(DONE)
}

async fn export(global: &Global, around: &Surroundings, args: &Export) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let keyring = session.workspace.store.keyring().await?;
    let published = Published::of(&keyring);
    let mut files = BTreeMap::from([(KEYRING.to_owned(), published.to_bytes()?)]);
    // No folders: clients differ in where the hash goes in a path that has some.
    for row in keyring.rows() {
        let (path, bytes) = match &row.member.credential {
            Credential::Key { pem, .. } => (format!("{}.pem", row.name()), pem.clone().into_bytes()),
            Credential::Identity { .. } => {
                let bytes = lockgate_model::canon::to_bytes(&row.member.credential)?;
                (format!("{}.identity.json", row.name()), bytes)
            }
        };
        files.insert(path, bytes);
    }
    let key = |key: &String| signing::named(around, key, &args.access);
    let keys: Vec<_> = args.key.iter().map(key).collect::<Result<_, _>>()?;
    let now = session.workspace.clock.now();
    let expires = now.plus_seconds(i64::from(args.expires).saturating_mul(DAY));
    let written = write(&args.to, &read_file(&args.root)?, &files, &keys, now, expires).await?;
    let members = keyring.rows().count();
    match global.output {
        Output::Json => show::json(&json!({
            "members": members, "root": written.root, "versions": written.versions, "expires": expires,
        })),
        Output::Table => say!(
            "{}: {members} members of the keyring, as version {} until {expires}. Export it again before then: others refuse what has expired.",
            args.to.display(),
            written.versions.timestamp
        ),
    }
    Ok(DONE)
}

async fn take(global: &Global, around: &Surroundings, args: &Import) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let source = Source::of(&args.from, &session.web);
    let bytes = fetch(&session, &source, &args.root, KEYRING).await?;
    let published = Published::from_bytes(&bytes).map_err(|error| {
        Failure::told(
            format!("{source}: {KEYRING}: {error}"),
            "`lockgate trust export` of the same version writes what is read here",
        )
    })?;
    let imported = import(&session.workspace, &published, &source.to_string()).await?;
    match global.output {
        Output::Json => show::json(&imported),
        Output::Table => told(&imported),
    }
    Ok(if imported.refused.is_empty() { DONE } else { ERROR })
}

fn told(imported: &Imported) {
    for one in &imported.changed {
        say!("{}: {} (entry {})", one.name, one.what, one.entry);
    }
    for one in &imported.left {
        say!("{}: left as it is: {}", one.name, one.why);
    }
    for one in &imported.refused {
        say!("{}: refused: {}", one.name, one.why);
        say!("  {}", one.help);
    }
    say!("{} changes; {} members are the same.", imported.changed.len(), imported.same);
}

async fn update(global: &Global, around: &Surroundings, args: &Update) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let source = Source::of(&args.sigstore, &session.web);
    let bytes = fetch(&session, &source, &args.root, TRUSTED_ROOT).await?;
    // What cannot be read would only be found out at the next judgement.
    TrustedRoot::from_json(&bytes).map_err(|error| {
        Failure::told(
            format!("{source}: {TRUSTED_ROOT}: {error}"),
            "the file that was there was left as it is; tell the keeper of the repository",
        )
    })?;
    let changed = std::fs::read(&args.to).ok().as_deref() != Some(&bytes);
    if changed {
        replace(&args.to, &bytes)?;
    }
    match global.output {
        Output::Json => show::json(&json!({"file": args.to, "changed": changed})),
        Output::Table if changed => say!("{} is the trusted root that {source} has now.", args.to.display()),
        Output::Table => say!("{} is the newest already.", args.to.display()),
    }
    Ok(DONE)
}

/// One verified file of a repository.
async fn fetch(session: &Session, source: &Source, root: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let root = read_file(root)?;
    let seen = Seen::of(&session.trust_folder(), &root);
    let visit = Visit::pay(source, &root, Some(&seen), session.workspace.clock.now()).await?;
    visit.target(source, name).await
}

fn pinned(root: &[u8], now: Timestamp) -> Result<Trusted, Failure> {
    Trusted::pinned(root, now).map_err(|error| refused(&error))
}

/// Public keys, or those of private ones.
fn public_keys(files: &[PathBuf]) -> Result<Vec<PublicKey>, Failure> {
    let read = |file: &PathBuf| {
        let bytes = read_file(file)?;
        PublicKey::from_pem(&bytes)
            .or_else(|error| SigningKey::from_pem(&bytes).map(|key| key.public()).map_err(|_| error))
            .map_err(|source| Failure::Key { file: file.display().to_string(), source })
    };
    files.iter().map(read).collect()
}
