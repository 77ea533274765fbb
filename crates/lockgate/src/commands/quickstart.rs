//! `quickstart`: the whole of Lockgate in a folder of its own, offline and without any server.

use std::path::Path;

use clap::Parser;
use lockgate_model::Outcome;
use lockgate_model::Repository;

use super::args::{Cli, Global, Output, Quickstart};
use super::{DONE, init, run as run_command};
use crate::config::FILE;
use crate::failure::Failure;
use crate::sample_images;
use crate::session::{Session, Surroundings, write_new};

/// `lockgate quickstart`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Quickstart) -> Result<u8, Failure> {
    if global.output != Output::Table {
        return Err(Failure::told("quickstart speaks to people only", "leave --output out"));
    }
    let folder = &args.folder;
    if folder.exists() {
        return Err(Failure::told(
            format!("{} already exists", folder.display()),
            "remove it, or give another folder: lockgate quickstart FOLDER",
        ));
    }
    let show = Show { folder, around };
    show.prepare(global).await?;
    show.climb().await?;
    show.stop().await?;
    show.prove().await?;
    go_on();
    Ok(DONE)
}

/// The tour through the folder.
struct Show<'a> {
    folder: &'a Path,
    around: &'a Surroundings,
}

impl Show<'_> {
    /// Runs a command as a person would type it in the folder, and prints it before.
    async fn type_in(&self, line: &str) -> Result<u8, Failure> {
        say(&format!("$ lockgate {line}"));
        let config = self.folder.join(FILE);
        let words: Vec<String> = line
            .split(' ')
            .map(|word| match word.split_once(':') {
                // What is relative to the folder for the reader is relative to here for this process.
                Some(("oci", path)) => format!("oci:{}/{path}", self.folder.display()),
                _ if word.contains('/') && self.folder.join(word).exists() => {
                    self.folder.join(word).display().to_string()
                }
                _ if self.folder.join(word).is_file() => self.folder.join(word).display().to_string(),
                _ => word.to_owned(),
            })
            .collect();
        let config = config.display().to_string();
        let words = ["lockgate", "--config", &config].into_iter().map(str::to_owned).chain(words);
        let cli = Cli::try_parse_from(words).map_err(|error| Failure::told(error.to_string(), ""))?;
        Box::pin(run_command(cli, self.around)).await
    }

    /// A workspace, three images in dev, signatures on two of them, and a feed.
    async fn prepare(&self, global: &Global) -> Result<(), Failure> {
        init::workspace(self.folder, "localhost/lockgate")?;
        write_new(&self.folder.join("advisories.jsonl"), sample_images::ADVISORIES.as_bytes(), 0o644)?;
        let here = Global { config: Some(self.folder.join(FILE)), ..global.clone() };
        let reach = self.around.reach(&here)?;
        let images = sample_images::all().map_err(|error| Failure::file(self.folder, &error))?;
        for image in &images {
            let repository: Repository = format!("oci:registry/dev/{}", image.service).parse()?;
            let manifest = reach.registry.push(&repository, &image.upload).await?;
            reach.registry.tag(&repository, image.tag, &manifest).await?;
        }
        say!("{} is a workspace with three images in its dev stage.", self.folder.display());
        say("Two of them are signed by the build's key, and a feed says what is vulnerable:");
        self.type_in("sign oci:registry/dev/web:1.4.2 --key keys/build.key").await?;
        self.type_in("sign oci:registry/dev/legacy:0.9.0 --key keys/build.key").await?;
        self.type_in("feed import advisories.jsonl --name samples --fetched now").await?;
        Ok(())
    }

    async fn climb(&self) -> Result<(), Failure> {
        say("1. web is signed, clean and within policy: it is promoted to prod.");
        self.expect("promote web:1.4.2 --to staging", Outcome::Proceed).await?;
        self.expect("promote web:1.4.2 --to prod", Outcome::Proceed).await
    }

    async fn stop(&self) -> Result<(), Failure> {
        say("2. Nobody signed api: it is stopped. A script gets exit code 3.");
        self.expect("promote api:2.0.0 --to staging", Outcome::Pause).await?;
        say(
            "3. legacy has a package with a known vulnerability: it is sent back. A script gets exit code 4.",
        );
        self.expect("promote legacy:0.9.0 --to staging", Outcome::Rework).await
    }

    async fn prove(&self) -> Result<(), Failure> {
        say("What each stage holds, and how it got there:");
        self.type_in("status").await?;
        self.type_in("history web").await?;
        say(
            "Nothing in the record was changed; here is the proof of one entry; and a Decision judged again:",
        );
        self.type_in("ledger verify").await?;
        let session = self.session().await?;
        let decisions = session.workspace.store.decisions(None).await?;
        let Some(refused) = decisions.iter().rev().find(|row| row.outcome == Outcome::Rework) else {
            return Err(Failure::told("no Decision was recorded", "please report this"));
        };
        let (seq, short) = (refused.seq, refused.decision.short());
        self.type_in(&format!("ledger proof {seq}")).await?;
        self.type_in(&format!("replay {short}")).await?;
        say("Go on in the folder:");
        say(&format!("  cd {}", self.folder.display()));
        if let Some(folder) = Surroundings::program_folder() {
            say!("  PATH=\"{}:$PATH\"", folder.display());
        }
        say!("  lockgate explain {short}");
        Ok(())
    }

    async fn session(&self) -> Result<Session, Failure> {
        let config = Some(self.folder.join(FILE));
        let global = Global { config, output: Output::Table, actor: None };
        Session::open(&global, self.around).await
    }

    /// A tour that shows something else than it says would be worse than none.
    async fn expect(&self, line: &str, expected: Outcome) -> Result<(), Failure> {
        let code = self.type_in(line).await?;
        if code == expected.exit_code() {
            return Ok(());
        }
        Err(Failure::told(
            format!("`lockgate {line}` gave exit code {code}, not {}", expected.exit_code()),
            "please report this",
        ))
    }
}

fn go_on() {
    say!("  lockgate sign oci:registry/dev/api:2.0.0 --key keys/build.key");
    say!("  lockgate promote api:2.0.0 --to staging");
    say!("  lockgate scan oci:registry/dev/legacy:0.9.0");
    say("lockgate.yaml and policy/ explain themselves.");
}

/// Prints a line after an empty one.
fn say(text: &str) {
    say!();
    say!("{text}");
}
