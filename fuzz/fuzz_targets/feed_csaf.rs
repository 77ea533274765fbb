//! CSAF documents: a product tree, and after a zero byte the vulnerabilities; and whole documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::{import, import_within};

const DOCUMENT: &str = r#"{"document":{"csaf_version":"2.0","category":"csaf_vex","title":"t","publisher":{"category":"vendor",
"namespace":"https://example.com"},"tracking":{"id":"A","status":"final","current_release_date":"2024-01-01T00:00:00Z"}},"#;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (tree, vulnerabilities) = (parts.next().unwrap_or_default(), parts.next().unwrap_or(b"[]"));
    let inner = [br#""product_tree":"#, tree, br#","vulnerabilities":"#, vulnerabilities].concat();
    // One document is one line, so that it is read as a record.
    let inner: Vec<u8> = inner.into_iter().filter(|byte| *byte != b'\n').collect();
    import_within(&DOCUMENT.replace('\n', ""), &inner, "}");
    import(bytes);
});
