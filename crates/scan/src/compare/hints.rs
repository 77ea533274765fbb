//! What usually makes two builds differ, where a difference shows it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Changed, Difference, ImagePair, LayerPair, Relation};

/// A usual cause, and what takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hint {
    /// What the difference shows.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// A cause, and whether a difference shows it.
struct Cause {
    hint: Hint,
    shows: fn(&Shown) -> bool,
}

/// What differs somewhere in the images.
#[derive(Default)]
struct Shown {
    /// Names of fields of entries that differ, and places in configs.
    fields: BTreeSet<String>,
    /// Paths of files whose content differs or that only one image has.
    paths: BTreeSet<String>,
    order: bool,
    compression: bool,
    framing: bool,
}

impl Shown {
    fn field(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.fields.contains(*name))
    }

    fn path(&self, fits: fn(&str) -> bool) -> bool {
        self.paths.iter().any(|path| fits(path))
    }
}

const CAUSES: &[Cause] = &[
    Cause {
        hint: Hint {
            cause: "timestamps differ",
            fix: "set SOURCE_DATE_EPOCH to the time of the commit, and have the builder rewrite timestamps (BuildKit: --output type=image,rewrite-timestamp=true; tar: --mtime=@$SOURCE_DATE_EPOCH)",
        },
        shows: |shown| {
            let created = |place: &String| {
                place == "/created" || place.starts_with("/history/") && place.ends_with("/created")
            };
            shown.field(&["mtime", "PAX mtime"]) || shown.fields.iter().any(created)
        },
    },
    Cause {
        hint: Hint {
            cause: "times of access or change are in the tar",
            fix: "leave them out (tar: --pax-option=delete=atime,delete=ctime)",
        },
        shows: |shown| shown.field(&["PAX atime", "PAX ctime"]),
    },
    Cause {
        hint: Hint {
            cause: "entries stand in another order",
            fix: "sort them (tar: --sort=name); a folder lists its files in no certain order",
        },
        shows: |shown| shown.order,
    },
    Cause {
        hint: Hint {
            cause: "owners differ",
            fix: "build as the same account, or set owners (tar: --owner=0 --group=0 --numeric-owner; COPY --chown=0:0)",
        },
        shows: |shown| {
            shown.field(&["uid", "gid", "user", "group", "PAX uid", "PAX gid", "PAX uname", "PAX gname"])
        },
    },
    Cause {
        hint: Hint {
            cause: "permissions differ",
            fix: "build under the same umask, or set modes (tar: --mode; COPY --chmod)",
        },
        shows: |shown| shown.field(&["mode"]),
    },
    Cause {
        hint: Hint {
            cause: "the same content is compressed otherwise",
            fix: "use the same builder version, compression and level; what is in the layer is the same",
        },
        shows: |shown| shown.compression,
    },
    Cause {
        hint: Hint {
            cause: "tars are written otherwise",
            fix: "use the same builder version: tools differ in header formats and padding",
        },
        shows: |shown| shown.framing || shown.field(&["format"]),
    },
    Cause {
        hint: Hint {
            cause: "compiled Python files differ",
            fix: "set SOURCE_DATE_EPOCH (then .pyc files carry a hash in place of a time), or PYTHONDONTWRITEBYTECODE=1",
        },
        shows: |shown| shown.path(|path| path.contains("__pycache__/")),
    },
    Cause {
        hint: Hint {
            cause: "logs and caches differ",
            fix: "remove them in the step that writes them: var/log, var/cache, var/lib/apt/lists, tmp, root/.cache",
        },
        shows: |shown| {
            shown.path(|path| {
                let path = path.trim_start_matches("./").trim_start_matches('/');
                ["var/log/", "var/cache/", "var/lib/apt/lists/", "tmp/", "root/.cache/"]
                    .iter()
                    .any(|folder| path.starts_with(folder))
            })
        },
    },
];

/// The causes that the differences show, the usual ones first.
pub fn hints(images: &[ImagePair]) -> Vec<Hint> {
    let mut shown = Shown::default();
    for image in images {
        shown.fields.extend(image.config.named.iter().map(|value| value.name.clone()));
        for layer in &image.layers {
            of_layer(layer, &mut shown);
        }
    }
    CAUSES.iter().filter(|cause| (cause.shows)(&shown)).map(|cause| cause.hint).collect()
}

fn of_layer(layer: &LayerPair, shown: &mut Shown) {
    match &layer.relation {
        Relation::CompressedOtherwise => shown.compression = true,
        Relation::Different(difference) => of_difference(difference, shown),
        Relation::Same | Relation::OnlyInA | Relation::OnlyInB => {}
    }
}

fn of_difference(difference: &Difference, shown: &mut Shown) {
    shown.order |= difference.order.is_some();
    shown.framing |= difference.only_framing;
    shown.paths.extend(difference.only_in_a.named.iter().chain(&difference.only_in_b.named).cloned());
    for Changed { path, values } in &difference.changed.named {
        shown.fields.extend(values.iter().map(|value| value.name.clone()));
        if values.iter().any(|value| value.name == "content") {
            shown.paths.insert(path.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Named, Order, Value};
    use super::*;

    fn causes(relation: Relation, config: &[&str]) -> Vec<&'static str> {
        let value = |name: &&str| Value { name: (*name).to_owned(), a: None, b: None };
        let image = ImagePair {
            platform: String::new(),
            a: None,
            b: None,
            manifest: Named::default(),
            config: Named { named: config.iter().map(value).collect(), more: 0 },
            layers: vec![LayerPair { place: 0, a: None, b: None, relation }],
        };
        hints(&[image]).iter().map(|hint| hint.cause).collect()
    }

    fn changed(path: &str, field: &str) -> Relation {
        let values = vec![Value { name: field.to_owned(), a: None, b: None }];
        let changed = Named { named: vec![Changed { path: path.to_owned(), values }], more: 0 };
        Relation::Different(Box::new(Difference { changed, ..Difference::default() }))
    }

    #[test]
    fn causes_are_recognised() {
        assert_eq!(causes(Relation::Same, &["/config/Env/0"]), [""; 0]);
        assert_eq!(causes(Relation::Same, &["/history/3/created"]), ["timestamps differ"]);
        assert_eq!(causes(changed("a", "mtime"), &[]), ["timestamps differ"]);
        assert_eq!(causes(changed("a", "uid"), &[]), ["owners differ"]);
        assert_eq!(causes(changed("a", "mode"), &[]), ["permissions differ"]);
        assert_eq!(causes(changed("./var/log/apt/history.log", "content"), &[]), ["logs and caches differ"]);
        assert_eq!(
            causes(changed("a/__pycache__/b.cpython-312.pyc", "content"), &[]),
            ["compiled Python files differ"]
        );
        assert_eq!(causes(changed("bin/app", "content"), &[]), [""; 0]);
        assert_eq!(causes(Relation::CompressedOtherwise, &[]), ["the same content is compressed otherwise"]);
        let order = Some(Order { a: "a".to_owned(), b: "b".to_owned() });
        let order = Relation::Different(Box::new(Difference { order, ..Difference::default() }));
        assert_eq!(causes(order, &[]), ["entries stand in another order"]);
    }
}
