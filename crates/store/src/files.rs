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
    replace_by(path, keep, |file| {
        parts.iter().try_for_each(|part| file.write_all(part)).map_err(|error| trouble(path, &error))
    })
}

/// Replaces `path` by what `content` writes. The folder is made if it is not there.
pub(crate) fn replace_by(
    path: &Path,
    keep: Keep,
    content: impl FnOnce(&mut File) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let told = |error: io::Error| trouble(path, &error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(told)?;
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.{number}", process::id()));
    let written =
        filled(&temporary, keep, content, told).and_then(|()| fs::rename(&temporary, path).map_err(told));
    if written.is_err() {
        // The error that counts is the first one.
        let _removed = fs::remove_file(&temporary);
        return written;
    }
    if keep == Keep::Always {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(told)
    } else {
        Ok(())
    }
}

fn filled(
    temporary: &Path,
    keep: Keep,
    content: impl FnOnce(&mut File) -> Result<(), PortError>,
    told: impl Fn(io::Error) -> PortError,
) -> Result<(), PortError> {
    let mut file = File::create(temporary).map_err(&told)?;
    content(&mut file)?;
    if keep == Keep::Always { file.sync_all().map_err(&told) } else { Ok(()) }
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
