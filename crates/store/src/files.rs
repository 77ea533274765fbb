//! Writing files so that a reader finds the old content or the new one, whole.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use lockgate_model::ports::{PortError, Trouble};

/// Tells apart the temporary files of one process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// How much a file must survive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The loss of power: synced before it is renamed, and its folder after.
    Always,
    /// The end of the process only.
    WhileRunning,
}

/// Replaces `path` by `parts` laid end to end. The folder is made if it is not there.
pub(crate) fn replace(path: &Path, parts: &[&[u8]], keep: Keep) -> Result<(), PortError> {
    write(path, parts, keep).map_err(|error| trouble(path, &error))
}

fn write(path: &Path, parts: &[&[u8]], keep: Keep) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.{number}", process::id()));
    let written = fill(&temporary, parts, keep).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that counts is the first one.
        let _removed = fs::remove_file(&temporary);
        return written;
    }
    if keep == Keep::Always { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn fill(path: &Path, parts: &[&[u8]], keep: Keep) -> io::Result<()> {
    let mut file = File::create(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    if keep == Keep::Always { file.sync_all() } else { Ok(()) }
}

/// An error of the file system, in Lockgate's words.
pub(crate) fn trouble(path: &Path, error: &io::Error) -> PortError {
    let (trouble, help) = match error.kind() {
        ErrorKind::NotFound => (Trouble::NotFound, ""),
        ErrorKind::PermissionDenied => {
            (Trouble::Denied, "look at the owner and mode of the file and its folder")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Trouble::Full, "make room on that disk, then run the command again: nothing was lost")
        }
        _ => (Trouble::Other, ""),
    };
    PortError::new(trouble, path.display().to_string(), error.to_string(), help)
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(PortError::new(Trouble::Other, "file work", "it was interrupted", "run the command again"))
    })
}
