//! What names a Java library: Maven's properties, the manifest, the file, and the places of its classes.

/// What `pom.properties` says (Apache Maven Archiver, "addMavenDescriptor").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pom {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
}

impl Pom {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let value = |key: &str| {
            let lines = text.lines().filter(|line| !line.starts_with(['#', '!']));
            let found =
                lines.filter_map(|line| line.split_once(['=', ':'])).find(|(left, _)| left.trim() == key);
            found
                .map(|(_, value)| value.trim().to_owned())
                .filter(|value| !value.is_empty() && !value.contains("${"))
        };
        Some(Self { group: value("groupId")?, artifact: value("artifactId")?, version: value("version")? })
    }
}

/// Fields of a manifest that may have the library's version.
const VERSIONS: [&str; 3] = ["Implementation-Version", "Bundle-Version", "Specification-Version"];

/// Fields of a manifest that may have the library's name.
const TITLES: [&str; 4] = ["Implementation-Title", "Bundle-SymbolicName", "Bundle-Name", "Extension-Name"];

/// A name as it is compared.
fn plain(name: &str) -> String {
    name.replace('_', "-").to_lowercase()
}

/// A value without its directives: `x;singleton:=true` (OSGi Core, "Bundle-SymbolicName").
fn undirected(value: &str) -> &str {
    value.split(';').next().unwrap_or(value).trim()
}

/// The main section of a manifest (JAR File Specification, "JAR Manifest").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    fields: Vec<(String, String)>,
}

impl Manifest {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if let Some(more) = line.strip_prefix(' ') {
                if let Some((_, value)) = fields.last_mut() {
                    value.push_str(more);
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self { fields }
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty() && !value.contains("${"))
    }

    /// Whether it has this version, perhaps with more behind it.
    fn confirms(&self, version: &str) -> bool {
        let same = |field: &&str| {
            let rest = self.value(field).and_then(|value| value.strip_prefix(version));
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        };
        VERSIONS.iter().any(same)
    }

    /// The names that it gives: a title may be prose, and only a name is one.
    fn titles(&self) -> impl Iterator<Item = &str> {
        let name_like = |value: &&str| {
            value.len() < 100
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        TITLES.iter().filter_map(|title| self.value(title)).map(undirected).filter(name_like)
    }

    /// Whether it calls the library as the file is called.
    pub(super) fn is_called(&self, file: &str) -> bool {
        stem(file).is_some_and(|stem| self.titles().any(|title| plain(title) == plain(&stem)))
    }

    /// The library that it names with its version: as the file is called, else as it says first, else by the file. A file whose
    /// name has a digit after a dash is only renamed by it when it begins with that name.
    fn names(&self, stem: &str) -> Option<(String, String)> {
        let version_like =
            |value: &str| value.starts_with(|first: char| first.is_ascii_digit()) && !value.contains(' ');
        let version = self.first(&VERSIONS, version_like)?.to_owned();
        if self.titles().any(|title| plain(title) == plain(stem)) {
            return Some((stem.to_owned(), version));
        }
        let Some(named) = self.titles().next() else {
            return (!is_numbered(stem)).then(|| (stem.to_owned(), version));
        };
        // The last part; `1.3` within it is no two parts.
        let mut dots = named.match_indices('.').filter(|(at, _)| {
            named.get(at + 1..).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_alphabetic()))
        });
        let artifact = dots.next_back().and_then(|(at, _)| named.get(at + 1..)).unwrap_or(named);
        let own = !is_numbered(stem) || plain(stem).starts_with(&plain(artifact));
        own.then(|| (artifact.to_owned(), version))
    }

    /// An artifact without the part of its version that distributions put behind its name (`commons-collections3`,
    /// `log4j-1.2`), where the manifest names it so.
    fn without_version<'a>(&self, artifact: &'a str, version: &str) -> &'a str {
        let is_part = |part: &str| {
            let rest = version.strip_prefix(part).filter(|_| !part.is_empty());
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        };
        let mut named = self.titles().filter(|title| {
            let behind = plain(artifact).strip_prefix(&plain(title)).map(str::to_owned);
            behind.is_some_and(|behind| is_part(behind.strip_prefix('-').unwrap_or(&behind)))
        });
        named.next().and_then(|title| artifact.get(..title.len())).unwrap_or(artifact)
    }

    /// The first of several fields whose value passes.
    fn first<'a>(&'a self, names: &[&str], passes: impl Fn(&str) -> bool) -> Option<&'a str> {
        names.iter().filter_map(|name| self.value(name)).find(|value| passes(value))
    }

    /// The licence that OSGi bundles name, often by its address.
    pub(super) fn license(&self) -> Option<String> {
        let named = self.value("Bundle-License")?.split([';', ',']).next()?.trim().trim_matches('"');
        if named.is_empty() {
            return None;
        }
        let address =
            named.trim_start_matches("http://").trim_start_matches("https://").trim_start_matches("www.");
        let known = LICENSES.iter().find(|(known, _)| address.starts_with(known));
        Some(known.map_or(named, |(_, license)| license).to_owned())
    }
}

