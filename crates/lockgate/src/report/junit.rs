//! JUnit XML (the schema of Apache Ant's `junitreport`, as Jenkins reads it): an image is a suite, a vulnerability a failed case,
//! what could not be read an error.

use super::{Subject, Vulnerability, advice, escaped, title};

pub(super) fn document(subject: &Subject<'_>) -> String {
    let (vulnerabilities, gaps) = (subject.vulnerabilities(), subject.unanswered());
    let whole = usize::from(vulnerabilities.is_empty() && gaps.is_empty());
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        vulnerabilities.len() + gaps.len() + whole,
        vulnerabilities.len(),
        gaps.len()
    );
    let name = escaped(subject.name());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{name}\" {counts} \
         time=\"0\" timestamp=\"{}\" hostname=\"localhost\" id=\"0\" package=\"lockgate\">\n    <properties>\n      <property name=\"digest\" value=\"{}\"/>\n{}    \
         </properties>\n",
        subject.at.to_string().trim_end_matches('Z'),
        subject.scanned.artifact.digest,
        subject.feed().into_iter().map(property).collect::<String>()
    );
    for vulnerability in &vulnerabilities {
        text.push_str(&case(vulnerability));
    }
    for gap in &gaps {
        let gap = escaped(gap);
        text.push_str(&format!(
            "    <testcase classname=\"unanswered\" name=\"{gap}\" time=\"0\">\n      \
             <error type=\"unanswered\" message=\"{gap}\"/>\n    </testcase>\n"
        ));
    }
    if whole == 1 {
        text.push_str("    <testcase classname=\"image\" name=\"no known vulnerabilities\" time=\"0\"/>\n");
    }
    text.push_str("    <system-out/>\n    <system-err/>\n  </testsuite>\n</testsuites>\n");
    text
}

fn property((name, value): (&str, String)) -> String {
    format!("      <property name=\"{}\" value=\"{}\"/>\n", escaped(name), escaped(&value))
}

fn case(vulnerability: &Vulnerability<'_>) -> String {
    let (found, package) = (vulnerability.found, vulnerability.package);
    format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"0\">\n      \
         <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
        escaped(&format!("{} {}", package.name, package.version)),
        escaped(&found.id),
        found.severity,
        escaped(&title(vulnerability)),
        [&advice(vulnerability), &package.path, found.url.as_deref().unwrap_or_default()]
            .map(escaped)
            .join("\n")
    )
}
