//! Follows symbolic links as a kernel does inside of a root (path_resolution(7), chroot(2)): part after part, `..` from
//! where one is and never above the root.

use crate::limits;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Followed {
    /// The path without links. Where there were more of them than are followed it ends at one or goes through it, and nothing is
    /// there, as a kernel has it.
    pub(super) path: String,
    /// Folders that were left by `..` again, which must be there for that.
    pub(super) left: Vec<String>,
}

/// Follows `path`; `link` says the target of the link at a path, where there is one.
pub(super) fn follow<'a>(path: &'a str, mut link: impl FnMut(&str) -> Option<&'a str>) -> Followed {
    let (mut done, mut followed, mut left) = (String::with_capacity(path.len()), 0, Vec::new());
    let mut rest = vec![path];
    while let Some(text) = rest.pop() {
        let (part, tail) = text.split_once('/').unwrap_or((text, ""));
        if !tail.is_empty() {
            rest.push(tail);
        }
        match part {
            "" | "." => continue,
            ".." => {
                let folder = done.rfind('/').unwrap_or_default();
                left.push(done.clone());
                done.truncate(folder);
                continue;
            }
            _ => {}
        }
        let folder = done.len();
        if folder > 0 {
            done.push('/');
        }
        done.push_str(part);
        if let Some(target) = link(&done).filter(|_| followed < limits::LINKS_FOLLOWED) {
            followed += 1;
            done.truncate(if target.starts_with('/') { 0 } else { folder });
            rest.push(target);
        }
    }
    left.retain(|folder| !folder.is_empty());
    Followed { path: done, left }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn followed(links: &[(&'static str, &'static str)], path: &str) -> Followed {
        let links: BTreeMap<_, _> = links.iter().copied().collect();
        follow(path, |at| links.get(at).copied())
    }

    #[test]
    fn links_are_followed_from_where_they_stand() {
        let links =
            [("lib", "usr/lib"), ("usr/lib/x", "../../opt/./x"), ("opt/x", "/srv//y/"), ("up", "../../../a")];
        assert_eq!(followed(&links, "lib/x/z").path, "srv/y/z");
        assert_eq!(followed(&links, "up/b").path, "a/b");
        assert_eq!(followed(&links, "usr/bin").path, "usr/bin");
        // `..` leaves the folder that a link led to, and not the one that the link is in.
        assert_eq!(followed(&[("a/b", "/c/d"), ("e", "a/b/../f")], "e").path, "c/f");
        assert_eq!(followed(&[("e", "a/../f")], "e").left, ["a"]);
        assert!(followed(&[("a/b", "../c")], "a/b").left == ["a"]);
    }

    #[test]
    fn as_many_links_are_followed_as_a_kernel_does() {
        for links in [&[("x", "y"), ("y", "x")][..], &[("x", "x/x")], &[("x", ".//x")]] {
            assert!(followed(links, "x/a").path.starts_with(['x', 'y']));
        }
        let names: Vec<String> = (0..=limits::LINKS_FOLLOWED + 1).map(|at| format!("l{at}")).collect();
        let chain: Vec<_> = names.windows(2).map(|pair| (&*pair[0], &*pair[1])).collect();
        let end = |from: usize| {
            let links: BTreeMap<_, _> = chain.iter().copied().collect();
            follow(&names[from], |at| links.get(at).copied()).path
        };
        assert_eq!(end(1), names[limits::LINKS_FOLLOWED + 1]);
        assert_eq!(end(0), names[limits::LINKS_FOLLOWED]);
    }
}
