//! `quickstart`: the whole of Lockgate in a folder of its own, offline and without any server.

use std::path::Path;
use std::time::Instant;
