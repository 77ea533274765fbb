//! Which files are searched. Searching every byte of an image would cost more than reading its packages does: a file is searched
//! for its name, or because it begins as a key, unless it is in a folder that packages, documents or tests fill.

use crate::{limits, paths};

/// Names of files that are searched, sorted.
const NAMES: [&str; 37] = [
    ".ash_history",
    ".bash_history",
    ".bash_profile",
    ".bashrc",
    ".boto",
    ".dockercfg",
    ".dockerconfigjson",
    ".envrc",
    ".git-credentials",
    ".gitconfig",
    ".mysql_history",
    ".netrc",
    ".node_repl_history",
    ".npmrc",
    ".profile",
    ".psql_history",
    ".pypirc",
    ".python_history",
    ".s3cfg",
    ".sh_history",
    ".vault-token",
    ".yarnrc",
    ".zsh_history",
    ".zshrc",
    "Containerfile",
    "Dockerfile",
    "Makefile",
    "_netrc",
    "config",
    "credentials",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kubeconfig",
    "npmrc",
    "token",
];

/// Endings of names of files that are searched: configuration, keys, and programs that are text. Sorted.
const ENDINGS: [&str; 36] = [
    "bash",
    "cfg",
    "cjs",
    "conf",
    "config",
    "env",
    "go",
    "gradle",
    "ini",
    "ipynb",
    "java",
    "js",
    "json",
    "key",
    "kt",
    "mjs",
    "pem",
    "php",
    "pl",
    "properties",
    "ps1",
    "py",
    "rb",
    "rs",
    "sh",
    "sql",
    "tf",
    "tfstate",
    "tfvars",
    "toml",
    "ts",
    "tsx",
    "txt",
    "xml",
    "yaml",
    "yml",
];

/// Folders of the system, and of what its package managers install.
const SYSTEM: [&str; 14] = [
    "boot/",
    "dev/",
    "lib/",
    "lib64/",
    "proc/",
    "sys/",
    "usr/include/",
    "usr/lib/",
    "usr/lib64/",
    "usr/libexec/",
    "usr/local/go/",
    "usr/share/",
    "usr/src/",
    "var/lib/dpkg/",
];

/// Folders that package managers of languages fill with what registries have, and folders of tests and documents. Sorted.
const FOLDERS: [&str; 36] = [
    ".cargo",
    ".rustup",
    "__pycache__",
    "__tests__",
    "bower_components",
    "demo",
    "demos",
    "dist-packages",
    "doc",
    "docs",
    "e2e",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "gems",
    "google-cloud-sdk",
    "jspm_packages",
    "locale",
    "locales",
    "mock",
    "mocks",
    "node_modules",
    "sample",
    "samples",
    "site-packages",
    "spec",
    "specs",
    "test",
    "test-data",
    "test_data",
    "testdata",
    "testing",
    "tests",
    "third_party",
    "vendor",
];

/// The key of Debian's package `ssl-cert`, which makes one when it is installed, for itself.
const SNAKE_OIL: &str = "etc/ssl/private/ssl-cert-snakeoil.key";

/// Whether the file at `path`, of so many bytes, is searched for its name.
pub(crate) fn searches(path: &str, size: u64) -> bool {
    (1..=limits::SECRET_FILE_BYTES).contains(&size) && is_named(paths::split(path).1) && !passed_over(path)
}

fn is_named(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    // Nearly all files are asked, and few are in capitals.
    let ends = ending.is_some_and(|ending| {
        let capitals = ending.bytes().any(|byte| byte.is_ascii_uppercase());
        ENDINGS.binary_search(&ending).is_ok()
            || capitals && ENDINGS.iter().any(|one| ending.eq_ignore_ascii_case(one))
    });
    let named = NAMES.binary_search(&name).is_ok();
    ends || named || name.starts_with(".env.") || name.starts_with("Dockerfile.")
}

/// Whether nothing is searched at `path`.
pub(crate) fn passed_over(path: &str) -> bool {
    if path == SNAKE_OIL || SYSTEM.iter().any(|folder| path.starts_with(folder)) {
        return true;
    }
    let (mut parts, mut before) = (paths::split(path).0.split('/'), "");
    parts.any(|part| {
        // The standard library of Python wherever it is installed, and the modules that Go downloads.
        let library = before == "lib" && (part.starts_with("python2") || part.starts_with("python3"));
        let modules = before == "pkg" && part == "mod";
        before = part;
        library || modules || FOLDERS.binary_search(&part).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_in_is_sorted() {
        assert!(NAMES.is_sorted() && ENDINGS.is_sorted() && FOLDERS.is_sorted());
    }
}
