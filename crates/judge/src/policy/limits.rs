//! The bounds of policies. They are part of the Edition: each is counted, none is measured by a clock or an allocator.

/// Most files of policies.
pub(super) const FILES: usize = 1000;
/// Largest file, in bytes.
pub(super) const FILE_BYTES: usize = 256 << 10;
/// All files together, in bytes.
pub(super) const ALL_BYTES: usize = 4 << 20;
/// Longest line, in columns.
pub(super) const COLUMNS: u32 = 1000;
/// Most tokens of a file.
pub(super) const TOKENS: usize = 100_000;
/// Deepest nesting of brackets.
pub(super) const NESTING: usize = 14;
/// Most operators, fields and indexes of an expression at one level of brackets.
pub(super) const LINKS: usize = 40;
/// Steps of reading a file, were every bracket tried in each way that the parser knows.
pub(super) const PARSING: usize = 4_000_000;
/// Most digits of a number, and its largest exponent.
pub(super) const DIGITS: usize = 40;
pub(super) const EXPONENT: u32 = 300;
/// Most statements of one body, and most bodies and definitions of one rule.
pub(super) const STATEMENTS: usize = 60;
pub(super) const BODIES: usize = 200;
/// Most uses of rules by rules.
pub(super) const TIES: usize = 100_000;
/// Longest chain of rules that use each other.
pub(super) const CHAIN: usize = 24;
/// Steps of evaluating all rules that are asked.
pub(super) const STEPS: u32 = 10_000_000;
/// How often a function that runs out of steps may be tried again: the product of the definitions of a chain of calls.
pub(super) const TRIES: usize = 64;
/// Values that may be made, and values that builtins and comparisons may look at.
pub(super) const VALUES: u64 = 1_000_000;
pub(super) const LOOKS: u64 = 100_000_000;
/// What compiling a pattern counts for.
pub(super) const PATTERN_LOOKS: u64 = 2000;
/// Deepest nesting of a value.
pub(super) const DEPTH: usize = 100;
/// Most numbers that are multiplied with each other.
pub(super) const FACTORS: u64 = 1000;
/// Bytes of text that builtins may make.
pub(super) const TEXT_BYTES: u64 = 64 << 20;
/// Longest pattern of a regular expression or glob, in bytes.
pub(super) const PATTERN_BYTES: usize = 1000;
/// Most messages of all rules, longest text of one, and all their bytes.
pub(super) const MESSAGES: usize = 1000;
pub(super) const MESSAGE_BYTES: usize = 4096;
pub(super) const ALL_MESSAGE_BYTES: usize = 1 << 20;
/// Problems that are told at once.
pub(super) const PROBLEMS: usize = 20;
/// Shapes of the input that a function is followed with.
pub(super) const FOLLOWED: usize = 2000;
