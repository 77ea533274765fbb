//! Repositories of The Update Framework: where their files are, what was seen of them before, and the visit that verifies
//! them. What verifies is `lockgate_attest::tuf`; here are the files and the network.

mod repository;
mod seen;
mod source;

pub use repository::{Written, write};
pub use seen::{Seen, replace};
pub use source::Source;

use lockgate_attest::limits;
use lockgate_attest::tuf::{File, Trusted, TufError};
use lockgate_model::{Timestamp, ports::Trouble};

use crate::failure::Failure;

/// A refusal of a repository, with what to do about it.
pub fn refused(error: &TufError) -> Failure {
    Failure::told(error.to_string(), error.help())
}

/// A repository whose metadata was verified.
#[derive(Debug)]
pub struct Visit {
    /// What is trusted of it.
    pub trusted: Trusted,
}

impl Visit {
    /// Verifies a repository by a root that was pinned, and by what was seen of it before; what is seen now is kept.
    ///
    /// Errors: a file is missing, too large, not signed by whom it should be, older than before, or expired.
    pub async fn pay(
        source: &Source,
        root: &[u8],
        seen: Option<&Seen>,
        as_of: Timestamp,
    ) -> Result<Self, Failure> {
        let mut trusted = Trusted::pinned(root, as_of).map_err(|error| refused(&error))?;
        if let Some(last) = seen.map(|seen| seen.read("root.json")).transpose()?.flatten() {
            // Roots that were followed before need not be there any more.
            let last = Trusted::pinned(&last, as_of).map_err(|error| refused(&error))?;
            if last.root().version > trusted.root().version {
                trusted = last;
            }
        }
        follow_roots(source, &mut trusted, seen).await?;
        Self::metadata(source, trusted, seen).await
    }

    /// Verifies a repository by the root that is trusted, though others may follow it.
    pub(super) async fn metadata(
        source: &Source,
        mut trusted: Trusted,
        seen: Option<&Seen>,
    ) -> Result<Self, Failure> {
        trusted.close_roots().map_err(|error| refused(&error))?;
        if let Some(seen) = seen {
            let (timestamp, snapshot) = (seen.read("timestamp.json")?, seen.read("snapshot.json")?);
            trusted.recall(timestamp.as_deref(), snapshot.as_deref()).map_err(|error| refused(&error))?;
        }
        let keep = |name: &str, bytes: &[u8]| seen.map_or(Ok(()), |seen| seen.write(name, bytes));
        let bytes = required(source, &trusted.timestamp_file()).await?;
        if trusted.follow_timestamp(&bytes).map_err(|error| refused(&error))? {
            keep("timestamp.json", &bytes)?;
        }
        let file = trusted.snapshot_file().map_err(|error| refused(&error))?;
        let bytes = required(source, &file).await?;
        trusted.follow_snapshot(&bytes).map_err(|error| refused(&error))?;
        keep("snapshot.json", &bytes)?;
        let file = trusted.targets_file().map_err(|error| refused(&error))?;
        let bytes = required(source, &file).await?;
        trusted.follow_targets(&bytes).map_err(|error| refused(&error))?;
        Ok(Self { trusted })
    }

    /// A file of the repository, verified.
    pub async fn target(&self, source: &Source, name: &str) -> Result<Vec<u8>, Failure> {
        let file = self.trusted.target_file(name).map_err(|error| refused(&error))?;
        let bytes = required(source, &file).await?;
        self.trusted.check_target(name, &bytes).map_err(|error| refused(&error))?;
        Ok(bytes)
    }
}

/// Follows the roots from the one that is trusted to the last there is.
async fn follow_roots(source: &Source, trusted: &mut Trusted, seen: Option<&Seen>) -> Result<(), Failure> {
    for _ in 0..limits::TUF_ROOTS {
        let Some(bytes) = source.fetch(&trusted.next_root()).await? else { return Ok(()) };
        trusted.follow_root(&bytes).map_err(|error| refused(&error))?;
        if let Some(seen) = seen {
            seen.write("root.json", &bytes)?;
        }
    }
    Err(Failure::told(
        format!("{source}: more than {} roots follow the pinned one", limits::TUF_ROOTS),
        "pin a newer root; what was followed is kept, and the next visit goes on from there",
    ))
}

async fn required(source: &Source, file: &File) -> Result<Vec<u8>, Failure> {
    source.fetch(file).await?.ok_or_else(|| {
        lockgate_model::ports::PortError::new(
            Trouble::NotFound,
            format!("{source}/{}", file.path),
            "it is not there",
            "look at the address: a repository has timestamp.json there, and its files in targets/",
        )
        .into()
    })
}
