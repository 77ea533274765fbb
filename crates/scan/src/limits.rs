//! Limits on layers and feeds. Reaching one is an error or an `unread` that names it, never a silent skip.

/// Most entries of one layer.
pub const LAYER_ENTRIES: usize = 2_000_000;
/// Most bytes of one layer, uncompressed.
pub const LAYER_BYTES: u64 = 64 << 30;
/// Largest file that a cataloger reads, in bytes.
pub const FILE_BYTES: u64 = 16 << 20;
/// Longest path, in bytes (Linux, `PATH_MAX`).
pub const PATH_BYTES: usize = 4096;
/// Most symbolic links followed on the way to one file (Linux, `MAXSYMLINKS`).
pub const LINKS_FOLLOWED: usize = 40;
/// Most paths that symbolic links make, of one image, at which is looked whether a cataloger wants what is there.
pub const PLACES: usize = 1_000_000;
/// Largest JSON document that is read in case a link gives it the name of a package's description, in bytes; larger ones are
/// read again when one does.
pub const LINK_TARGET_BYTES: u64 = 256 << 10;
/// Most packages of one image.
pub const PACKAGES: usize = 1_000_000;
/// Largest record of a feed, in bytes.
pub const RECORD_BYTES: u64 = 32 << 20;
/// Most records that are refused by name; all are counted.
pub const REFUSED_NAMED: usize = 100;
/// Most files of one archive of records.
pub const ARCHIVE_RECORDS: usize = 2_000_000;
/// Largest zstd window that is accepted, as a power of two in bytes.
pub const ZSTD_WINDOW_LOG: u32 = 27;
/// Largest PAX header, long name or long link name of a tar, in bytes.
pub const TAR_EXTENSION_BYTES: u64 = 1 << 20;
/// Most pieces of a sparse file.
pub const SPARSE_EXTENTS: i64 = 100_000;
/// Most bytes of holes that are read as zeros in one layer.
pub const HOLE_BYTES: u64 = 1 << 30;
/// Most bytes of the names and link names of one layer, taken together.
pub const LAYER_NAME_BYTES: u64 = 256 << 20;
/// Longest number in the map of a sparse file, in bytes, with its line break.
pub const SPARSE_DIGITS: u64 = 21;
/// A layer of up to so many bytes uncompressed may compress as well as it likes.
pub const SMALL_LAYER: u64 = 1 << 30;
/// Most bytes that one compressed byte of a larger layer may give. Deflate reaches 1 032 at best (RFC 1951), layers of real
/// images 2 to 6, a disk with nothing on it more than this.
pub const RATIO: u64 = 200;
/// Largest table of contents of a layer, in bytes of JSON (containers/storage reads as much).
pub const TOC_BYTES: u64 = 150 << 20;
/// Largest table of contents as it is stored, in bytes.
pub const TOC_COMPRESSED_BYTES: u64 = 32 << 20;
/// Most entries of a table of contents, chunks included.
pub const TOC_ENTRIES: usize = 500_000;
/// Most tables of contents of one layer of which is remembered what came of comparing them.
pub const TOCS: usize = 16;
/// The work that reading the files of one layer may take, in units of about a nanosecond, beside [`LAYER_WORK_PER_BYTE`]
/// for each byte of the files up to the one being read: counted by what is done, so that a layer ends at the same place
/// everywhere.
pub const LAYER_WORK: u64 = 1 << 30;
/// Work that each byte of a layer's files adds to its budget: about twice what inflating and hashing it takes. Archives that
/// are inflated whole swell less than this.
pub const LAYER_WORK_PER_BYTE: u64 = 8;
/// Work that reading a file takes beside its bytes, in units.
pub const FILE_WORK: u64 = 2_000;
/// Work that reading one byte of a description takes, in units.
pub const DESCRIPTION_WORK: u64 = 16;
/// Work that reading one byte of a lock file takes, in units: their trees are made of many small values.
pub const LOCK_WORK: u64 = 32;
/// Work that a member of an archive takes beside its bytes, in units.
pub const MEMBER_WORK: u64 = 100;
/// Work that a package in an archive takes beside its bytes, in units.
pub const PACKAGE_WORK: u64 = 2_000;
/// One file of a layer, with what is inflated from it, may hold so many bytes, or [`SWOLLEN_RATIO`] for each byte of
/// the layer as it is stored, whichever is more, and at most [`HELD_BYTES`].
pub const HELD_FLOOR: u64 = 64 << 20;
/// See [`HELD_FLOOR`].
pub const HELD_BYTES: u64 = 768 << 20;
/// Memory that what is kept of the files of one layer may take, in bytes as estimated.
pub const KEPT_BYTES: u64 = 256 << 20;
/// Largest lock file that is read, in bytes: the largest of real projects have 2 to 6 MB.
pub const LOCK_BYTES: u64 = 8 << 20;
/// The work that reading one archive with those inside it may take, in units of about a nanosecond, beside
/// [`WORK_PER_BYTE`] for each of its bytes.
pub const ARCHIVE_WORK: u64 = 256 << 20;
/// Work that each byte of an archive adds to its budget.
pub const WORK_PER_BYTE: u64 = 64;
/// An archive inside an archive may have so many bytes, or [`SWOLLEN_RATIO`] for each byte that
/// is stored there, whichever is more, and at most [`ARCHIVE_BYTES`].
pub const SWOLLEN_FLOOR: u64 = 16 << 20;
/// See [`SWOLLEN_FLOOR`].
pub const SWOLLEN_RATIO: u64 = 16;
/// Largest archive or database that a cataloger reads whole, in bytes.
pub const ARCHIVE_BYTES: u64 = 512 << 20;
/// Largest description inside an archive that is read, in bytes: signed archives have a digest of each file in one.
pub const MEMBER_BYTES: u64 = 16 << 20;
/// Most files of one archive.
pub const ARCHIVE_MEMBERS: usize = 500_000;
/// Memory that the tree of one document may take, in bytes as estimated.
pub const TREE_BYTES: u64 = 160 << 20;
/// Most values and tables of one TOML document, some counted more than once.
pub const TOML_MARKS: usize = 1_000_000;
/// Most archives inside an archive that are named as unread.
pub const UNREAD_NAMED: usize = 20;
/// Deepest archive in an archive.
pub const NESTED_DEPTH: usize = 8;
/// Most packages that one file may name.
pub const PACKAGES_PER_FILE: usize = 100_000;
/// Most files that one list of a package manager may name as owned.
pub const OWNED_PER_FILE: usize = 500_000;
/// Most bytes of the names of the files that one package of rpm owns: names share folders, so that few bytes make many.
pub const OWNED_BYTES: usize = 64 << 20;
/// Most entries of one layer that are compared with those of another.
pub const COMPARED_ENTRIES: usize = 500_000;
/// What the headers of those entries may say, in bytes taken together.
pub const COMPARED_BYTES: usize = 128 << 20;
/// Longest text of a header that is compared as it is, in bytes.
pub const COMPARED_TEXT_BYTES: usize = 1024;
/// Most differences of one kind that are named, in one layer or config; all are counted.
pub const DIFFERENCES_NAMED: usize = 100;
/// Deepest nesting of a config that is compared value by value.
pub const CONFIG_DEPTH: usize = 32;
/// Most packages that all bills of materials attached to one artifact may name, taken together.
pub const DECLARED_PACKAGES: usize = 400_000;
/// Largest single JSON document that is imported, in bytes: Debian's tracker has about 60 MB.
pub const DOCUMENT_BYTES: u64 = 512 << 20;
/// Most parts of one product of a CSAF document: relationships may name products that are relationships.
pub const CSAF_PARTS: usize = 32;
/// Longest text of a licence that is kept beside its package, in bytes.
pub const TEXT_BYTES: usize = 64 << 10;
/// All such texts of one layer, in bytes.
pub const TEXTS_BYTES: usize = 8 << 20;
/// Most statements of one VEX document.
pub const VEX_STATEMENTS: usize = 100_000;
/// Most vulnerabilities, products and parts that one VEX document names, taken together.
pub const VEX_PRODUCTS: usize = 1_000_000;
/// Most entries of one baseline.
pub const BASELINE_ENTRIES: usize = 100_000;
/// Most vulnerabilities of one scanner's report.
pub const REPORTED_VULNERABILITIES: usize = 200_000;
/// Most accounts that are read in `/etc/passwd`.
pub const ACCOUNTS: usize = 4096;
/// Largest file that is searched for secrets, in bytes.
pub const SECRET_FILE_BYTES: u64 = 1 << 20;
/// All such files of one layer, in bytes; that there are more is noted as `not-searched`.
pub const SECRET_LAYER_BYTES: u64 = 512 << 20;
/// Most marks of one text at which is looked whether a secret stands there; that there are more is noted.
pub const MARKS_PER_FILE: usize = 10_000;
/// Most secrets of one text that are noted.
pub const SECRETS_PER_FILE: usize = 100;
/// Most files of one layer whose secrets are noted; that there are more is noted as `not-searched`.
pub const SECRET_FILES: usize = 1_000;
/// Most secrets of one image that are noted; that there are more is noted as `not-searched`.
pub const SECRETS: usize = 500;
/// Most setuid files of one layer that are noted; that there are more is told as unread.
pub const SETUID_FILES: usize = 10_000;
