//! A page for people: one file, without scripts and without anything from elsewhere.

use super::{Subject, VERSION, Vulnerability, advice, escaped};

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--critical:#b3132b;--high:#c2410c;--medium:#a16207;--low:#4d7c0f;--info:#64748b}\
body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin-top:2rem}\
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}\
th{font-weight:600}.word{font-weight:600;white-space:nowrap}.critical{color:var(--critical)}.high{color:var(--high)}\
.medium{color:var(--medium)}.low{color:var(--low)}.info{color:var(--info)}\
.counts{display:flex;gap:1.5rem;flex-wrap:wrap;padding:0;list-style:none}.counts b{font-size:1.4rem;display:block}\
.gap{border-left:4px solid var(--critical);padding:.2rem .8rem}small{opacity:.75}";

pub(super) fn document(subject: &Subject<'_>) -> String {
    let (vulnerabilities, gaps, packages) =
        (subject.vulnerabilities(), subject.unanswered(), subject.packages());
    let name = escaped(subject.name());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n<p><code>{}</code><br>\n\
         <small>scanned at {} by Lockgate {VERSION}</small></p>\n",
        subject.scanned.artifact.digest, subject.at
    );
    page.push_str("<ul class=\"counts\">\n");
    page.push_str(&format!("<li><b>{}</b> packages</li>\n", packages.len()));
    for word in ["critical", "high", "medium", "low", "info"] {
        let count = vulnerabilities
            .iter()
            .filter(|vulnerability| vulnerability.found.severity.to_string() == word)
            .count();
        page.push_str(&format!("<li><b class=\"{word}\">{count}</b> {word}</li>\n"));
    }
    page.push_str("</ul>\n");
    if !gaps.is_empty() {
        page.push_str(
            "<h2>Not answered</h2>\n<p>Whether this image has other vulnerabilities is unknown.</p>\n",
        );
        for gap in &gaps {
            page.push_str(&format!("<p class=\"gap\" role=\"alert\">{}</p>\n", escaped(gap)));
        }
    }
    page.push_str(&asked(subject));
    page.push_str("<h2>Known vulnerabilities</h2>\n");
    if vulnerabilities.is_empty() {
        let none = if gaps.is_empty() { "None." } else { "None in what could be asked." };
        page.push_str(&format!("<p>{none}</p>\n"));
    } else {
        page.push_str(
            "<table>\n<thead><tr><th>Severity</th><th>Vulnerability</th><th>Package</th><th>What to do</th></tr></thead>\n<tbody>\n",
        );
        for vulnerability in &vulnerabilities {
            page.push_str(&row(vulnerability));
        }
        page.push_str("</tbody>\n</table>\n");
    }
    page.push_str("<h2>Packages</h2>\n<table>\n<thead><tr><th>Package</th><th>Version</th><th>Advisories asked</th><th>Licences</th><th>Where</th></tr></thead>\n<tbody>\n");
    for listed in &packages {
        let package = listed.package;
        page.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code> <small>layer {}</small></td></tr>\n",
            escaped(&package.name),
            escaped(&package.version),
            escaped(&subject.asked_of(listed).unwrap_or_default()),
            escaped(&package.licenses.join(", ")),
            escaped(&package.path),
            package.layer_index
        ));
    }
    page.push_str("</tbody>\n</table>\n</body>\n</html>\n");
    page
}

/// What was asked about the packages, and the feed.
fn asked(subject: &Subject<'_>) -> String {
    let mut text = "<h2>Advisories asked</h2>\n<table>\n<thead><tr><th>Ecosystem and release</th><th>Packages</th><th>Advisories</th><th>Source</th></tr></thead>\n<tbody>\n".to_owned();
    for one in subject.scanned.images.iter().flat_map(|image| &image.coverage) {
        let (advisories, source) = match &one.feed {
            Some(feed) => {
                let fetched = feed.origin.fetched.map_or("undated".to_owned(), |at| format!("fetched {at}"));
                (feed.advisories.to_string(), format!("{}, {fetched}", feed.origin.name))
            }
            None => ("nobody was asked".to_owned(), one.why().unwrap_or_default()),
        };
        let (ecosystem, packages) = (escaped(&one.ecosystem), one.packages);
        let (advisories, source) = (escaped(&advisories), escaped(&source));
        text.push_str(&format!(
            "<tr><td>{ecosystem}</td><td>{packages}</td><td>{advisories}</td><td>{source}</td></tr>\n"
        ));
    }
    text.push_str("</tbody>\n</table>\n");
    match &subject.scanned.feed {
        Some(feed) => text.push_str(&format!("<p><small>feed <code>{}</code></small></p>\n", feed.digest)),
        None => text.push_str("<p>There is no feed.</p>\n"),
    }
    text
}

fn row(vulnerability: &Vulnerability<'_>) -> String {
    let (found, package) = (vulnerability.found, vulnerability.package);
    let id = match &found.url {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
            format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escaped(url), escaped(&found.id))
        }
        _ => escaped(&found.id),
    };
    let score = found.cvss_tenths.map_or(String::new(), |tenths| format!(" {:.1}", super::score(tenths)));
    let exploited = if found.known_exploited { "<br><small>known to be exploited</small>" } else { "" };
    format!(
        "<tr><td class=\"word {0}\">{0}{score}{exploited}</td><td>{id}<br><small>{1}</small></td>\
         <td>{2} {3}<br><small><code>{4}</code></small></td><td>{5}</td></tr>\n",
        found.severity,
        escaped(&found.summary),
        escaped(&package.name),
        escaped(&package.version),
        escaped(&package.path),
        escaped(&advice(vulnerability))
    )
}
