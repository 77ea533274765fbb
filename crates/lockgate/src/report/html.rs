//! A page for people: one file, without scripts and without anything from elsewhere. What is shown is filtered by its
//! style sheet alone.

use super::plan::{Group, Planned, Step};
use super::{Subject, VERSION, Vulnerability, advice, escaped, percent, score};
use crate::printable::one_line;
use crate::show::noted;

/// Nothing is loaded and nothing runs (Content Security Policy Level 3), whatever text is in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--critical:#b3132b;--high:#c2410c;--medium:#a16207;--low:#4d7c0f;--info:#64748b}\
@media(prefers-color-scheme:dark){:root{--critical:#ff6b81;--high:#fb923c;--medium:#facc15;--low:#a3e635;--info:#94a3b8}}\
body{font:15px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin-top:2rem}\
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}\
th{font-weight:600}.word,.number{white-space:nowrap}.word{font-weight:600}.number{text-align:right}\
.critical,.malicious,.kev{color:var(--critical)}.high{color:var(--high)}.medium{color:var(--medium)}.low{color:var(--low)}\
.info,.unrated{color:var(--info)}.kev{border:1px solid;border-radius:.3rem;padding:0 .3rem;font-size:.8rem;font-weight:600}\
.counts,fieldset{display:flex;gap:.3rem 1.5rem;flex-wrap:wrap;padding:0;list-style:none}.counts b{font-size:1.4rem;display:block}\
fieldset{border:0;margin:0 0 .5rem}legend{float:left;font-weight:600;margin-right:.5rem}\
.gap{border-left:4px solid var(--critical);padding:.2rem .8rem}small{opacity:.75}summary{cursor:pointer}";

pub(super) fn document(subject: &Subject<'_>) -> String {
    let (vulnerabilities, gaps) = (subject.vulnerabilities(), subject.unanswered());
    let name = escaped(subject.name());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n\
         <style>{STYLE}{}</style>\n</head>\n<body>\n<h1>{name}</h1>\n<p><code>{}</code><br>\n\
         <small>scanned at {} by Lockgate {VERSION}</small></p>\n",
        filters(),
        subject.scanned.artifact.digest,
        subject.at
    );
    page.push_str(&counts(subject, &vulnerabilities));
    if !gaps.is_empty() {
        page.push_str(
            "<h2>Not answered</h2>\n<p>Whether this image has other vulnerabilities is unknown.</p>\n",
        );
        for gap in &gaps {
            page.push_str(&format!("<p class=\"gap\" role=\"alert\">{}</p>\n", escaped(gap)));
        }
    }
    page.push_str(&plan(subject, &vulnerabilities));
    page.push_str("<h2>Known vulnerabilities</h2>\n");
    if vulnerabilities.is_empty() {
        let none = if gaps.is_empty() { "None." } else { "None in what could be asked." };
        page.push_str(&format!("<p>{none}</p>\n"));
    } else {
        page.push_str(&boxes(&vulnerabilities));
        page.push_str(&table(
            "vulnerabilities",
            &["Severity", "KEV", "EPSS", "Vulnerability", "Package", "What to do"],
        ));
        for vulnerability in &vulnerabilities {
            page.push_str(&row(vulnerability));
        }
        page.push_str("</tbody>\n</table>\n");
    }
    page.push_str(&noted(subject));
    page.push_str(&asked(subject));
    page.push_str(&packages(subject));
    page.push_str("</body>\n</html>\n");
    page
}

/// A table's beginning.
fn table(class: &str, heads: &[&str]) -> String {
    let heads = heads.join("</th><th scope=\"col\">");
    format!("<table class=\"{class}\">\n<thead><tr><th scope=\"col\">{heads}</th></tr></thead>\n<tbody>\n")
}

/// Hides rows by the boxes above the table (Selectors Level 4, `:has()`).
fn filters() -> String {
    let hidden = "{display:none}";
    let words =
        Vulnerability::WORDS.map(|word| format!("body:has(#show-{word}:not(:checked)) tr.is-{word}{hidden}"));
    let only =
        ["kev", "fixed"].map(|what| format!("body:has(#only-{what}:checked) tr.row:not(.is-{what}){hidden}"));
    words.concat() + &only.concat()
}

