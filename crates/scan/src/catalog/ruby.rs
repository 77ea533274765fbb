//! Ruby gems: the specification of each that is installed (RubyGems, "Specification Reference"), and bundler's lock.

use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    let installed = folder.ends_with("specifications") || folder.ends_with("specifications/default");
    installed && std::path::Path::new(name).extension().is_some_and(|end| end == "gemspec")
        || name == "Gemfile.lock" && !path.contains("/gems/")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    if file.name() == "Gemfile.lock" {
        return Ok(locked(&text).into());
    }
    // RubyGems runs what is there: an empty file describes no gem.
    if file.bytes.is_empty() {
        return Ok(Facts::default());
    }
    let found = specification(&text).ok_or("its name and version are not written as RubyGems writes them")?;
    Ok(vec![found].into())
}

/// The text of `s.name = "rack".freeze`
fn assigned<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| {
        let (left, right) = line.trim().split_once('=')?;
        (left.trim().ends_with(field)).then_some(right)
    })?;
    quoted(line).next()
}

/// `# stub: rack 2.2.3 ruby lib`, which RubyGems itself reads first.
fn stub(text: &str) -> Option<(&str, &str)> {
    let mut words = text.lines().find_map(|line| line.strip_prefix("# stub: "))?.split_whitespace();
    Some((words.next()?, words.next()?))
}

/// The texts in quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['"', '\'']).skip(1).step_by(2)
}

/// The file says it in Ruby, which is not run: installed files are written by RubyGems in one shape.
fn specification(text: &str) -> Option<Found> {
    let assigned = assigned(text, ".name").zip(assigned(text, ".version"));
    let (name, version) = assigned.or_else(|| stub(text))?;
    let licenses = text.lines().find_map(|line| {
        let (left, right) = line.trim().split_once('=')?;
        matches!(left.trim().rsplit('.').next(), Some("licenses" | "license")).then(|| quoted(right))
    });
    let licenses = licenses.into_iter().flatten().map(str::to_owned).collect();
    Some(Found { licenses, ..Found::new(PackageKind::Gem, name, version) })
}

/// Below `specs:`, four spaces deep: `name (1.0.0)`, with `-platform` where there is one.
fn locked(text: &str) -> Vec<Found> {
    let mut packages = Vec::new();
    let mut from_registry = false;
    for line in text.lines() {
        if !line.starts_with(' ') {
            from_registry = line.trim() == "GEM";
        }
        let Some(entry) = line.strip_prefix("    ").filter(|rest| from_registry && !rest.starts_with(' '))
        else {
            continue;
        };
        if let Some((name, version)) = entry.split_once(" (") {
            let version = version.trim_end_matches(')').split('-').next().unwrap_or_default();
            packages.push(Found::declared(PackageKind::Gem, name, version));
        }
    }
    packages.sort();
    packages.dedup();
    packages
}
