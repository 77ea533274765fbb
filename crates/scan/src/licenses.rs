//! Licences as SPDX expressions (SPDX 2.3, Annex D): what package managers write, read as such; and what the text of a
//! licence says. The list and the texts are those of the `spdx` crate.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use spdx::detection::scan::Scanner;
use spdx::detection::{Store, TextData};
use spdx::{Expression, ParseMode};

/// Longest declaration that is read as an expression, in bytes: longer ones are texts.
const DECLARATION: usize = 1000;
/// Longest text that is compared with those of known licences, in bytes.
const TEXT: usize = 256 << 10;
/// How alike a text must be to a known one.
const CONFIDENCE: f32 = 0.9;

/// Names that are no SPDX identifiers and mean one, in lower case.
const NAMES: [(&str, &str); 58] = [
    ("academic free license v2.1", "AFL-2.1"),
    ("apache", "Apache-2.0"),
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache license", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("apache software license", "Apache-2.0"),
    ("apache software license 2.0", "Apache-2.0"),
    ("apache-2", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("apachev2", "Apache-2.0"),
    ("asl 2.0", "Apache-2.0"),
    ("artistic license", "Artistic-1.0-Perl"),
    ("boost", "BSL-1.0"),
    ("bsd", "BSD-3-Clause"),
    ("bsd license", "BSD-3-Clause"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd-3-clause license", "BSD-3-Clause"),
    ("new bsd license", "BSD-3-Clause"),
    ("modified bsd license", "BSD-3-Clause"),
    ("bsd 2-clause", "BSD-2-Clause"),
    ("simplified bsd", "BSD-2-Clause"),
    ("bsd-2-clauses", "BSD-2-Clause"),
    ("bsd-3-clauses", "BSD-3-Clause"),
    ("expat", "MIT"),
    ("mit license", "MIT"),
    ("the mit license", "MIT"),
    ("mit-license", "MIT"),
    ("isc license", "ISC"),
    ("isc license (iscl)", "ISC"),
    ("lgpl", "LGPL-2.0-or-later"),
    ("lgpl-2", "LGPL-2.0-only"),
    ("lgpl-2+", "LGPL-2.0-or-later"),
    ("lgplv2", "LGPL-2.0-only"),
    ("lgplv2+", "LGPL-2.0-or-later"),
    ("lgpl-3", "LGPL-3.0-only"),
    ("lgpl-3+", "LGPL-3.0-or-later"),
    ("lgplv3", "LGPL-3.0-only"),
    ("lgplv3+", "LGPL-3.0-or-later"),
    ("gpl", "GPL-1.0-or-later"),
    ("gpl+", "GPL-1.0-or-later"),
    ("gpl-1+", "GPL-1.0-or-later"),
    ("gpl-2", "GPL-2.0-only"),
    ("gpl-2+", "GPL-2.0-or-later"),
    ("gplv2", "GPL-2.0-only"),
    ("gplv2+", "GPL-2.0-or-later"),
    ("gpl-3", "GPL-3.0-only"),
    ("gpl-3+", "GPL-3.0-or-later"),
    ("gplv3", "GPL-3.0-only"),
    ("gplv3+", "GPL-3.0-or-later"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("mplv2.0", "MPL-2.0"),
    ("python software foundation license", "PSF-2.0"),
    ("public domain", "LicenseRef-public-domain"),
    ("public-domain", "LicenseRef-public-domain"),
];

/// The SPDX expression that a declaration means; nothing when it means none that is known.
pub fn expression(declared: &str) -> Option<String> {
    let text = declared.trim();
    if text.is_empty() || text.len() > DECLARATION {
        return None;
    }
    if let Ok(parsed) = Expression::parse(text) {
        return Some(parsed.to_string());
    }
    let joined = words(text)?;
    Expression::parse(&joined).ok().map(|parsed| parsed.to_string())
}

/// A declaration, as SPDX knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum License {
    /// An identifier of the SPDX licence list.
    Id(&'static str),
    /// An expression of several, or of a licence with an exception.
    Expression(String),
    /// Something else, as it was written.
    Name(String),
}

/// What a declaration is.
pub fn license(declared: &str) -> License {
    match expression(declared) {
        Some(text) => match spdx::license_id(&text) {
            Some(id) if id.name == text => License::Id(id.name),
            // A reference alone says nothing without the text that it refers to.
            _ if text.starts_with("LicenseRef-") && !text.contains(' ') => {
                License::Name(declared.trim().to_owned())
            }
            _ => License::Expression(text),
        },
        None => License::Name(declared.trim().to_owned()),
    }
}

/// Several names, joined by `and` and `or` as package managers write them, each replaced by its identifier.
fn words(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if let Some(name) = name(&lower) {
        return Some(name);
    }
    for (separator, operator) in
        [(" or ", " OR "), (" and ", " AND "), (" / ", " OR "), ("/", " OR "), (", ", " AND ")]
    {
        if lower.contains(separator) {
            let parts: Option<Vec<_>> =
                lower.split(separator).map(|part| words(part.trim_matches(['(', ')', ' ']))).collect();
            return parts.map(|parts| format!("({})", parts.join(operator)));
        }
    }
    None
}

fn name(lower: &str) -> Option<String> {
    let known = NAMES.iter().find(|(known, _)| *known == lower).map(|(_, id)| (*id).to_owned());
    let listed = || {
        let ids = spdx::identifiers::LICENSES.iter().filter(|id| id.flags & spdx::flags::IS_DEPRECATED == 0);
        ids.map(|id| id.name).find(|id| id.eq_ignore_ascii_case(lower)).map(str::to_owned)
    };
    let parsed = || Expression::parse_mode(lower, ParseMode::LAX).ok().filter(|_| !lower.contains(' '));
    known.or_else(listed).or_else(|| {
        // What is read with some freedom is written strictly.
        let parsed = parsed()?;
        let mut ids = parsed.requirements().filter_map(|one| one.req.license.id());
        let id = ids.next()?;
        (ids.next().is_none() && !id.is_deprecated()).then(|| id.name.to_owned())
    })
}

/// One expression for several declarations that all hold; nothing when one of them is none.
pub fn joined(declared: &[String]) -> Option<String> {
    let parts: Option<BTreeSet<String>> = declared.iter().map(|one| expression(one)).collect();
    let parts: Vec<_> = parts?.into_iter().collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let whole =
                |part: &String| if part.contains(" OR ") { format!("({part})") } else { part.clone() };
            Some(several.iter().map(whole).collect::<Vec<_>>().join(" AND "))
        }
    }
}

/// The licence whose text this is; nothing when it is like none. The first call unpacks the known texts, and each costs
/// some milliseconds.
pub(crate) fn of_text(text: &str) -> Option<String> {
    static KNOWN: OnceLock<Option<Store>> = OnceLock::new();
    if text.len() > TEXT {
        return None;
    }
    let known = KNOWN.get_or_init(|| Store::load_inline().ok()).as_ref()?;
    let scanner = Scanner::new(known).confidence_threshold(CONFIDENCE).optimize(false);
    let found = scanner.scan(&TextData::new(text)).license?;
    Some(found.name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn declarations_become_expressions() {
        for (declared, expected) in [
            ("MIT", "MIT"),
            ("Apache-2.0 OR MIT", "Apache-2.0 OR MIT"),
            ("Apache License 2.0", "Apache-2.0"),
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPLv2+ and MIT", "(GPL-2.0-or-later AND MIT)"),
            ("MIT/Apache-2.0", "(MIT OR Apache-2.0)"),
            ("BSD License", "BSD-3-Clause"),
            ("mit", "MIT"),
        ] {
            let found = expression(declared).unwrap_or_else(|| panic!("{declared}"));
            assert_eq!(found.trim_matches(['(', ')']), expected.trim_matches(['(', ')']), "{declared}");
        }
        for none in ["", "SEE LICENSE IN LICENSE.md", "proprietary stuff", "UNLICENSED"] {
            assert_eq!(expression(none), None, "{none}");
        }
        let both = ["MIT OR ISC", "Zlib"].map(str::to_owned);
        assert_eq!(joined(&both).unwrap(), "(MIT OR ISC) AND Zlib");
        assert_eq!(joined(&["MIT".into(), "unheard of".into()]), None);
    }

    #[test]
    fn a_declaration_is_an_identifier_an_expression_or_a_name() {
        for (declared, id) in [
            ("MIT", "MIT"),
            ("mit", "MIT"),
            ("Apache License 2.0", "Apache-2.0"),
            ("GPL-2+", "GPL-2.0-or-later"),
        ] {
            assert_eq!(license(declared), License::Id(id), "{declared}");
        }
        for declared in [
            "MIT OR Apache-2.0",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "MIT and Zlib",
            "LicenseRef-mine OR MIT",
        ] {
            assert!(matches!(license(declared), License::Expression(_)), "{declared}");
        }
        for declared in ["Public Domain", "see LICENSE", "LicenseRef-mine", ""] {
            assert_eq!(license(declared), License::Name(declared.to_owned()));
        }
    }

    #[test]
    fn texts_are_known() {
        let mit = "MIT License\n\nCopyright (c) 2024 Jane Doe\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:\n\nThe above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.\n\nTHE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.\n";
        assert_eq!(of_text(mit).as_deref(), Some("MIT"));
        assert_eq!(of_text("All rights reserved. Do not read this."), None);
    }

    proptest! {
        #[test]
        fn any_declaration_gives_a_strict_expression_or_none(declared in "\\PC{0,60}") {
            if let Some(found) = expression(&declared) {
                prop_assert!(Expression::parse(&found).is_ok(), "{found}");
            }
        }
    }
}
