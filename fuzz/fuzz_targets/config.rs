//! `lockgate.yaml` of any text: it is read, or refused with a place and a reason.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = lockgate::config::parse(text, "lockgate.yaml", Path::new("/nowhere")) {
        assert!(!error.to_string().is_empty());
    }
});