/// The boxes: one for each word that a row has, and those that leave what matters most.
fn boxes(vulnerabilities: &[Vulnerability<'_>]) -> String {
    let mut boxes = "<fieldset><legend>Show</legend>\n".to_owned();
    for word in Vulnerability::WORDS
        .iter()
        .filter(|one| vulnerabilities.iter().any(|vulnerability| vulnerability.word() == **one))
    {
        boxes.push_str(&format!(
            "<label class=\"{word}\"><input type=\"checkbox\" id=\"show-{word}\" checked> {word}</label>\n"
        ));
    }
    for (what, text) in [("kev", "known to be exploited only"), ("fixed", "with a fix only")] {
        boxes.push_str(&format!("<label><input type=\"checkbox\" id=\"only-{what}\"> {text}</label>\n"));
    }
    boxes + "</fieldset>\n"
}

/// How many packages there are, and how many vulnerabilities of each severity.
fn counts(subject: &Subject<'_>, vulnerabilities: &[Vulnerability<'_>]) -> String {
    let mut counts =
        format!("<ul class=\"counts\">\n<li><b>{}</b> packages</li>\n", subject.packages().len());
    for one in Vulnerability::WORDS {
        let count = vulnerabilities.iter().filter(|vulnerability| vulnerability.word() == one).count();
        if count > 0 || matches!(one, "critical" | "high" | "medium" | "low") {
            counts.push_str(&format!("<li><b class=\"{one}\">{count}</b> {one}</li>\n"));
        }
    }
    let exploited =
        vulnerabilities.iter().filter(|vulnerability| vulnerability.found.known_exploited).count();
    let fixed = vulnerabilities.iter().filter(|vulnerability| vulnerability.found.fixed.is_some()).count();
    counts.push_str(&format!(
        "<li><b>{exploited}</b> known to be exploited</li>\n<li><b>{fixed}</b> with a fix</li>\n"
    ));
    counts + "</ul>\n"
}

/// The upgrade plan of each image: what to do first, and what it clears.
fn plan(subject: &Subject<'_>, vulnerabilities: &[Vulnerability<'_>]) -> String {
    let mut text = String::new();
    for (at, image, _) in subject.inventories() {
        let of_image: Vec<_> = vulnerabilities.iter().filter(|one| one.image == at).collect();
        let planned = image.plan.as_ref().and_then(|plan| Planned::of(plan, &of_image));
        let Some(planned) = planned else { continue };
        let of =
            if subject.scanned.images.len() > 1 { format!("{}: ", image.platform) } else { String::new() };
        text.push_str(&format!("<p>{}{}.</p>\n", escaped(&of), planned.total()));
        text.push_str(&table("plan", &["Severity", "Package", "Installed", "Upgrade to", "Clears"]));
        planned.groups.iter().for_each(|group| text.push_str(&group_rows(group)));
        text.push_str("</tbody>\n</table>\n");
    }
    if text.is_empty() { text } else { format!("<h2>Upgrade plan</h2>\n{text}") }
}

/// The rows of one layer and owner.
fn group_rows(group: &Group<'_>) -> String {
    let mut text = format!("<tr><th colspan=\"5\" scope=\"rowgroup\">{}</th></tr>\n", escaped(&group.title));
    group.steps.iter().for_each(|step| text.push_str(&step_row(step)));
    if !group.unfixed.is_empty() {
        let unfixed = escaped(&group.unfixed);
        text.push_str(&format!("<tr><td colspan=\"5\"><small>without a fix: {unfixed}</small></td></tr>\n"));
    }
    text
}

fn step_row(step: &Step<'_>) -> String {
    let word = step.worst.map_or("", Vulnerability::word);
    let exploited = step.worst.is_some_and(|worst| worst.found.known_exploited);
    let kev = if exploited { " <span class=\"kev\">KEV</span>" } else { "" };
    let [versions, clears]: [Vec<String>; 2] = [
        step.targets.iter().map(|(version, _)| escaped(version)).collect(),
        step.targets.iter().map(|(_, clears)| escaped(clears)).collect(),
    ];
    format!(
        "<tr><td class=\"word {word}\">{word}{kev}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escaped(&step.packages),
        escaped(step.installed),
        versions.join("<br>or "),
        clears.join("<br>")
    )
}

