//! Limits on layers and feeds. Reaching one is an error or an `unread` that names it, never a silent skip.

/// Most entries of one layer.
pub const LAYER_ENTRIES: usize = 2_000_000;
/// Most bytes of one layer, uncompressed.
pub const LAYER_BYTES: u64 = 64 << 30;
/// Largest file that a cataloger reads, in bytes.
pub const FILE_BYTES: u64 = 64 << 20;
/// Longest path, in bytes (Linux, `PATH_MAX`).
pub const PATH_BYTES: usize = 4096;
/// Most symbolic links followed on the way to one file (Linux, `MAXSYMLINKS`).
pub const LINKS_FOLLOWED: usize = 40;
/// Largest file that is kept in case a hard link to it gets a wanted name, in bytes.
pub const LINK_TARGET_BYTES: u64 = 256 << 10;
/// All files kept for that, in one layer, in bytes.
pub const LINK_TARGETS_BYTES: u64 = 16 << 20;
/// Most packages of one image.
pub const PACKAGES: usize = 1_000_000;
/// Largest record of a feed, in bytes.
pub const RECORD_BYTES: u64 = 32 << 20;
/// Most records that are refused by name; all are counted.
pub const REFUSED_NAMED: usize = 100;
/// Largest zstd window that is accepted, as a power of two in bytes.
pub const ZSTD_WINDOW_LOG: u32 = 27;