/// Addresses of licences, without scheme.
const LICENSES: [(&str, &str); 9] = [
    ("apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
    ("opensource.org/licenses/apache2.0", "Apache-2.0"),
    ("opensource.org/licenses/Apache-2.0", "Apache-2.0"),
    ("opensource.org/licenses/MIT", "MIT"),
    ("opensource.org/licenses/mit-license", "MIT"),
    ("eclipse.org/legal/epl-v10", "EPL-1.0"),
    ("eclipse.org/legal/epl-2.0", "EPL-2.0"),
    ("eclipse.org/org/documents/epl-v10", "EPL-1.0"),
    ("gnu.org/licenses/old-licenses/lgpl-2.1", "LGPL-2.1-only"),
];

/// What the name of an archive and its manifest speak of: artifact and version. Of `log4j-1.2-api-2.17.1.jar` the cut counts
/// whose version the manifest has, else the first that leaves a version.
pub(super) fn guess(file: &str, manifest: &Manifest) -> Option<(String, String)> {
    let stem = stem(file)?;
    let cuts = || {
        let dashes =
            stem.match_indices('-').filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)));
        let starts = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        dashes.filter(move |(artifact, version)| !artifact.is_empty() && starts(version))
    };
    let owned = |(artifact, version): (&str, &str)| {
        // A name that is all capitals is one of a system that has no others.
        let shouted = !stem.bytes().any(|byte| byte.is_ascii_lowercase());
        let artifact = manifest.without_version(artifact, version);
        let artifact = if shouted { artifact.to_lowercase() } else { artifact.to_owned() };
        (artifact, version.to_owned())
    };
    let sure = cuts().find(|(_, version)| manifest.confirms(version));
    let sure = sure.or_else(|| cuts().find(|(_, version)| is_version(version)));
    sure.map(owned).or_else(|| manifest.names(&stem)).or_else(|| cuts().next().map(owned))
}

/// A file's name without its end, and without what says which kind of archive it is.
fn stem(file: &str) -> Option<String> {
    let stem = file.rsplit_once('.')?.0;
    let kinds = ["-sources", "-javadoc", "-tests"];
    Some(kinds.iter().find_map(|kind| stem.strip_suffix(kind)).unwrap_or(stem).to_owned())
}

/// Whether a file's name has a digit after a dash, where its version may begin.
pub(super) fn is_numbered(file: &str) -> bool {
    file.as_bytes().windows(2).any(|two| matches!(two, [b'-', b'0'..=b'9']))
}

/// Whether a text that begins with a digit is a version and nothing else: numbers, and words that versions have.
fn is_version(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "alpha",
        "android",
        "beta",
        "build",
        "cr",
        "dev",
        "final",
        "ga",
        "incubating",
        "jre",
        "m",
        "pre",
        "rc",
        "release",
        "sec",
        "snapshot",
        "sp",
        "stable",
    ];
    text.split(['.', '-', '_', '+']).all(|part| {
        part.bytes().any(|byte| byte.is_ascii_digit()) || WORDS.contains(&part.to_ascii_lowercase().as_str())
    })
}

