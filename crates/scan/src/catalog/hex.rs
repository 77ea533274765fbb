//! Erlang and Elixir packages: `mix.lock` and `rebar.lock` (Hex, "Usage").

use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    matches!(crate::paths::split(path).1, "mix.lock" | "rebar.lock")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    let line = if file.name() == "mix.lock" { mix } else { rebar };
    Ok(text.lines().filter_map(line).collect::<Vec<_>>().into())
}

/// `"name": {:hex, :name, "1.0.0", ...`
fn mix(line: &str) -> Option<Found> {
    let (_, rest) = line.split_once("{:hex, :")?;
    let (name, rest) = rest.split_once(',')?;
    let version = rest.trim_start().strip_prefix('"')?.split('"').next()?;
    Some(Found::declared(PackageKind::Hex, name.trim_matches('"'), version))
}

/// `{<<"name">>,{pkg,<<"name">>,<<"1.0.0">>},0}`
fn rebar(line: &str) -> Option<Found> {
    let (_, rest) = line.split_once("{pkg,<<\"")?;
    let (name, rest) = rest.split_once("\">>")?;
    let version = rest.trim_start_matches(',').strip_prefix("<<\"")?.split('"').next()?;
    Some(Found::declared(PackageKind::Hex, name, version))
}
