//! The command line: what can be asked for, in the words of the glossary.

mod attest;
mod evidence;
mod keyring;
mod signing;
mod trust;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lockgate_model::{Severity, Timestamp};
use lockgate_scan::coverage::MAX_AGE_DAYS;

pub use attest::{Attest, Build};
pub use evidence::Evidence;
pub use keyring::{AddIdentity, AddKey, Duties, Identity, Key, Revoke, RotateKey, Which};
pub use signing::{KeyAccess, Keyless, Means};
pub use trust::{Export, Import, MakeRoot, SignRoot, Trust, Update};

use crate::report::Format;

/// Secure promotion of container images: every step through gates, every answer provable.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done or proceed, 1 error, 2 usage, 3 pause, 4 rework.\n\
    Start with `lockgate quickstart`, or `lockgate init` in a folder of your own.")]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What applies to every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The workspace file; without it, lockgate.yaml here or in a folder above.
    #[arg(long, global = true, value_name = "FILE", env = "LOCKGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// How to print the answer.
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Who acts, as the ledger records it; without it, the account and machine.
    #[arg(long, global = true, value_name = "NAME", env = "LOCKGATE_ACTOR")]
    pub actor: Option<String>,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For machines: one JSON document.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a workspace: lockgate.yaml, policies and keys
    Init(Init),
    /// Make keys, and keep those that are trusted in the keyring
    #[command(subcommand)]
    Key(Key),
    /// Keep identities in the keyring that an issuer vouches for
    #[command(subcommand)]
    Identity(Identity),
    /// Give the keyring to others as a TUF repository, and take theirs
    #[command(subcommand)]
    Trust(Trust),
    /// Sign an image, as cosign or notation does
    Sign(Sign),
    /// Attach a signed in-toto statement to an image, as cosign does
    Attest(Attest),
    /// Import and look at feeds of advisories
    #[command(subcommand)]
    Feed(Feed),
    /// List an image's packages and what a feed says about them
    Scan(Scan),
    /// Say what tells two builds of one image apart
    Reproduce(Reproduce),
    /// Show who built an image, from which commit, how and with what, and who says so
    Provenance(Provenance),
    /// List evidence, and record what of it may be gone
    #[command(subcommand)]
    Evidence(Evidence),
    /// Judge whether an image may be promoted, without promoting it
    Judge(Judge),
    /// Judge whether an image may be promoted and, if so, promote it
    Promote(Promote),
    /// Show what each stage holds
    Status(Status),
    /// Show everything that happened to a service
    History(History),
    /// Show a recorded Decision
    Show(OneDecision),
    /// Show what to do about a recorded Decision, and why
    Explain(OneDecision),
    /// Judge a recorded Case again, from stored inputs, and compare the bytes
    Replay(OneDecision),
    /// Verify the ledger and prove what is in it
    #[command(subcommand)]
    Ledger(Ledger),
    /// Finish promotions that were interrupted, or give them up
    Recover(Recover),
    /// See the whole thing work, offline, in a folder of its own
    Quickstart(Quickstart),
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// The folder; it is made if it is not there.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The ledger's name in its checkpoints, such as example.com/lockgate
    #[arg(long, default_value = "localhost/lockgate")]
    pub origin: String,
}

/// `sign`
#[derive(Debug, Args)]
pub struct Sign {
    /// The image: HOST/NAME:TAG, HOST/NAME@DIGEST, oci:PATH:TAG or oci:PATH@DIGEST
    pub image: String,
    /// By what it is signed.
    #[command(flatten)]
    pub means: Means,
    /// In which form to write it.
    #[arg(long, value_enum, default_value_t = SignatureForm::Bundle)]
    pub form: SignatureForm,
    /// For `--form notation`: the certificates that vouch for the key, PEM, the key's own first, the root last.
    #[arg(long, value_name = "FILE", required_if_eq("form", "notation"), conflicts_with = "keyless")]
    pub certificate_chain: Option<PathBuf>,
}

/// The forms of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignatureForm {
    /// A Sigstore bundle as referrer (cosign 3).
    Bundle,
    /// The .sig tag (cosign 1 and 2).
    Legacy,
    /// Both.
    Both,
    /// A JWS envelope as referrer (Notary Project).
    Notation,
}

