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

/// `artifact-1.0.0.jar`: the version begins at the first dash that a digit follows.
pub(super) fn of_file(file: &str) -> Option<(&str, &str)> {
    let stem = file.rsplit_once('.')?.0;
    let at = stem.match_indices('-').map(|(at, _)| at).find(|at| {
        stem.get(at + 1..).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })?;
    let (artifact, version) = (stem.get(..at)?, stem.get(at + 1..)?);
    // What comes after the version says what kind of jar it is.
    let version = ["-sources", "-javadoc", "-tests"]
        .iter()
        .find_map(|end| version.strip_suffix(end))
        .unwrap_or(version);
    (!artifact.is_empty()).then_some((artifact, version))
}

/// The library that the file's name and its manifest speak of.
pub(super) fn guess(named: Option<(&str, &str)>, manifest: &Manifest) -> Option<(String, String)> {
    let version_like =
        |value: &str| value.starts_with(|first: char| first.is_ascii_digit()) && !value.contains(' ');
    let version = || {
        manifest.first(&["Implementation-Version", "Bundle-Version", "Specification-Version"], version_like)
    };
    // A title may be prose: only a name is one.
    let name_like = |value: &str| {
        value.len() < 100 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    if let Some((artifact, version)) = named {
        return Some((artifact.to_owned(), version.to_owned()));
    }
    let titles = ["Implementation-Title", "Bundle-SymbolicName", "Bundle-Name", "Extension-Name"];
    let artifact = manifest.first(&titles, name_like)?;
    Some((artifact.rsplit('.').next()?.to_owned(), version()?.to_owned()))
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
    if let Some(symbolic) = manifest.first(&["Bundle-SymbolicName", "Automatic-Module-Name"], dotted) {
        let symbolic = symbolic.split(';').next().unwrap_or(symbolic).trim();
        let own = symbolic.strip_suffix(artifact).and_then(|rest| rest.strip_suffix('.'));
        return own
            .or_else(|| symbolic.rsplit_once('.').map(|(group, _)| group))
            .unwrap_or(symbolic)
            .to_owned();
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
const GROUPS: [(&str, &str); 40] = [
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

/// A class of each library whose vulnerabilities made history.
pub(super) const FINGERPRINTS: [(&str, &str); 6] = [
    ("org/apache/logging/log4j/core/lookup/JndiLookup", "org.apache.logging.log4j:log4j-core"),
    ("org/apache/log4j/net/JMSAppender", "log4j:log4j"),
    ("org/apache/commons/collections/functors/InvokerTransformer", "commons-collections:commons-collections"),
    ("com/fasterxml/jackson/databind/ObjectMapper", "com.fasterxml.jackson.core:jackson-databind"),
    ("com/alibaba/fastjson/JSON", "com.alibaba:fastjson"),
    ("org/yaml/snakeyaml/Yaml", "org.yaml:snakeyaml"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_manifests_name_libraries() {
        assert_eq!(of_file("log4j-core-2.14.1.jar"), Some(("log4j-core", "2.14.1")));
        assert_eq!(of_file("log4j-1.2-api-2.14.1.jar"), Some(("log4j", "1.2-api-2.14.1")));
        assert_eq!(of_file("app.jar"), None);
        let manifest = Manifest::read(
            b"Implementation-Title: zookeeper\r\nImplementation-Ver\r\n sion: 3.4.6\r\n\r\nName: x\r\n",
        );
        assert_eq!(manifest.value("Implementation-Version"), None);
        let manifest = Manifest::read(b"Implementation-Title: zookeeper\nImplementation-Version: 3.\n 4.6\n");
        assert_eq!(guess(None, &manifest), Some(("zookeeper".to_owned(), "3.4.6".to_owned())));
        assert_eq!(group("zookeeper", &manifest, &[]), "org.apache.zookeeper");
        let folders = ["org/acme/tool/a", "org/acme/tool/b"].map(str::to_owned);
        assert_eq!(group("tool", &Manifest::default(), &folders), "org.acme.tool");
    }
}
