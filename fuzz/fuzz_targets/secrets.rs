//! Rules for secrets on any bytes: by a file of each format, and of none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::secrets::find;

fuzz_target!(|bytes: &[u8]| {
    for path in ["x.env", ".npmrc", ".yarnrc.yml", ".pypirc", ".netrc", ".git-credentials", ".dockercfg"] {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!(find(path, bytes).iter().all(|hit| hit.line as usize <= lines));
    }
});