/// cosign's forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A Sigstore bundle as referrer (cosign 3).
    Bundle,
    /// The .sig and .att tags (cosign 1 and 2).
    Legacy,
    /// Both.
    Both,
}

/// `reproduce`
#[derive(Debug, Args)]
pub struct Reproduce {
    /// The first image, as `scan` takes it: also docker-archive:FILE, oci-archive:FILE and dir:FOLDER
    pub a: String,
    /// The second, such as a rebuild of the first
    pub b: String,
}

/// `feed`
#[derive(Debug, Subcommand)]
pub enum Feed {
    /// Read OSV and CSAF (zip, tar, folder, JSON lines), Debian's tracker, Alpine's secdb, CISA KEV, EPSS and endoflife.date
    /// into a feed
    ///
    /// They are added to the feed in force. Each file or folder is a source: one that is imported again replaces what it
    /// brought before.
    Import(FeedImport),
    /// Download what changed of the files under `feeds` in lockgate.yaml, and import them
    Update {
        /// Why the feed may have less than the one in force; without it, such a feed is not imported.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take sources out of the feed in force
    Remove {
        /// Their names, as `lockgate feed show` has them.
        #[arg(required = true, value_name = "SOURCE")]
        sources: Vec<String>,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the imported feeds
    List,
    /// Compare a feed with its digest, and read all of it
    Verify {
        /// The feed's digest or the first digits of it; without it, the feed imported last.
        feed: Option<String>,
    },
    /// Write what changed between two feeds, to carry it elsewhere
    Delta {
        /// The feed to begin with: its digest or the first digits of it.
        from: String,
        /// The feed to arrive at; without it, the feed imported last.
        to: Option<String>,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List the recorded artifacts with packages that changed between two feeds
    Affected {
        /// The feed to begin with: its digest or the first digits of it; without it, the feed before the last.
        from: Option<String>,
        /// The feed to arrive at; without it, the feed imported last.
        to: Option<String>,
    },
    /// Import the feed that a delta makes of one that is here
    Apply {
        /// The delta.
        file: PathBuf,
        /// Why the feed may have less than the one in force; without it, such a feed is not imported.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Show a feed
    Show {
        /// The feed's digest or the first digits of it; without it, the feed imported last.
        feed: Option<String>,
    },
}

/// `feed import`
#[derive(Debug, Args)]
pub struct FeedImport {
    /// The files and folders.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// When they were fetched from their publisher, as somebody claims: 2026-11-26T08:00:00Z, or now. Without it, what has no
    /// date of its own is undated, and no stage is passed by it that asks how old feeds are.
    #[arg(long, value_name = "INSTANT", value_parser = Fetched::parse)]
    pub fetched: Option<Fetched>,
    /// What to call the source, for files whose names change; without it, each is called by its path.
    #[arg(long, value_name = "SOURCE")]
    pub name: Option<String>,
    /// Start anew, with these files only.
    #[arg(long)]
    pub replace: bool,
    /// Why the feed may have less than the one in force; without it, such a feed is not imported.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// When something was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Right now.
    Now,
    /// At an instant.
    At(Timestamp),
}

impl Fetched {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let written = || "write it as 2026-11-26T08:00:00Z, or as now".to_owned();
        text.parse().map(Self::At).map_err(|_| written())
    }
}

/// `scan`
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 everything was read, and advisories were asked about every package; 1 error; 2 usage; \
                        3 something could not be answered: there is no feed, it has no advisories of a package's ecosystem and \
                        release, they are too old, or a file could not be read; 4 --fail-on was reached."
)]
pub struct Scan {
    /// The image: HOST/NAME:TAG, oci:PATH:TAG, docker-archive:FILE, oci-archive:FILE or dir:FOLDER.
    pub image: String,
    /// The feed's digest or the first digits of it; without it, the feed imported last.
    #[arg(long)]
    pub feed: Option<String>,
    /// The days after which the advisories of a source are too old to answer.
    #[arg(long, value_name = "DAYS", default_value_t = MAX_AGE_DAYS)]
    pub max_feed_age_days: u32,
    /// List the packages without advisories too.
    #[arg(long)]
    pub all: bool,
    /// Write a report: FORMAT=FILE, or FORMAT alone to print it in place of the table. May be given several times.
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = ReportTo::parse)]
    pub report: Vec<ReportTo>,
    /// Write the vulnerabilities found as a baseline, to be signed: lockgate attest --type baseline --predicate FILE.
    #[arg(long, value_name = "FILE", requires = "until", requires = "reason")]
    pub baseline: Option<PathBuf>,
    /// The day on which the baseline ends, at most a year ahead: 2027-01-31, or an instant.
    #[arg(long, value_name = "DATE", value_parser = day, requires = "baseline")]
    pub until: Option<Timestamp>,
    /// Why the vulnerabilities are accepted until then.
    #[arg(long, value_name = "TEXT", requires = "baseline")]
    pub reason: Option<String>,
    /// End with exit code 4 when a vulnerability of this severity or worse is found: low, medium, high or critical.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
}

