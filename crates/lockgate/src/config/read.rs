//! Reads and checks the file.

use std::path::Path;

use lockgate_judge::check_settings;
use lockgate_judge::gates::{self, Members};
use lockgate_model::Route;
use lockgate_registry::check_address;

use super::yaml::{Document, Place, read};
use super::{API_VERSION, Config, ConfigError, File, Problem, StageEntry, Unlisted, stage};

/// Largest file, in bytes.
const BYTES: u64 = 1 << 20;
/// Most feeds that are downloaded.
const FEEDS: usize = 256;

/// Reads the file at `path`.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let one = |what: String| ConfigError { problems: vec![Problem { what, source: None }] };
    let size = std::fs::metadata(path).map_err(|error| one(format!("{}: {error}", path.display())))?.len();
    if size > BYTES {
        return Err(one(format!("{}: it has {size} bytes; at most {BYTES} are read", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| one(format!("{}: {error}", path.display())))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parse(&text, &path.display().to_string(), folder)
}

/// Collects problems with their places.
struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Problem>,
}

impl Problems<'_> {
    fn add(&mut self, place: Place, message: &str) {
        let (place, source) = self.show(place);
        self.found.push(Problem { what: format!("{place}: {message}"), source: Some(source) });
    }

    /// A place with its file, and the line there.
    fn show(&self, (line, column): Place) -> (String, String) {
        let source = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        (format!("{}:{line}:{column}", self.file), source.trim_end().to_owned())
    }
}

/// Reads `text`, which stands in `file`; paths in it are below `folder`.
pub fn parse(text: &str, file: &str, folder: &Path) -> Result<Config, ConfigError> {
    let mut problems = Problems { file, text, found: Vec::new() };
    let document = match read(text) {
        Ok(document) => document,
        Err((place, message)) => {
            problems.add(place, &message);
            return Err(ConfigError { problems: problems.found });
        }
    };
    let entries: Result<File, _> = serde_path_to_error::deserialize(&document.value);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let (path, message) = (error.path().to_string(), error.inner().to_string());
            let (path, message) = unknown_field(&path, &message);
            problems.add(place_of(&document, &path), &message);
            return Err(ConfigError { problems: problems.found });
        }
    };
    if entries.api_version != API_VERSION {
        problems.add(place_of(&document, "apiVersion"), &format!("`apiVersion` must be {API_VERSION}"));
    }
    let route = route(&entries, &document, &mut problems);
    let unlisted = check_keys(&entries, &document, &mut problems);
    check_feeds(&entries, &document, &mut problems);
    for (path, message) in entries.trust.problems() {
        problems.add(place_of(&document, &format!("trust.{path}")), &message);
    }
    match (route, problems.found.is_empty()) {
        (Some(route), true) => Ok(Config {
            folder: folder.to_owned(),
            route,
            keys: entries.keys,
            trust: entries.trust,
            policies: entries.policies,
            ledger: entries.ledger,
            verdict: entries.verdict,
            registries: entries.registries,
            feeds: entries.feeds,
            unlisted,
        }),
        _ => Err(ConfigError { problems: problems.found }),
    }
}

/// serde's message about a field it does not know, with the path of that field and the nearest known name.
fn unknown_field(path: &str, message: &str) -> (String, String) {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown field"), quoted.next()) {
        (true, Some(wrong)) => {
            let known: Vec<_> = quoted.collect();
            let near = lockgate_judge::nearest(wrong, &known);
            let base = path.strip_suffix(wrong).map_or(path, |base| base.trim_end_matches('.'));
            let path =
                if base.is_empty() || base == "." { wrong.to_owned() } else { format!("{base}.{wrong}") };
            (path, format!("there is no field `{wrong}`{near}"))
        }
        _ => (path.to_owned(), message.to_owned()),
    }
}

/// The place of a path, or of the nearest value around it.
fn place_of(document: &Document, path: &str) -> Place {
    let mut path = path;
    loop {
        if let Some(place) = document.places.get(path) {
            return *place;
        }
        match path.rfind(['.', '[']) {
            Some(at) => path = path.get(..at).unwrap_or_default(),
            None => return document.places.get("").copied().unwrap_or((1, 1)),
        }
    }
}

fn route(entries: &File, document: &Document, problems: &mut Problems<'_>) -> Option<Route> {
    let mut stages = Vec::new();
    for (index, entry) in entries.route.iter().enumerate() {
        let path = format!("route[{index}]");
        match stage(entry) {
            Ok(stage) => stages.push(stage),
            Err((field, message)) => problems.add(place_of(document, &format!("{path}.{field}")), &message),
        }
        check_gates(entry, index, &path, document, problems);
    }
    if stages.len() != entries.route.len() {
        return None;
    }
    Route::new(stages).map_err(|error| problems.add(place_of(document, "route"), &error.to_string())).ok()
}

