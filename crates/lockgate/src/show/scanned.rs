//! What a scan found, for people: what is known to be exploited comes first, then what probably will be, then the worst.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_engine::scan::ScannedImage;
use lockgate_model::{Inventory, Package, Severity};
use lockgate_scan::coverage::Asked;
use unicode_width::UnicodeWidthStr;

use super::noted::noted;
use super::out::{Colour, Line, width};
use super::plan::planned;
use super::table::{Column, Keep, cut, laid_out, table};
use crate::printable::{one_line, printable};
use crate::report::plan::listed;
use crate::report::{Subject, Vulnerability, percent};

/// Columns before a row that belongs to the package above it.
const INDENT: usize = 2;
/// What is left of fixed versions and titles on a narrow terminal, in columns.
const FIXED: usize = 12;
const TITLE: usize = 8;
/// Packages and files that are named of one group; more are counted.
const NAMES: usize = 4;
const PATHS: usize = 2;
/// Fewest columns in which a path is shown.
const PATH: usize = 16;

/// Prints what was found in an artifact, what to upgrade, and what could not be answered. `all` prints packages without
/// vulnerabilities and every upgrade too.
pub fn scanned(subject: &Subject<'_>, unanswered: &[String], all: bool) {
    let scanned = subject.scanned;
    say!("{}", scanned.artifact.digest);
    match &scanned.feed {
        Some(feed) => say!("feed {} ({} advisories)", feed.digest, feed.advisories),
        None => say!("no advisories were asked: there is no feed"),
    }
    let (vulnerabilities, width) = (subject.vulnerabilities(), width());
    let (mut whole, mut plans) = (true, BTreeMap::new());
    for (at, image) in scanned.images.iter().enumerate() {
        let Some(inventory) = &image.inventory else { continue };
        let vulnerabilities: Vec<_> =
            vulnerabilities.iter().filter(|vulnerability| vulnerability.image == at).collect();
        heading(image, inventory, &vulnerabilities);
        asked(&image.coverage);
        if !vulnerabilities.is_empty() {
            say!();
            let lines =
                width.map_or_else(|| rows(&vulnerabilities), |width| grouped(&vulnerabilities, width));
            whole &= width.is_none() || !lines.iter().any(is_cut);
            lines.iter().for_each(Line::print);
        }
        noted(inventory, all);
        if all {
            say!();
            table(&["package", "version", "ecosystem", "licences", "path"], &packages(inventory));
        }
        if let Some(plan) = &image.plan {
            let lines = planned(plan, &vulnerabilities, width, all);
            whole &= width.is_none() || !lines.iter().any(is_cut);
            upgrades(name(image), &lines, &mut plans);
        }
    }
    if !whole {
        say!("\u{2026} was cut to fit; in a pipe and with --output json everything is whole");
    }
    for one in unanswered {
        say!("not answered: {one}");
    }
}

/// Whether something of a line was left out, or looks so.
fn is_cut(line: &Line) -> bool {
    line.said().contains('\u{2026}')
}

/// Prints a plan, last: it is what is acted on. Where an image before it has the same one, that is named.
fn upgrades<'a>(image: &'a str, plan: &[Line], earlier: &mut BTreeMap<Vec<String>, &'a str>) {
    if plan.is_empty() {
        return;
    }
    say!();
    let said = plan.iter().map(|line| line.said().to_owned()).collect();
    match earlier.get(&said) {
        Some(other) => say!("plan: the same as of {other}"),
        None => plan.iter().for_each(Line::print),
    }
    earlier.entry(said).or_insert(image);
}

/// What an image is called.
fn name(image: &ScannedImage) -> &str {
    if image.platform.is_empty() { "image" } else { &image.platform }
}

