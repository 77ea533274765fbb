//! Versions of any text, in every order; an order says the same from both sides.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::version::compare;

fuzz_target!(|pair: (&str, &str)| {
    let orders = ["Debian", "Alpine", "AlmaLinux", "PyPI", "npm", "Maven", "RubyGems", "Go", "NuGet", "Packagist", "crates.io"];
    for ecosystem in orders {
        let (there, back) = (compare(ecosystem, pair.0, pair.1), compare(ecosystem, pair.1, pair.0));
        assert_eq!(there.ok(), back.ok().map(std::cmp::Ordering::reverse), "{ecosystem}");
    }
});
