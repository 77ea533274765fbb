//! `init`: make a workspace.

use std::path::Path;

use lockgate_ledger::SigningKey as LedgerKey;
use serde_json::json;

use super::DONE;
use super::args::{Global, Init, Output};
use super::key::generate;
use crate::failure::Failure;
use crate::session::write_new;
use crate::{show, starter};

/// `lockgate init`
pub(super) fn run(global: &Global, args: &Init) -> Result<u8, Failure> {
    let written = workspace(&args.folder, &args.origin)?;
    match global.output {
        Output::Json => show::json(&json!({"folder": args.folder, "files": written})),
        Output::Table => {
            for file in &written {
                say!("wrote {}", args.folder.join(file).display());
            }
            say!();
            say!(
                "Next: name your registries in lockgate.yaml, `lockgate feed import FILE... --fetched now`, sign an image, promote it."
            );
            say!("keys/ holds private keys: .gitignore keeps it out of the repository.");
        }
    }
    Ok(DONE)
}

/// Writes a workspace and tells its files. Nothing that is there is overwritten: a second `init` stops at the
/// first file.
pub(super) fn workspace(folder: &Path, origin: &str) -> Result<Vec<String>, Failure> {
    let config = folder.join("lockgate.yaml");
    if config.exists() {
        return Err(Failure::told(
            format!("{} already exists", config.display()),
            "this folder is a workspace; `lockgate init OTHER-FOLDER` makes another one",
        ));
    }
    let mut written = Vec::new();
    for name in ["build", "verdict"] {
        generate(folder, name, None)?;
        written.extend([format!("keys/{name}.key"), format!("trust/{name}.pub")]);
    }
    ledger_key(folder, origin)?;
    written.extend(["keys/ledger.key".to_owned(), "trust/ledger.pub".to_owned()]);
    for (path, content) in starter::files(origin) {
        write_new(&folder.join(&path), &content, 0o644)?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn ledger_key(folder: &Path, origin: &str) -> Result<(), Failure> {
    let key = LedgerKey::generate(origin).map_err(|error| {
        Failure::told(error.to_string(), "a ledger's origin is a name such as example.com/lockgate")
    })?;
    write_new(&folder.join("keys/ledger.key"), format!("{}\n", key.to_text()).as_bytes(), 0o600)?;
    write_new(&folder.join("trust/ledger.pub"), format!("{}\n", key.verifier()).as_bytes(), 0o644)
}
