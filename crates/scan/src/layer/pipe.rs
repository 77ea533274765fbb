//! Streams whose bytes are hashed beside, on a second thread: inflating and hashing cost about the same.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use lockgate_model::{Digest, Hasher};

/// Bytes of one piece: half of it costs no time, and twice as much only memory.
const PIECE: usize = 128 << 10;
/// Pieces that wait for the hasher.
pub(super) const WAITING: usize = 4;
/// Pieces that one stream owns: those that wait, the one being hashed, the one being read, and one to spare.
const RING: usize = WAITING + 3;

/// Which stream a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Compressed,
    Plain,
}

/// Bytes to hash: the first so many of a buffer.
pub(super) struct Piece {
    side: Side,
    bytes: Arc<Vec<u8>>,
    length: usize,
}

/// The two digests of a layer.
pub(super) struct Digests {
    pub(super) compressed: Digest,
    pub(super) plain: Digest,
}

/// Hashes pieces until their senders are gone.
pub(super) fn hash(pieces: &Receiver<Piece>) -> Digests {
    let (mut compressed, mut plain) = (Hasher::new(), Hasher::new());
    for piece in pieces {
        let hasher = if piece.side == Side::Compressed { &mut compressed } else { &mut plain };
        hasher.update(piece.bytes.get(..piece.length).unwrap_or_default());
    }
    Digests { compressed: compressed.finish(), plain: plain.finish() }
}

/// A stream whose pieces go to the hasher, where there is one, as they are read. Reads at most one byte more than `limit`.
pub(super) struct Hashed<R> {
    inner: R,
    side: Side,
    hasher: Option<SyncSender<Piece>>,
    ring: Vec<Arc<Vec<u8>>>,
    turn: usize,
    at: usize,
    end: usize,
    count: u64,
    limit: u64,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(inner: R, side: Side, hasher: Option<SyncSender<Piece>>, limit: u64) -> Self {
        // Where nobody hashes, no piece waits for it.
        let pieces = if hasher.is_some() { RING } else { 1 };
        let ring = (0..pieces).map(|_| Arc::default()).collect();
        Self { inner, side, hasher, ring, turn: 0, at: 0, end: 0, count: 0, limit }
    }

    /// Bytes read so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether there was more than the limit.
    pub(super) fn over(&self) -> bool {
        self.count > self.limit
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let room = usize::try_from((self.limit + 1).saturating_sub(self.count)).unwrap_or(usize::MAX);
        (self.at, self.end) = (0, 0);
        if room == 0 {
            return Err(io::Error::other("more bytes than the limit"));
        }
        self.turn = (self.turn + 1) % self.ring.len();
        let Some(slot) = self.ring.get_mut(self.turn) else { return Ok(()) };
        if Arc::get_mut(slot).is_none() {
            *slot = Arc::default();
        }
        let Some(buffer) = Arc::get_mut(slot) else { return Ok(()) };
        if buffer.is_empty() {
            buffer.resize(PIECE, 0);
        }
        let most = room.min(PIECE);
        let read = loop {
            match self.inner.read(buffer.get_mut(..most).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end = read;
        self.count += read as u64;
        if let (Some(hasher), true) = (&self.hasher, read > 0) {
            let piece = Piece { side: self.side, bytes: slot.clone(), length: read };
            hasher.send(piece).map_err(|_| io::Error::other("the hasher is gone"))?;
        }
        Ok(())
    }
}

/// Reads to the end.
pub(super) fn drain(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let here = reader.fill_buf()?.len();
        if here == 0 {
            return Ok(());
        }
        reader.consume(here);
    }
}

/// Reads from what a reader fills by itself.
pub(super) fn read_filled(reader: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    let mut here = reader.fill_buf()?;
    let read = here.read(buffer)?;
    reader.consume(read);
    Ok(read)
}

impl<R: Read> BufRead for Hashed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            self.next_piece()?;
        }
        let piece = self.ring.get(self.turn).and_then(|piece| piece.get(self.at..self.end));
        Ok(piece.unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.end);
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_filled(self, buffer)
    }
}
