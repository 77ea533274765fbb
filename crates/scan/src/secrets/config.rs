//! Secrets in the config of an image: whoever can pull the image can read it.

use lockgate_model::inventory::Secret;
use lockgate_model::oci::ImageConfig;

use super::find;

/// The secrets in what an image's config sets and in the commands that it was built by. Arguments of a build stand in its
/// history.
pub fn in_config(config: &ImageConfig) -> Vec<Secret> {
    let run = config.config.as_ref();
    let texts = |list: Option<&Vec<String>>| list.cloned().unwrap_or_default();
    let labels = run.and_then(|run| run.labels.as_ref());
    let commands = config.history.iter().flatten().map(|one| one.created_by.clone().unwrap_or_default());
    let mut secrets = Vec::new();
    secrets.extend(of("Env", &texts(run.and_then(|run| run.env.as_ref()))));
    secrets.extend(of("Entrypoint", &texts(run.and_then(|run| run.entrypoint.as_ref()))));
    secrets.extend(of("Cmd", &texts(run.and_then(|run| run.cmd.as_ref()))));
    secrets.extend(of(
        "Labels",
        &labels.into_iter().flatten().map(|(_, text)| text.clone()).collect::<Vec<_>>(),
    ));
    secrets.extend(of("history", &commands.collect::<Vec<_>>()));
    secrets
}

/// The secrets in one list of the config. The texts are searched as one, for an access key's id and secret are two
/// variables; the place is that of the text, and never its name, which is whatever somebody wrote.
fn of(field: &str, texts: &[String]) -> Vec<Secret> {
    let breaks = |text: &String| memchr::memchr_iter(b'\n', text.as_bytes()).count();
    let mut ends = Vec::with_capacity(texts.len());
    let mut lines = 0;
    for text in texts {
        lines += breaks(text) + 1;
        ends.push(lines);
    }
    let hits = find("", texts.join("\n").as_bytes());
    let place = |line: u32| {
        let line = line as usize;
        let at = ends.partition_point(|end| *end < line);
        let before = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
        (at, line - before.min(line))
    };
    let secrets = hits.into_iter().map(|hit| {
        let (at, line) = place(hit.line);
        Secret {
            path: format!("config.{field}[{at}]"),
            rule: hit.rule.name().to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            layer: None,
            layer_index: None,
            removed: false,
        }
    });
    secrets.collect()
}