/// Secrets and setuid files, where there are any.
fn noted(subject: &Subject<'_>) -> String {
    let inventories = || subject.scanned.images.iter().filter_map(|image| image.inventory.as_ref());
    let mut text = String::new();
    let secrets: Vec<_> = inventories().flat_map(|inventory| &inventory.secrets).collect();
    if !secrets.is_empty() {
        text.push_str("<h2>Secrets</h2>\n<p>Whoever can pull the image can read them: rotate them.</p>\n");
        text.push_str(&table("secrets", &["Rule", "Layer", "Line", "File"]));
        for secret in secrets {
            text.push_str(&format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
                escaped(&secret.rule),
                noted::layer(secret),
                secret.line,
                escaped(&noted::file(secret))
            ));
        }
        text.push_str("</tbody>\n</table>\n");
    }
    let files: Vec<_> = inventories().flat_map(|inventory| &inventory.setuid).collect();
    if files.is_empty() {
        return text;
    }
    text.push_str(&format!("<h2>Setuid files</h2>\n<details>\n<summary>{} files</summary>\n", files.len()));
    text.push_str(&table("setuid", &["Mode", "Owner", "Capabilities", "Package", "Layer", "File"]));
    for file in files {
        text.push_str(&format!(
            "<tr><td>{}</td><td>{}:{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
            escaped(&file.mode),
            file.owner,
            file.group,
            escaped(&file.capabilities.join(", ")),
            escaped(&file.package),
            file.layer_index,
            escaped(&file.path)
        ));
    }
    text + "</tbody>\n</table>\n</details>\n"
}

/// What was asked about the packages, and the feed.
fn asked(subject: &Subject<'_>) -> String {
    let mut text = "<h2>Advisories asked</h2>\n".to_owned();
    text.push_str(&table("asked", &["Ecosystem and release", "Packages", "Advisories", "Source"]));
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

/// All packages; the reader opens the list.
fn packages(subject: &Subject<'_>) -> String {
    let packages = subject.packages();
    let mut text = format!("<h2>Packages</h2>\n<details>\n<summary>{} packages</summary>\n", packages.len());
    text.push_str(&table("packages", &["Package", "Version", "Advisories asked", "Licences", "Where"]));
    for listed in &packages {
        let package = listed.package;
        text.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code> <small>layer {}</small></td></tr>\n",
            escaped(&package.name),
            escaped(&package.version),
            escaped(&subject.asked_of(listed).unwrap_or_default()),
            escaped(&package.licenses.join(", ")),
            escaped(&package.path),
            package.layer_index
        ));
    }
    text + "</tbody>\n</table>\n</details>\n"
}

fn row(vulnerability: &Vulnerability<'_>) -> String {
    let (found, package, word) = (vulnerability.found, vulnerability.package, vulnerability.word());
    let id = match &found.url {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
            format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escaped(url), escaped(&found.id))
        }
        _ => escaped(&found.id),
    };
    let scored = found.cvss_tenths.map_or(String::new(), |tenths| format!(" {:.1}", score(tenths)));
    let (is_kev, kev) =
        if found.known_exploited { (" is-kev", "<span class=\"kev\">KEV</span>") } else { ("", "") };
    let is_fixed = if found.fixed.is_some() { " is-fixed" } else { "" };
    format!(
        "<tr class=\"row is-{word}{is_kev}{is_fixed}\"><td class=\"word {word}\">{word}{scored}</td><td>{kev}</td>\
         <td class=\"number\">{}</td><td>{id}<br><small>{}</small></td>\
         <td>{} {}<br><small><code>{}</code> layer {}</small></td><td>{}</td></tr>\n",
        found.epss_ppm.map_or(String::new(), percent).replace('<', "&lt;"),
        escaped(&one_line(&found.summary)),
        escaped(&package.name),
        escaped(&package.version),
        escaped(&package.path),
        package.layer_index,
        escaped(&advice(vulnerability))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_text() {
        let (packages, installed) = ("<a>".to_owned(), "<b>");
        let targets = vec![("<i>", "<u>".to_owned()), ("2", String::new())];
        let row = step_row(&Step { worst: None, packages, cleared: 1, installed, targets });
        assert!(!["<a>", "<b>", "<i>", "<u>"].iter().any(|tag| row.contains(tag)), "{row}");
        assert!(row.contains("<td>&lt;i&gt;<br>or 2</td>"), "{row}");
    }
}