/// The group of an artifact that names none.
pub(super) fn group(artifact: &str, manifest: &Manifest, packages: &[String]) -> String {
    if let Some((_, group)) = GROUPS.iter().find(|(known, _)| *known == artifact) {
        return (*group).to_owned();
    }
    if let Some((_, group)) = GROUP_PREFIXES.iter().find(|(known, _)| artifact.starts_with(known)) {
        return (*group).to_owned();
    }
    let dotted = |value: &str| value.contains('.') && !value.contains(' ');
    if let Some(vendor) = manifest.first(&["Implementation-Vendor-Id"], dotted) {
        return vendor.to_owned();
    }
    let symbolic = ["Bundle-SymbolicName", "Automatic-Module-Name"].iter();
    let mut symbolic = symbolic.filter_map(|name| manifest.value(name)).map(undirected);
    if let Some(symbolic) = symbolic.find(|value| dotted(value)) {
        let own = symbolic.strip_suffix(artifact).and_then(|rest| rest.strip_suffix('.'));
        // The last part is the artifact's, or the name is that of the group.
        let part = symbolic.rsplit_once('.').filter(|(_, last)| artifact.ends_with(last));
        return own.or(part.map(|(group, _)| group)).unwrap_or(symbolic).to_owned();
    }
    common(packages)
}

/// The folder that all classes share, as a name; at least two parts, at most three.
fn common(packages: &[String]) -> String {
    let mut parts: Option<Vec<&str>> = None;
    for package in packages.iter().filter(|package| !package.starts_with("META-INF")) {
        let own: Vec<_> = package.split('/').collect();
        parts = Some(match parts {
            None => own,
            Some(shared) => {
                shared.iter().zip(&own).take_while(|(a, b)| a == b).map(|(part, _)| *part).collect()
            }
        });
    }
    let parts: Vec<_> = parts.unwrap_or_default().into_iter().take(3).collect();
    if parts.len() < 2 { String::new() } else { parts.join(".") }
}

/// Artifacts whose old releases name no group, with the group that advisories use.
const GROUPS: [(&str, &str); 42] = [
    ("ant", "org.apache.ant"),
    ("axis", "axis"),
    ("bcprov-jdk15on", "org.bouncycastle"),
    ("bcprov-jdk18on", "org.bouncycastle"),
    ("c3p0", "com.mchange"),
    ("commons-beanutils", "commons-beanutils"),
    ("commons-codec", "commons-codec"),
    ("commons-collections", "commons-collections"),
    ("commons-collections4", "org.apache.commons"),
    ("commons-compress", "org.apache.commons"),
    ("commons-configuration", "commons-configuration"),
    ("commons-configuration2", "org.apache.commons"),
    ("commons-fileupload", "commons-fileupload"),
    ("commons-httpclient", "commons-httpclient"),
    ("commons-io", "commons-io"),
    ("commons-jxpath", "commons-jxpath"),
    ("commons-lang", "commons-lang"),
    ("commons-lang3", "org.apache.commons"),
    ("commons-logging", "commons-logging"),
    ("commons-net", "commons-net"),
    ("commons-text", "org.apache.commons"),
    ("dom4j", "dom4j"),
    ("fastjson", "com.alibaba"),
    ("freemarker", "org.freemarker"),
    ("gson", "com.google.code.gson"),
    ("guava", "com.google.guava"),
    ("h2", "com.h2database"),
    ("hibernate-validator", "org.hibernate.validator"),
    ("httpclient", "org.apache.httpcomponents"),
    ("jdom", "org.jdom"),
    ("jsoup", "org.jsoup"),
    ("junit", "junit"),
    ("libthrift", "org.apache.thrift"),
    ("log4j", "log4j"),
    ("mysql-connector-java", "mysql"),
    ("postgresql", "org.postgresql"),
    ("protobuf-java", "com.google.protobuf"),
    ("snakeyaml", "org.yaml"),
    ("velocity", "org.apache.velocity"),
    ("xercesImpl", "xerces"),
    ("xstream", "com.thoughtworks.xstream"),
    ("zookeeper", "org.apache.zookeeper"),
];

