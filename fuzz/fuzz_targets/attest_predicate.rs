//! Statements and predicates on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::predicate::Predicate;
use lockgate_attest::statement::Statement;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::read(bytes) {
        let _read = Predicate::read(&statement);
    }
});
