//! Files that are read where they lie.
#![expect(unsafe_code, reason = "a memory map is unsafe: see `map`")]

use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::Mmap;

/// The content of `file`, mapped into memory: it takes as much of it as is read.
///
/// The file must not become shorter while the bytes are in use: what is gone cannot be read, and the process ends.
/// Lockgate never writes to a file that it maps; it replaces files by others.
pub fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: the map is read only. A file that someone else changes shows other bytes, which readers of feeds
    // check as foreign ones; one that someone else cuts off ends the process (SIGBUS), which is no worse than
    // killing it, and from that it recovers.
    let mapped = unsafe { Mmap::map(file)? };
    Ok(Bytes::from_owner(mapped))
}