/// The same by the beginning of the name.
const GROUP_PREFIXES: [(&str, &str); 12] = [
    ("jackson-core-asl", "org.codehaus.jackson"),
    ("jackson-mapper-asl", "org.codehaus.jackson"),
    ("jackson-dataformat-", "com.fasterxml.jackson.dataformat"),
    ("jackson-", "com.fasterxml.jackson.core"),
    ("jetty-", "org.eclipse.jetty"),
    ("log4j-", "org.apache.logging.log4j"),
    ("logback-", "ch.qos.logback"),
    ("netty-", "io.netty"),
    ("spring-boot", "org.springframework.boot"),
    ("spring-security-", "org.springframework.security"),
    ("spring-", "org.springframework"),
    ("struts2-", "org.apache.struts"),
];

/// A library whose vulnerabilities made history, by a class of it.
pub(super) struct Fingerprint {
    class: &'static str,
    /// Its name, `group:artifact`.
    pub(super) library: &'static str,
    /// Other artifacts that have the class and advisories of their own.
    forks: &'static [&'static str],
}

const fn of_class(class: &'static str, library: &'static str) -> Fingerprint {
    Fingerprint { class, library, forks: &[] }
}

const FINGERPRINTS: [Fingerprint; 6] = [
    of_class("org/apache/logging/log4j/core/lookup/JndiLookup", "org.apache.logging.log4j:log4j-core"),
    Fingerprint { class: "org/apache/log4j/net/JMSAppender", library: "log4j:log4j", forks: &["reload4j"] },
    of_class(
        "org/apache/commons/collections/functors/InvokerTransformer",
        "commons-collections:commons-collections",
    ),
    of_class("com/fasterxml/jackson/databind/ObjectMapper", "com.fasterxml.jackson.core:jackson-databind"),
    of_class("com/alibaba/fastjson/JSON", "com.alibaba:fastjson"),
    of_class("org/yaml/snakeyaml/Yaml", "org.yaml:snakeyaml"),
];