fn check_gates(
    entry: &StageEntry,
    index: usize,
    path: &str,
    document: &Document,
    problems: &mut Problems<'_>,
) {
    if index == 0 && !entry.gates.is_empty() {
        let message = "the first stage has no gates: builds arrive there, and nothing is promoted to it";
        problems.add(place_of(document, &format!("{path}.gates")), message);
    }
    if index > 0 && entry.gates.is_empty() {
        let message = format!("the stage `{}` has no gates: name at least one under `gates`", entry.stage);
        problems.add(place_of(document, path), &message);
    }
    for (gate, settings) in &entry.gates {
        if let Err(error) = check_settings(gate, settings) {
            let at = format!("{path}.gates.{gate}");
            let dot = if error.path.is_empty() || error.path.starts_with('[') { "" } else { "." };
            problems.add(place_of(document, &format!("{at}{dot}{}", error.path)), &error.message);
        }
    }
}

/// Names of keys: each once. Those that a gate names and that are not listed must be in the keyring, which is not read
/// here; identities are nowhere else.
fn check_keys(entries: &File, document: &Document, problems: &mut Problems<'_>) -> Vec<Unlisted> {
    for (index, key) in entries.keys.iter().enumerate() {
        if entries.keys.iter().take(index).any(|other| other.name == key.name) {
            let message = format!("the key `{}` is listed twice", key.name);
            problems.add(place_of(document, &format!("keys[{index}].name")), &message);
        }
    }
    let mut unlisted = Vec::new();
    for (index, entry) in entries.route.iter().enumerate() {
        for (gate, settings) in &entry.gates {
            let members = gates::named(gate).map(|known| (known.members)(settings)).unwrap_or_default();
            for Members { path, names, are_keys } in members {
                for (at, name) in names.into_iter().enumerate() {
                    let Some(name) = name else { continue };
                    if !are_keys || !entries.keys.iter().any(|key| key.name == name) {
                        let path = format!("route[{index}].gates.{gate}.{path}[{at}]");
                        let (place, source) = problems.show(place_of(document, &path));
                        unlisted.push(Unlisted { name, place, source });
                    }
                }
            }
        }
    }
    unlisted
}

