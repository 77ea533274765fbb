//! R packages: the `DESCRIPTION` of each, which has the field `Built` once it is installed (Writing R Extensions, 1.1.1).

use super::control::{field, paragraph};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    name == "DESCRIPTION" && !folder.is_empty()
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text().replace("\r\n", "\n");
    let fields = paragraph(&text);
    let (name, version) = (field(&fields, "Package"), field(&fields, "Version"));
    // R's own translations are installed and were never built.
    let is_part_of_r = field(&fields, "License").starts_with("Part of R ");
    if field(&fields, "Built").is_empty() && !is_part_of_r || name.is_empty() {
        return Ok(Facts::default());
    }
    if version.is_empty() {
        return Err(format!("the package lacks its version (Package: `{name}`)"));
    }
    let from = field(&fields, "Repository");
    let of_bioconductor =
        from.starts_with("Bioc") || from != "CRAN" && !field(&fields, "biocViews").is_empty();
    let kind = if of_bioconductor { PackageKind::Bioconductor } else { PackageKind::Cran };
    let license = field(&fields, "License").replace('\n', " ");
    let licenses = if license.is_empty() { vec![] } else { vec![license] };
    Ok(vec![Found { licenses, ..Found::new(kind, name, version) }].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_installed_once_it_was_built() {
        let said =
            |text: &str| read(&File { path: "usr/lib/R/library/a/DESCRIPTION", bytes: text.as_bytes() });
        let built = "Package: readxl\nVersion: 1.4.2\nLicense: MIT + file\n LICENSE\nRepository: CRAN\nbiocViews: x\nBuilt: R 4.2.2\n";
        let facts = said(built).unwrap();
        let [found] = facts.packages.as_slice() else { panic!("{facts:?}") };
        assert_eq!((found.kind, found.name.as_str()), (PackageKind::Cran, "readxl"));
        assert_eq!(found.licenses, ["MIT + file LICENSE"]);
        let of = |more: &str| {
            said(&format!("Package: limma\nVersion: 3\nBuilt: R 4\n{more}\n")).unwrap().packages[0].kind
        };
        assert_eq!(of("biocViews: Software"), PackageKind::Bioconductor);
        assert_eq!(of("Repository: Bioconductor 3.16"), PackageKind::Bioconductor);
        assert_eq!(of("Priority: base"), PackageKind::Cran);
        let part = said("Package: translations\nVersion: 4.2.2\nLicense: Part of R 4.2.2\n").unwrap();
        assert_eq!(part.packages[0].name, "translations");
        for source in ["Package: a\nVersion: 1\n", "", "A description of something else\nBuilt: x\n"] {
            assert_eq!(said(source), Ok(Facts::default()), "{source}");
        }
        assert!(said("Package: a\nBuilt: R 4\n").is_err());
    }
}
