//! The keyring's commands, for keys and identities alike: add, rotate, retire, revoke, list, show.

use std::path::{Path, PathBuf};

use lockgate_attest::keys::PublicKey;
use lockgate_attest::sigstore::Pattern;
use lockgate_engine::blast_radius::{Suspicion, measure};
use lockgate_engine::keyring::{self, Revoked};
use lockgate_engine::ledger::Appended;
use lockgate_model::keyring::{Credential, Duty, Member, MemberRow, Rotated, Stages, Subject};
use lockgate_model::{Digest, KeyringChange, Timestamp};
use serde_json::{Value, json};

use super::DONE;
use super::args::{AddIdentity, AddKey, Duties, Global, Output, Revoke, RotateKey, Which};
use crate::failure::Failure;
use crate::session::{Session, Surroundings, read_file};
use crate::show;

/// `lockgate key add`
pub(super) async fn add_key(global: &Global, around: &Surroundings, args: &AddKey) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let credential = credential(global, around, &args.name, args.file.as_deref())?;
    add(global, &session, &args.name, credential, &args.duties).await
}

/// `lockgate identity add`
pub(super) async fn add_identity(
    global: &Global,
    around: &Surroundings,
    args: &AddIdentity,
) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let subject = match (&args.subject, &args.subject_glob, &args.subject_regex) {
        (Some(text), _, _) => Subject::Exact(text.clone()),
        (_, Some(glob), _) => Subject::Glob(glob.clone()),
        (_, _, Some(regex)) => Subject::Regex(regex.clone()),
        (None, None, None) => {
            return Err(Failure::told(
                "no subject was named",
                "give --subject, --subject-glob or --subject-regex",
            ));
        }
    };
    check_pattern(&subject)?;
    let credential = Credential::Identity { issuer: args.issuer.clone(), subject };
    add(global, &session, &args.name, credential, &args.duties).await
}

/// Refuses a pattern that no gate could use, or that admits whoever shares a service with those who are meant. Entries that
/// are in the ledger already stay as they are.
fn check_pattern(subject: &Subject) -> Result<(), Failure> {
    let help = "name at least the organisation, with all that ends its name: https://github.com/acme/**";
    let pattern = Pattern::of_subject(subject).map_err(|error| Failure::told(error.to_string(), help))?;
    match (subject, pattern.stranger()) {
        (Subject::Exact(_), _) | (_, None) => Ok(()),
        (_, Some(stranger)) => {
            let why = format!("`{}` admits strangers, such as `{stranger}`", subject.as_str());
            Err(Failure::told(why, help))
        }
    }
}

async fn add(
    global: &Global,
    session: &Session,
    name: &str,
    credential: Credential,
    duties: &Duties,
) -> Result<u8, Failure> {
    if let Stages::Only(stages) = &duties.stages {
        for stage in stages {
            session.workspace.route.stage(stage.as_str())?;
        }
    }
    let member = Member {
        name: name.to_owned(),
        credential,
        duty: Duty {
            owner: duties.owner.clone(),
            roles: duties.role.iter().copied().collect(),
            stages: duties.stages.clone(),
            rotate_every_days: duties.rotate_every,
        },
        valid_from: duties.valid_from,
        valid_until: duties.valid_until,
    };
    let change = KeyringChange::Added(Box::new(member));
    let appended = keyring::change(&session.workspace, change).await?;
    let what = format!("`{name}` is in the keyring, for {}.", duties.stages);
    said(global, session, name, &appended, &what).await
}

/// `lockgate key rotate`
pub(super) async fn rotate(global: &Global, around: &Surroundings, args: &RotateKey) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let Credential::Key { id, pem } = credential(global, around, &args.to, args.file.as_deref())? else {
        return Err(Failure::told("only keys are rotated", ""));
    };
    let rotated = Rotated {
        old: args.name.clone(),
        new: args.to.clone(),
        id,
        pem,
        valid_until: args.valid_until,
        overlap_until: args.overlap_until,
    };
    let appended = keyring::change(&session.workspace, KeyringChange::Rotated(rotated)).await?;
    let what = format!(
        "`{}` is in the keyring in the place of `{}`. Both count until {}: sign with the new one from now on, and sign again what is still to be promoted.",
        args.to, args.name, args.overlap_until
    );
    said(global, &session, &args.to, &appended, &what).await
}

/// `lockgate key retire` and `lockgate identity retire`
pub(super) async fn retire(global: &Global, around: &Surroundings, name: &str) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let change = KeyringChange::Retired { name: name.to_owned() };
    let appended = keyring::change(&session.workspace, change).await?;
    let what =
        format!("`{name}` is retired: nothing that it signs from now on counts. What it vouched for stays.");
    said(global, &session, name, &appended, &what).await
}

