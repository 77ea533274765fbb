//! OCaml packages: what opam's state of a switch calls installed (opam manual, "Opam root", `switch-state`).

use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    path.ends_with("/.opam-switch/switch-state")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    if text.trim().is_empty() {
        return Ok(Facts::default());
    }
    let start = if text.starts_with("installed:") { Some(0) } else { text.find("\ninstalled:") };
    let list =
        start.and_then(|at| text.get(at..)?.split_once('[')).and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.ok_or("it does not say what is installed")?;
    // `"NAME.VERSION"`: names have no dot.
    let found = list.split('"').skip(1).step_by(2).filter_map(|package| {
        let (name, version) = package.split_once('.')?;
        Some(Found::new(PackageKind::Opam, name, version))
    });
    Ok(found.collect::<Vec<_>>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_says_what_is_installed() {
        let said = |text: &str| {
            read(&File { path: "root/.opam/4.14/.opam-switch/switch-state", bytes: text.as_bytes() })
        };
        let text = "opam-version: \"2.0\"\ncompiler: [\"ocaml-base.4.14.1\"]\r\nroots: [\"lwt.5.6.1\"]\ninstalled: [\n  \"base.v0.15.1\"\n  \"lwt.5.6.1\"\n]\npinned: \"x.1\"\n";
        let named: Vec<_> =
            said(text).unwrap().packages.iter().map(|one| format!("{} {}", one.name, one.version)).collect();
        assert_eq!(named, ["base v0.15.1", "lwt 5.6.1"]);
        assert_eq!(said(""), Ok(Facts::default()));
        assert!(said("roots: [\"a.1\"]\n").is_err() && said("installed: [\"a.1\"\n").is_err());
    }
}
