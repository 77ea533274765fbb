//! What is noted of the finished file system for policies: secrets, also those that a later layer only hides, and setuid files.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::{Secret, Setuid};

use super::Looked;
use super::tree::{Carried, Node, Placed};
use crate::secrets::{Hit, Rule};
use crate::{limits, ownership};

impl Looked<'_> {
    /// The secrets of all layers. What a later layer removes or replaces is still in the layer that brought it.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let carried: BTreeMap<_, _> = self.tree.secrets.iter().map(|one| (one.origin, one)).collect();
        if carried.is_empty() {
            return Vec::new();
        }
        let standing = self.files().filter_map(|(path, file)| Some((path, *carried.get(&file.origin?)?)));
        let standing: BTreeSet<(&str, (usize, u32))> =
            standing.map(|(path, one)| (path, one.origin)).collect();
        let there: BTreeSet<_> = standing.iter().map(|(_, origin)| *origin).collect();
        let gone = carried.values().filter(|one| !there.contains(&one.origin));
        let gone = gone.map(|one| (one.path.as_str(), *one, true));
        let standing =
            standing.iter().filter_map(|(path, origin)| Some((*path, *carried.get(origin)?, false)));
        let mut secrets: Vec<Secret> = standing
            .chain(gone)
            .flat_map(|(path, one, removed)| {
                one.hits.iter().map(move |hit| self.secret(path, one, *hit, removed))
            })
            .collect();
        secrets.sort();
        if secrets.len() > limits::SECRETS {
            secrets.truncate(limits::SECRETS);
            let top = self.layers.len().saturating_sub(1);
            let rest = Carried { origin: (top, 0), path: String::new(), hits: &[] };
            secrets.push(self.secret("", &rest, Hit { line: 0, rule: Rule::NotSearched }, false));
        }
        secrets
    }

    fn secret(&self, path: &str, one: &Carried<'_>, hit: Hit, removed: bool) -> Secret {
        let layer = one.origin.0;
        Secret {
            path: format!("/{path}"),
            line: hit.line,
            rule: hit.rule.name().to_owned(),
            layer: self.layers.get(layer).map(|layer| layer.digest),
            layer_index: u32::try_from(layer).ok(),
            removed,
        }
    }

    /// The setuid files, each with the package that owns it.
    pub(super) fn setuid(&self) -> Vec<Setuid> {
        let files: Vec<_> =
            self.files().filter_map(|(path, file)| Some((path, file, file.rights?))).collect();
        let placed = files.iter().map(|(path, file, _)| (*path, file.layer)).collect();
        let owners = ownership::of_files(self.tree, &self.places, &placed);
        let noted = files.iter().filter_map(|(path, file, rights)| {
            let layer = self.layers.get(file.layer)?;
            Some(Setuid {
                path: format!("/{path}"),
                mode: format!("{:o}", rights.mode),
                owner: rights.owner,
                group: rights.group,
                capabilities: rights.capabilities.names(),
                layer: layer.digest,
                layer_index: u32::try_from(file.layer).unwrap_or(u32::MAX),
                package: owners.get(*path).map(|owner| (*owner).to_owned()).unwrap_or_default(),
            })
        });
        noted.collect()
    }

    fn files(&self) -> impl Iterator<Item = (&str, &Placed<'_>)> {
        self.tree.nodes.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.as_str(), file)),
            _ => None,
        })
    }
}
