//! The files of a layout: read in chunks, written so that readers see the old one or the new one, whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use lockgate_model::Descriptor;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use tokio::sync::mpsc;

use super::{Layout, trouble};
use crate::limits;
use crate::place::Place;
use crate::stream::{Chunks, next};
use crate::verified::{Verified, no_part};

/// What the writer of a stream is told.
enum Told {
    Chunk(Bytes),
    /// The stream was right to its end: the file may get its name.
    Whole,
}

impl Layout {
    /// Writes a file durably: a crash leaves the old one or the new one.
    pub(super) fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), PortError> {
        self.write_with(path, |file| file.write_all(bytes))
    }

    fn write_with(
        &self,
        path: &Path,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), PortError> {
        let folder = path.parent().unwrap_or(&self.folder);
        let replace = || {
            fs::create_dir_all(folder)?;
            // Readable for others as far as the process's mask allows: a layout is for more than its writer.
            let mut file = tempfile::Builder::new()
                .prefix(".lockgate-")
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder)?;
            content(file.as_file_mut())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            File::open(folder)?.sync_all()
        };
        replace().map_err(|error| trouble(path, &error))
    }

    /// A blob's bytes, verified as they come.
    pub(super) fn open(&self, blob: &Descriptor) -> Result<BlobStream, PortError> {
        let path = self.blob_path(&blob.digest);
        let file = File::open(&path).map_err(|error| trouble(&path, &error))?;
        let (sender, receiver) = mpsc::channel(limits::WAITING);
        tokio::task::spawn_blocking(move || send_file(&path, file, &sender));
        Ok(Verified::stream(Box::pin(Chunks(receiver)), blob, &self.name()))
    }

    /// The bytes of a blob in a range, not verified.
    pub(super) fn read_range(&self, blob: &Descriptor, range: Range<u64>) -> Result<Bytes, PortError> {
        let path = self.blob_path(&blob.digest);
        let read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| trouble(&path, &error))?;
        if bytes.len() as u64 == range.end.saturating_sub(range.start) {
            return Ok(bytes.into());
        }
        Err(no_part(path.display().to_string(), &range))
    }

    /// Writes a blob; of a stream that ends with an error nothing stays.
    pub(super) async fn receive(&self, blob: &Descriptor, mut stream: BlobStream) -> Result<(), PortError> {
        let (sender, receiver) = mpsc::channel(limits::WAITING);
        let (this, path) = (self.clone(), self.blob_path(&blob.digest));
        let writer =
            tokio::task::spawn_blocking(move || this.write_with(&path, |file| write(file, receiver)));
        let mut failed = None;
        while let Some(chunk) = next(&mut stream).await {
            let told = match chunk {
                Ok(chunk) => sender.send(Told::Chunk(chunk)).await,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            // The writer gave up, and says why.
            if told.is_err() {
                break;
            }
        }
        if failed.is_none() {
            let _told = sender.send(Told::Whole).await;
        }
        drop(sender);
        let written = writer.await.unwrap_or_else(|_| {
            Err(PortError::new(Trouble::Other, self.name(), "writing was interrupted", "try again"))
        });
        failed.map_or(written, Err)
    }
}

fn write(file: &mut File, mut receiver: mpsc::Receiver<Told>) -> io::Result<()> {
    loop {
        match receiver.blocking_recv() {
            Some(Told::Chunk(chunk)) => file.write_all(&chunk)?,
            Some(Told::Whole) => return Ok(()),
            None => return Err(io::Error::other("the source was cut off")),
        }
    }
}

fn send_file(path: &Path, mut file: File, sender: &mpsc::Sender<Result<Bytes, PortError>>) {
    loop {
        let mut chunk = BytesMut::zeroed(limits::CHUNK);
        let piece = match file.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => {
                chunk.truncate(read);
                Ok(chunk.freeze())
            }
            Err(error) => Err(trouble(path, &error)),
        };
        let stop = piece.is_err();
        if sender.blocking_send(piece).is_err() || stop {
            return;
        }
    }
}
