//! Files of advisories of any kind, as an import tells them apart.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::import;

fuzz_target!(|bytes: &[u8]| import(bytes));