/// How many packages an image has, of how many it was asked, and what is known: none is said of what nobody was asked.
fn heading(image: &ScannedImage, inventory: &Inventory, vulnerabilities: &[&Vulnerability<'_>]) {
    let distribution = inventory.distribution.as_ref();
    let distribution = distribution
        .map_or(String::new(), |one| format!(", {} {}", one.id, one.version).trim_end().to_owned());
    let name = name(image);
    let asked: u64 = image.coverage.iter().filter(|one| one.feed.is_some()).map(|one| one.packages).sum();
    let all = inventory.packages.len() as u64;
    let silent = all.saturating_sub(asked);
    let known = known(vulnerabilities);
    let said = match (asked, silent) {
        (0, 0) => "0 packages".to_owned(),
        (0, _) => format!("{all} packages, nobody was asked about them"),
        (_, 0) => format!("{all} packages, {known}"),
        _ => format!("{all} packages, {asked} asked about, {silent} not; {known}"),
    };
    say!();
    say!("{name}{distribution}: {said}");
    if !vulnerabilities.is_empty() {
        say!("  {}", totals(vulnerabilities));
    }
}

fn known(vulnerabilities: &[&Vulnerability<'_>]) -> String {
    let packages: BTreeSet<_> =
        vulnerabilities.iter().map(|vulnerability| vulnerability.found.package).collect();
    let within = if packages.is_empty() { String::new() } else { format!(" in {} of them", packages.len()) };
    format!("{} known vulnerabilities{within}", vulnerabilities.len())
}

/// How many there are of each severity, how many are known to be exploited, and for how many there is a fix.
fn totals(vulnerabilities: &[&Vulnerability<'_>]) -> String {
    let count = |of: &dyn Fn(&Vulnerability<'_>) -> bool| {
        vulnerabilities.iter().filter(|vulnerability| of(vulnerability)).count()
    };
    let words = Vulnerability::WORDS.map(|word| (count(&|vulnerability| vulnerability.word() == word), word));
    let parts: Vec<_> =
        words.iter().filter(|(count, _)| *count > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let exploited = count(&|vulnerability| vulnerability.found.known_exploited);
    let fixed = count(&|vulnerability| vulnerability.found.fixed.is_some());
    format!("{}; {exploited} known to be exploited (KEV), {fixed} with a fix", parts.join(", "))
}

/// Of which release's advisories it was asked, how many they are, and how old.
fn asked(coverage: &[Asked]) {
    let rows: Vec<_> = coverage
        .iter()
        .map(|one| {
            let (advisories, source, fetched) = match &one.feed {
                Some(feed) => {
                    let claimed = if feed.origin.claimed { " (claimed)" } else { "" };
                    let fetched =
                        feed.origin.fetched.map_or("undated".to_owned(), |at| format!("{at}{claimed}"));
                    (feed.advisories.to_string(), feed.origin.name.clone(), fetched)
                }
                None => ("nobody was asked".to_owned(), "-".to_owned(), "-".to_owned()),
            };
            vec![one.ecosystem.clone(), one.packages.to_string(), advisories, source, fetched]
        })
        .collect();
    if !rows.is_empty() {
        table(&["asked of", "packages", "advisories", "source", "fetched"], &rows);
    }
}

/// The word for how bad a vulnerability is, with its score.
fn severity(vulnerability: &Vulnerability<'_>) -> String {
    let (found, word) = (vulnerability.found, vulnerability.word());
    match found.cvss_tenths.filter(|_| !found.malicious && !found.unrated) {
        Some(tenths) => format!("{word} {}.{}", tenths / 10, tenths % 10),
        None => word.to_owned(),
    }
}

/// Severity, KEV, EPSS and name: what each row begins with.
fn urgency(vulnerability: &Vulnerability<'_>) -> [String; 4] {
    let exploited = if vulnerability.found.known_exploited { "KEV" } else { "-" };
    let likely = vulnerability.found.epss_ppm.map_or_else(|| "-".to_owned(), percent);
    [severity(vulnerability), exploited.to_owned(), likely, vulnerability.found.id.clone()]
}

fn fixed(vulnerability: &Vulnerability<'_>) -> String {
    vulnerability.found.fixed.clone().unwrap_or_else(|| "-".to_owned())
}

/// One row for each vulnerability of each package, whole: for pipes.
fn rows(vulnerabilities: &[&Vulnerability<'_>]) -> Vec<Line> {
    let alike = |vulnerability: &Vulnerability<'_>| {
        (
            vulnerability.package.name.clone(),
            vulnerability.package.version.clone(),
            vulnerability.found.id.clone(),
        )
    };
    let mut seen = BTreeMap::new();
    for vulnerability in vulnerabilities {
        *seen.entry(alike(vulnerability)).or_insert(0) += 1;
    }
    let repeated =
        |vulnerability: &Vulnerability<'_>| seen.get(&alike(vulnerability)).is_some_and(|count| *count > 1);
    let paths = vulnerabilities.iter().any(|vulnerability| repeated(vulnerability));
    let mut heads =
        vec!["severity", "kev", "epss", "vulnerability", "package", "installed", "fixed", "layer"];
    heads.extend(paths.then_some("path"));
    heads.push("title");
    let cells = vulnerabilities.iter().map(|vulnerability| {
        let package = vulnerability.package;
        let mut cells = urgency(vulnerability).to_vec();
        cells.extend([
            package.name.clone(),
            package.version.clone(),
            fixed(vulnerability),
            package.layer_index.to_string(),
        ]);
        // Where two rows would be equal, the file tells them apart.
        cells.extend(
            paths.then(|| if repeated(vulnerability) { package.path.clone() } else { "-".to_owned() }),
        );
        cells.push(one_line(&vulnerability.found.summary));
        cells
    });
    let columns: Vec<_> =
        heads.into_iter().map(|head| Column { head, least: 0, keep: Keep::Start }).collect();
    let lines = laid_out(&columns, &cells.collect::<Vec<_>>(), None);
    let severities = std::iter::once(None).chain(vulnerabilities.iter().copied().map(Some));
    lines.iter().zip(severities).map(|(line, vulnerability)| coloured(0, line, vulnerability)).collect()
}

/// Packages whose vulnerabilities are the same.
struct Group<'a> {
    packages: Vec<&'a Package>,
    vulnerabilities: Vec<&'a Vulnerability<'a>>,
}

/// The vulnerabilities by package, the most urgent package first; packages of one version with the same vulnerabilities
/// are one group: binaries of one source, and one package in several places.
fn groups<'a>(vulnerabilities: &[&'a Vulnerability<'a>]) -> Vec<Group<'a>> {
    let mut order: Vec<usize> = Vec::new();
    let mut by_package: BTreeMap<usize, Vec<&Vulnerability<'_>>> = BTreeMap::new();
    for vulnerability in vulnerabilities {
        let of_package = by_package.entry(vulnerability.found.package).or_default();
        if of_package.is_empty() {
            order.push(vulnerability.found.package);
        }
        of_package.push(vulnerability);
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for vulnerabilities in order.iter().filter_map(|package| by_package.remove(package)) {
        let Some(package) = vulnerabilities.first().map(|vulnerability| vulnerability.package) else {
            continue;
        };
        let same: Vec<_> = vulnerabilities
            .iter()
            .map(|vulnerability| (&vulnerability.found.id, &vulnerability.found.fixed))
            .collect();
        let place = *places.entry((&package.version, same)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.packages.push(package),
            None => groups.push(Group { packages: vec![package], vulnerabilities }),
        }
    }
    groups
}

/// Rows under the packages that they are about, cut to so many columns.
fn grouped(vulnerabilities: &[&Vulnerability<'_>], width: usize) -> Vec<Line> {
    let groups = groups(vulnerabilities);
    let column = |head, least| Column { head, least, keep: Keep::Start };
    let columns = [
        column("severity", usize::MAX),
        column("kev", usize::MAX),
        column("epss", usize::MAX),
        column("vulnerability", usize::MAX),
        column("fixed", FIXED),
        column("title", TITLE),
    ];
    let rows: Vec<_> = groups.iter().flat_map(|group| &group.vulnerabilities).copied().collect();
    let cells: Vec<_> = rows
        .iter()
        .map(|vulnerability| {
            [
                urgency(vulnerability).as_slice(),
                &[fixed(vulnerability), one_line(&vulnerability.found.summary)],
            ]
            .concat()
        })
        .collect();
    let laid_out = laid_out(&columns, &cells, Some(width.saturating_sub(INDENT)));
    let mut laid_out = laid_out.iter().zip(std::iter::once(None).chain(rows.into_iter().map(Some)));
    let mut lines: Vec<_> =
        laid_out.next().map(|(heads, _)| coloured(INDENT, heads, None)).into_iter().collect();
    for group in &groups {
        lines.push(about(&group.packages, width));
        let rows = laid_out.by_ref().take(group.vulnerabilities.len());
        lines.extend(rows.map(|(line, vulnerability)| coloured(INDENT, line, vulnerability)));
    }
    lines
}

/// The packages of a group: their names, their version, and where they are.
fn about(packages: &[&Package], width: usize) -> Line {
    let names: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let paths: BTreeSet<_> = packages.iter().map(|package| package.path.as_str()).collect();
    let layers: BTreeSet<_> = packages.iter().map(|package| package.layer_index.to_string()).collect();
    let version = packages.first().map_or("", |package| &package.version);
    let [names, paths] = [names, paths].map(|all| all.into_iter().collect::<Vec<_>>());
    let name = printable(&format!("{} {version}", listed(&names, NAMES))).into_owned();
    let layers = layers.into_iter().collect::<Vec<_>>().join(", ");
    let layer = format!("  layer {layers}");
    let room = width.saturating_sub(name.width() + layer.width() + 2);
    let all = printable(&listed(&paths, PATHS)).into_owned();
    let path = if all.width() <= room { all } else { cut(&printable(&listed(&paths, 1)), room, Keep::End) };
    // A path of which nothing is left says nothing.
    let place = if room < PATH { layer } else { format!("{layer}  {path}") };
    let name = cut(&name, width.saturating_sub(place.width()), Keep::Start);
    Line::default().coloured(&name, Colour::Bold).coloured(&place, Colour::Faint)
}

/// A row, with its severity in its colour.
fn coloured(indent: usize, row: &str, vulnerability: Option<&Vulnerability<'_>>) -> Line {
    let line = Line::of(format_args!("{}", " ".repeat(indent)));
    let word = vulnerability.map(severity);
    match (vulnerability.and_then(colour), word.as_deref().and_then(|word| row.strip_prefix(word))) {
        (Some(colour), Some(rest)) => {
            line.coloured(&word.unwrap_or_default(), colour).text(format_args!("{rest}"))
        }
        _ => line.text(format_args!("{row}")),
    }
}

/// The colour of how bad a vulnerability is.
pub(super) fn colour(vulnerability: &Vulnerability<'_>) -> Option<Colour> {
    match vulnerability.found.severity {
        _ if vulnerability.found.known_exploited || vulnerability.found.malicious => Some(Colour::Red),
        Severity::Critical | Severity::High => Some(Colour::Red),
        Severity::Medium => Some(Colour::Yellow),
        Severity::Low | Severity::Info => None,
    }
}

fn packages(inventory: &Inventory) -> Vec<Vec<String>> {
    let row = |one: &Package| {
        vec![
            one.name.clone(),
            one.version.clone(),
            one.ecosystem.clone(),
            one.licenses.join(", "),
            one.path.clone(),
        ]
    };
    inventory.packages.iter().map(row).collect()
}