/// A report, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportTo {
    /// Its format.
    pub format: Format,
    /// The file; without one it is printed.
    pub file: Option<PathBuf>,
}

impl ReportTo {
    fn parse(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
        let format = Format::from_str(format, true).map_err(|_| {
            let known: Vec<_> =
                Format::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
            let known: Vec<_> = known.iter().map(clap::builder::PossibleValue::get_name).collect();
            format!("`{format}` is no format: there are {}", known.join(", "))
        })?;
        Ok(Self { format, file: file.map(PathBuf::from) })
    }
}

fn day(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    text.parse().or_else(|_| midnight.parse()).map_err(|_| "write it as 2027-01-31".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "low" => Ok(Severity::Low),
        "medium" => Ok(Severity::Medium),
        "high" => Ok(Severity::High),
        "critical" => Ok(Severity::Critical),
        _ => Err("there are low, medium, high and critical".to_owned()),
    }
}

/// `judge`
#[derive(Debug, Args)]
pub struct Judge {
    /// What to judge.
    #[command(flatten)]
    pub climb: Climb,
    /// The feed's digest or the first digits of it; without it, the feed imported last. A promotion takes no other.
    #[arg(long)]
    pub feed: Option<String>,
}

/// What `judge` and `promote` have in common.
#[derive(Debug, Args)]
pub struct Climb {
    /// The image in the stage below: SERVICE:TAG or SERVICE@DIGEST
    #[arg(value_name = "SERVICE:TAG")]
    pub image: String,
    /// The stage to promote to.
    #[arg(long, value_name = "STAGE")]
    pub to: String,
    /// Show findings that do not block, too.
    #[arg(long)]
    pub all: bool,
}

/// `promote`
#[derive(Debug, Args)]
pub struct Promote {
    /// What to judge.
    #[command(flatten)]
    pub climb: Climb,
    /// The tag that moves; without it, the tag it was asked for by.
    #[arg(long)]
    pub tag: Option<String>,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Only this service.
    pub service: Option<String>,
}

/// `history`
#[derive(Debug, Args)]
pub struct History {
    /// The service.
    pub service: String,
}

/// `show`, `explain` and `replay`
#[derive(Debug, Args)]
pub struct OneDecision {
    /// The Decision's digest or the first digits of it.
    pub decision: String,
    /// Show findings that do not block, too.
    #[arg(long)]
    pub all: bool,
}

/// `ledger`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Recompute everything from the entries and compare
    Verify {
        /// A checkpoint that was kept elsewhere: the ledger must contain it.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
    },
    /// Print the proof that an entry is in the ledger (C2SP tlog-proof)
    Proof {
        /// The entry's place.
        entry: u64,
    },
    /// List the entries
    List {
        /// The first place.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Print the newest checkpoint, to be kept elsewhere
    Checkpoint,
    /// Derive the tables that answer questions again from the entries
    Rebuild,
}

/// `recover`
#[derive(Debug, Args)]
pub struct Recover {
    /// Give this one up instead of finishing it: the Decision that authorised it.
    #[arg(long, value_name = "DECISION", requires = "reason")]
    pub undo: Option<String>,
    /// Why it is given up.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `quickstart`
#[derive(Debug, Args)]
pub struct Quickstart {
    /// The folder; it must not be there yet.
    #[arg(default_value = "lockgate-quickstart")]
    pub folder: PathBuf,
}

/// `provenance`
#[derive(Debug, Args)]
pub struct Provenance {
    /// The image: a registry's, or oci:FOLDER
    pub image: String,
    /// Show every material, parameter and claim
    #[arg(long)]
    pub all: bool,
}