async fn said(
    global: &Global,
    session: &Session,
    name: &str,
    appended: &Appended,
    what: &str,
) -> Result<u8, Failure> {
    match global.output {
        Output::Json => {
            let row = keyring::member(&session.workspace, name).await?;
            show::json(
                &json!({"entry": appended.seq, "member": document(&row, session.workspace.clock.now())}),
            );
        }
        Output::Table => say!("{what} Entry {} of the ledger.", appended.seq),
    }
    Ok(DONE)
}

/// `lockgate key revoke` and `lockgate identity revoke`
pub(super) async fn revoke(global: &Global, around: &Surroundings, args: &Revoke) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let (workspace, name, since) = (&session.workspace, &args.name, args.compromised_since);
    let reason = args.reason.as_deref().unwrap_or_default();
    if args.propose {
        let appended = keyring::propose(workspace, name, since, reason).await?;
        let what = format!(
            "{} proposes to revoke `{name}`; it counts as before. Someone else now runs: lockgate key revoke {name} --confirm. To stop at once what it signs from now on: lockgate key retire {name}.",
            workspace.actor
        );
        return said(global, &session, name, &appended, &what).await;
    }
    let Revoked { appended, blast_radius } = if args.confirm {
        keyring::confirm(workspace, name).await?
    } else {
        keyring::revoke(workspace, name, since, reason).await?
    };
    match global.output {
        Output::Json => show::json(&json!({"entry": appended.seq, "blastRadius": blast_radius})),
        Output::Table => {
            say!("`{name}` is revoked. Entry {} of the ledger.", appended.seq);
            show::blast_radius(&blast_radius);
        }
    }
    Ok(DONE)
}

/// `lockgate key blast-radius`
pub(super) async fn blast_radius(
    global: &Global,
    around: &Surroundings,
    key: &str,
    compromised_since: Option<Timestamp>,
) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let key = digest_of(&session, key).await?;
    let suspicion = Suspicion { key, at: session.workspace.clock.now(), compromised_since };
    let radius = measure(&session.workspace, &suspicion).await?;
    match global.output {
        Output::Json => show::json(&radius),
        Output::Table => {
            show::blast_radius(&radius);
            say!("Nothing was revoked and nothing was written.");
        }
    }
    Ok(DONE)
}

/// The digest of a key or identity that is named by a digest, a name of the keyring, or a key's file.
async fn digest_of(session: &Session, key: &str) -> Result<Digest, Failure> {
    if let Ok(digest) = key.parse::<Digest>() {
        return Ok(digest);
    }
    let keyring = session.workspace.store.keyring().await?;
    let path = Path::new(key);
    if keyring.get(key).is_none() && path.is_file() {
        return Ok(public_key(path)?.id());
    }
    Ok(keyring::member(&session.workspace, key).await?.id())
}

/// `lockgate key list` and `lockgate identity list`
pub(super) async fn list(
    global: &Global,
    around: &Surroundings,
    which: &Which,
    keys: bool,
) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let now = session.workspace.clock.now();
    let keyring = session.workspace.store.keyring().await?;
    let wanted = |row: &&MemberRow| {
        row.key_id().is_some() == keys
            && which.role.is_none_or(|role| row.member.duty.roles.contains(&role))
            && (which.all || row.counts(now))
    };
    let rows: Vec<&MemberRow> = keyring.rows().filter(wanted).collect();
    match global.output {
        Output::Json => {
            let members: Vec<_> = rows.iter().map(|row| document(row, now)).collect();
            show::json(&json!({"members": members}));
        }
        Output::Table => show::members(&rows, now),
    }
    Ok(DONE)
}

/// `lockgate key show NAME` and `lockgate identity show`
pub(super) async fn show_member(global: &Global, around: &Surroundings, name: &str) -> Result<u8, Failure> {
    let session = Session::open_keyring(global, around).await?;
    let (row, now) = (keyring::member(&session.workspace, name).await?, session.workspace.clock.now());
    match global.output {
        Output::Json => show::json(&document(&row, now)),
        Output::Table => show::member(&row, now),
    }
    Ok(DONE)
}

/// A member with how it stands now, for machines.
fn document(row: &MemberRow, now: Timestamp) -> Value {
    json!({"name": row.name(), "state": row.state(now), "row": row})
}

fn credential(
    global: &Global,
    around: &Surroundings,
    name: &str,
    file: Option<&Path>,
) -> Result<Credential, Failure> {
    let beside = || around.workspace_folder(global).join("trust").join(format!("{name}.pub"));
    let path: PathBuf = file.map_or_else(beside, Path::to_owned);
    let bytes = read_file(&path)?;
    keyring::credential(&bytes).map_err(|source| Failure::Key { file: path.display().to_string(), source })
}

fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    PublicKey::from_pem(&read_file(path)?)
        .map_err(|source| Failure::Key { file: path.display().to_string(), source })
}
