//! endoflife.date: the releases of a product.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::import_within;

fuzz_target!(|bytes: &[u8]| import_within(
    r#"{"result":{"name":"debian","releases":"#,
    bytes,
    r#"}}"#
));
