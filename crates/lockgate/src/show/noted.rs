//! What a scan noted for policies: secrets and setuid files, for people.

use lockgate_model::Inventory;
use lockgate_model::inventory::{Secret, Setuid};

use super::table::table;

/// Prints the secrets, and the setuid files that no package of the system owns; `all` of them where that is asked.
pub(super) fn noted(inventory: &Inventory, all: bool) {
    if !inventory.secrets.is_empty() {
        say!();
        say!("secrets: rotate them, whoever can pull the image can read them");
        table(&["rule", "layer", "line", "file"], &inventory.secrets.iter().map(secret).collect::<Vec<_>>());
    }
    let (count, others) =
        (inventory.setuid.len(), inventory.setuid.iter().filter(|one| one.package.is_empty()));
    let rows: Vec<_> =
        if all { inventory.setuid.iter().map(setuid).collect() } else { others.map(setuid).collect() };
    if count == 0 {
        return;
    }
    let files = if count == 1 { "file" } else { "files" };
    say!();
    match rows.len() {
        0 => say!("{count} setuid {files}, all of packages of the system (--all)"),
        _ if all => say!("{count} setuid {files}"),
        others => say!("{count} setuid {files}, {others} of no package of the system:"),
    }
    if !rows.is_empty() {
        table(&["mode", "owner", "capabilities", "package", "layer", "file"], &rows);
    }
}

/// Where a secret is: the layer, or the config.
pub(crate) fn layer(secret: &Secret) -> String {
    secret.layer_index.map_or_else(|| "config".to_owned(), |index| index.to_string())
}

/// The file of a secret, and whether it is still there.
pub(crate) fn file(secret: &Secret) -> String {
    let removed = if secret.removed { " (removed by a later layer)" } else { "" };
    format!("{}{removed}", secret.path)
}

fn secret(one: &Secret) -> Vec<String> {
    vec![one.rule.clone(), layer(one), one.line.to_string(), file(one)]
}

fn setuid(one: &Setuid) -> Vec<String> {
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    vec![
        one.mode.clone(),
        format!("{}:{}", one.owner, one.group),
        or_none(&one.capabilities.join(", ")),
        or_none(&one.package),
        one.layer_index.to_string(),
        one.path.clone(),
    ]
}