/// Addresses of feeds: each once, and over TLS unless the host is known to have none.
fn check_feeds(entries: &File, document: &Document, problems: &mut Problems<'_>) {
    let plain_http = |host: &str| entries.registries.iter().any(|one| one.host == host && one.plain_http);
    for (index, feed) in entries.feeds.iter().enumerate() {
        let mut wrong = |field: &str, message: &str| {
            problems.add(place_of(document, &format!("feeds[{index}].{field}")), message);
        };
        if let Err(message) = check_address(&feed.url, plain_http) {
            wrong("url", &message);
        }
        let before = || entries.feeds.iter().take(index);
        if before().any(|other| other.url == feed.url) {
            wrong("url", "the feed is listed twice");
        } else if before().any(|other| other.name() == feed.name()) {
            wrong("name", &format!("two feeds are called `{}`", feed.name()));
        }
    }
    if entries.feeds.len() > FEEDS {
        problems
            .add(place_of(document, "feeds"), &format!("more than {FEEDS} feeds: give files that hold more"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../starter/lockgate.yaml");

    fn problems(text: &str) -> String {
        let config = parse(text, "lockgate.yaml", Path::new("."));
        config.and_then(|config| config.check_members(&[])).unwrap_err().to_string()
    }

    #[test]
    fn the_starter_is_right() {
        let config = parse(GOOD, "lockgate.yaml", Path::new(".")).unwrap();
        assert_eq!(config.route.to_string(), "dev -> staging -> prod");
    }

    #[test]
    fn names_the_line_and_the_nearest_field() {
        for (right, wrong, expected) in [
            ("policies: policy", "polices: policy", "did you mean `policies`?"),
            ("required: 1", "requird: 1", "did you mean `required`?"),
            ("failOn: high", "failOn: hihg", "did you mean `high`?"),
            ("keys: [build]", "keys: [biuld]", "did you mean `build`?"),
            ("vulnerability:", "vulnerabilty:", "did you mean `vulnerability`?"),
            ("lockgate.dev/v1", "lockgate.dev/v2", "must be lockgate.dev/v1"),
            ("registry: oci:registry/prod", "registry: prod", "names no registry"),
        ] {
            assert!(GOOD.contains(right), "{right}");
            let text = GOOD.replacen(right, wrong, 1);
            let line = 1 + text.lines().position(|line| line.contains(wrong)).unwrap();
            let said = problems(&text);
            assert!(
                said.contains(expected) && said.contains(&format!("lockgate.yaml:{line}:")),
                "{wrong}: {said}"
            );
        }
    }

    #[test]
    fn feeds_come_over_tls() {
        let with = |feeds: &str| {
            let text = GOOD
                .replace("registries: []", "registries: [{host: \"plain:8080\", plainHttp: true}]")
                .replace("feeds: []", &format!("feeds:\n{feeds}"));
            parse(&text, "lockgate.yaml", Path::new("."))
        };
        let good = with(
            "  - url: https://example.com/all.zip\n    name: osv\n  - url: http://plain:8080/kev.json\n",
        );
        let names: Vec<_> = good.unwrap().feeds.iter().map(|feed| feed.name().to_owned()).collect();
        assert_eq!(names, ["osv", "http://plain:8080/kev.json"]);
        for (feeds, why) in [
            ("  - url: http://example.com/a\n", "over TLS only"),
            ("  - url: all.zip\n", "not an address"),
            ("  - url: https://a:b@example.com/\n", "password"),
            ("  - url: https://a/\n  - url: https://a/\n", "listed twice"),
            (
                "  - {url: \"https://a/\", name: x}\n  - {url: \"https://b/\", name: x}\n",
                "two feeds are called `x`",
            ),
            ("  - uri: https://a/\n", "did you mean `url`?"),
            ("  - name: x\n", "missing field `url`"),
        ] {
            let said = with(feeds).unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("lockgate.yaml:"), "{feeds}: {said}");
        }
        assert!(
            with(&"  - url: https://a/\n".repeat(257)).unwrap_err().to_string().contains("more than 256")
        );
    }

    #[test]
    fn gates_may_name_what_the_keyring_has() {
        let text = GOOD.replacen("keys: [build]", "keys: [release]", 1);
        let config = parse(&text, "lockgate.yaml", Path::new(".")).unwrap();
        config.check_members(&["release"]).unwrap();
        let said = config.check_members(&["releaser"]).unwrap_err().to_string();
        assert!(said.contains("did you mean `releaser`?") && said.contains("lockgate.yaml:16:"), "{said}");
        let by_role = GOOD.replace("{keys: [build], required: 1}", "{role: builder}");
        parse(&by_role, "lockgate.yaml", Path::new(".")).unwrap().check_members(&[]).unwrap();
        // Those whose word counts in the vulnerability gate, too.
        for settings in [
            "vex: {keys: [biuld]}",
            "baseline: {keys: [build, biuld]}",
            "scanners: {mode: prefer, maxAgeDays: 3, keys: [biuld]}",
            "sboms: {keys: [biuld], required: true}",
            "layerContents: {keys: [biuld]}",
        ] {
            let gate = format!("unfixed: pause, {settings}");
            let text = GOOD.replacen("unfixed: pause", &gate, 1);
            let line = 1 + text.lines().position(|line| line.contains(settings)).unwrap();
            let at = text.lines().nth(line - 1).unwrap().find("biuld").unwrap() + 1;
            let said = problems(&text);
            let place = format!("lockgate.yaml:{line}:{at}:");
            assert!(said.contains("did you mean `build`?") && said.contains(&place), "{settings}: {said}");
            let right = text.replace("biuld", "build");
            parse(&right, "lockgate.yaml", Path::new(".")).unwrap().check_members(&[]).unwrap();
        }
        let neither = GOOD.replacen("{keys: [build], required: 1}", "{required: 1}", 1);
        assert!(problems(&neither).contains("name `keys` or `identities`, or the `role`"));
    }

    #[test]
    fn refuses_what_yaml_offers_beyond_need() {
        for bad in ["a: &x 1\nb: *x\n", "a: !!int 1\n", "a: 1\na: 2\n", "a: [1\n", "--- 1\n--- 2\n", ""] {
            assert!(parse(bad, "lockgate.yaml", Path::new(".")).is_err(), "{bad}");
        }
        let first_with_gates = GOOD.replacen(
            "registry: oci:registry/dev",
            "registry: oci:registry/dev\n    gates: {policy: {}}",
            1,
        );
        assert!(problems(&first_with_gates).contains("first stage has no gates"));
    }
}
