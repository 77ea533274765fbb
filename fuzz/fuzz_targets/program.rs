//! Programs, however their bytes arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::catalog::Program;

fuzz_target!(|input: (u16, &[u8])| {
    let (step, bytes) = input;
    for path in ["usr/bin/app", "usr/bin/python3.11", "usr/bin/redis-server", "usr/lib/libssl.so.3"] {
        let mut program = Program::new(path);
        let mut named = None;
        for chunk in bytes.chunks(usize::from(step).max(1)) {
            named = program.push(chunk).or(named);
        }
        let _facts = program.finish(named);
    }
});