impl Fingerprint {
    /// The library that a class is of, wherever it was moved to: shading puts a folder in front.
    pub(super) fn of(class: &str) -> Option<&'static Self> {
        FINGERPRINTS.iter().find(|known| {
            let before = class.strip_suffix(known.class);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        })
    }

    /// Whether an artifact is the library, or answers for it.
    pub(super) fn is(&self, name: &str) -> bool {
        let artifact = |name: &'_ str| name.rsplit(':').next().unwrap_or_default().to_owned();
        artifact(name) == artifact(self.library) || self.forks.contains(&artifact(name).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_known_wherever_they_were_moved() {
        let of = |class: &str| Fingerprint::of(class).map(|known| known.library).unwrap_or_default();
        let lookup = "org/apache/logging/log4j/core/lookup/JndiLookup";
        for place in ["", "BOOT-INF/classes/", "shaded/"] {
            assert_eq!(of(&format!("{place}{lookup}")), "org.apache.logging.log4j:log4j-core", "{place}");
        }
        assert_eq!(of(&format!("x{lookup}")), "");
        let old = Fingerprint::of("org/apache/log4j/net/JMSAppender").unwrap();
        assert!(old.is("log4j:log4j") && old.is("ch.qos.reload4j:reload4j") && !old.is("a:b"));
    }

    #[test]
    fn files_and_manifests_name_libraries() {
        let none = Manifest::default();
        let named = |file: &str, manifest: &Manifest| {
            guess(file, manifest)
                .map(|(artifact, version)| format!("{artifact} {version}"))
                .unwrap_or_default()
        };
        for (file, expected) in [
            ("log4j-core-2.14.1.jar", "log4j-core 2.14.1"),
            ("log4j-1.2-api-2.17.1.jar", "log4j-1.2-api 2.17.1"),
            ("geronimo-annotation-1.3-spec-1.0.jar", "geronimo-annotation-1.3-spec 1.0"),
            ("geronimo-annotation_1.3_spec-1.0.jar", "geronimo-annotation_1.3_spec 1.0"),
            ("guava-31.1-jre.jar", "guava 31.1-jre"),
            ("kafka_2.12-2.4.1.jar", "kafka_2.12 2.4.1"),
            ("orc-core-1.5.5-nohive.jar", "orc-core 1.5.5-nohive"),
            ("javax.inject-2.4.0-b34.jar", "javax.inject 2.4.0-b34"),
            ("zookeeper-3.4.6-sources.jar", "zookeeper 3.4.6"),
            ("LOG4J-CORE-2.14.1.JAR", "log4j-core 2.14.1"),
            ("app.jar", ""),
            ("-1.jar", ""),
        ] {
            assert_eq!(named(file, &none), expected, "{file}");
        }
        let bridge = Manifest::read(b"Implementation-Version: 2.17.1\nSpecification-Version: 1.2\n");
        assert_eq!(named("log4j-1.2-api-2.17.1.jar", &bridge), "log4j-1.2-api 2.17.1");
        let own = Manifest::read(b"Implementation-Version: 1.1-rev-1\n");
        assert_eq!(named("jms-1.1-rev-1.jar", &own), "jms 1.1-rev-1");
        assert_eq!(named("jms-1.1-rev-1.jar", &none), "jms-1.1-rev 1");
        let odd = Manifest::read(b"Bundle-Version: 1.2.v3-api\n");
        assert_eq!(named("x-1.2.v3-api-4.jar", &odd), "x-1.2.v3-api 4");
        let text = b"Bundle-SymbolicName: org.apache.geronimo.specs.geronimo-annotation_1.3_spec;\n  singleton:=true\nBundle-Version: 1.0\n";
        let spec = Manifest::read(text);
        assert_eq!(named("geronimo-annotation-1.3-spec.jar", &spec), "geronimo-annotation_1.3_spec 1.0");
        assert_eq!(named("annotation.jar", &spec), "geronimo-annotation_1.3_spec 1.0");
        assert_eq!(named("other-1-x.jar", &spec), "other 1-x");
        assert_eq!(group("geronimo-annotation_1.3_spec", &spec, &[]), "org.apache.geronimo.specs");
        let manifest = Manifest::read(
            b"Implementation-Title: zookeeper\r\nImplementation-Ver\r\n sion: 3.4.6\r\n\r\nName: x\r\n",
        );
        assert_eq!(manifest.value("Implementation-Version"), None);
        let manifest = Manifest::read(b"Implementation-Title: zookeeper\nImplementation-Version: 3.\n 4.6\n");
        assert_eq!(named("x.jar", &manifest), "zookeeper 3.4.6");
        assert_eq!(group("zookeeper", &manifest, &[]), "org.apache.zookeeper");
        let guice = Manifest::read(
            b"Bundle-Name: guice\nBundle-SymbolicName: com.google.inject\nBundle-Version: 4.2.3\n",
        );
        assert_eq!(named("guice.jar", &guice), "guice 4.2.3");
        assert_eq!(named("other.jar", &guice), "inject 4.2.3");
        assert_eq!(group("guice", &guice, &[]), "com.google.inject");
        let servlet =
            Manifest::read(b"Bundle-SymbolicName: com.google.inject.servlet\nBundle-Version: 4.2.3\n");
        assert_eq!(group("guice-servlet", &servlet, &[]), "com.google.inject");
        let old = Manifest::read(b"Extension-Name: commons-collections\nImplementation-Version: 3.2.2\n");
        assert_eq!(named("commons-collections3-3.2.2.jar", &old), "commons-collections 3.2.2");
        assert_eq!(named("commons-collections3-3.2.2.jar", &none), "commons-collections3 3.2.2");
        assert_eq!(named("commons-collections4-3.2.2.jar", &old), "commons-collections4 3.2.2");
        assert_eq!(named("commons-collections-x-3.2.2.jar", &old), "commons-collections-x 3.2.2");
        let log4j = Manifest::read(b"Implementation-Title: log4j\nImplementation-Version: 1.2.17\n");
        assert_eq!(named("log4j-1.2-1.2.17.jar", &log4j), "log4j 1.2.17");
        let prose = Manifest::read(
            b"Implementation-Title: Apache Tomcat Bootstrap\nImplementation-Version: 10.1.60\n",
        );
        assert_eq!(named("bootstrap.jar", &prose), "bootstrap 10.1.60");
        assert_eq!(named("bootstrap-1.jar", &prose), "bootstrap 1");
        let folders = ["org/acme/tool/a", "org/acme/tool/b"].map(str::to_owned);
        assert_eq!(group("tool", &Manifest::default(), &folders), "org.acme.tool");
    }
}
