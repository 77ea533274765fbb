//! Commands as people type them, against what was printed before: the files of `tests/transcripts`. `LOCKGATE_BLESS=1` writes
//! what is printed now.

use std::path::PathBuf;

use super::Ran;

/// Plays the commands of a transcript in order, each a line that begins with `$`, and holds what they print now against
/// what it has.
pub fn hold(name: &str, mut play: impl FnMut(&str) -> Ran) {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(format!("{name}.txt"));
    let expected = std::fs::read_to_string(&file).unwrap();
    let mut played = String::new();
    for line in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let ran = play(line);
        played += &format!("$ {line}\n{}{}[{}]\n\n", ran.out, ran.err, ran.code);
    }
    if std::env::var_os("LOCKGATE_BLESS").is_some() {
        std::fs::write(&file, &played).unwrap();
    }
    for (number, (now, before)) in (1..).zip(played.lines().zip(expected.lines())) {
        assert_eq!(now, before, "{name}.txt, line {number}");
    }
    assert_eq!(played.lines().count(), expected.lines().count());
}

/// Without what differs from run to run: digests, instants of today, and the width that columns have by them.
pub fn plain(text: &str) -> String {
    let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
                let hex = core.strip_prefix("sha256:").unwrap_or(core);
                let now = core.len() == 20
                    && core.starts_with("202")
                    && core.ends_with('Z')
                    && !core.contains("2020-");
                if hex.len() >= 12 && hex.chars().all(digit) {
                    word.replace(core, "DIGEST")
                } else if now {
                    word.replace(core, "NOW")
                } else {
                    word.to_owned()
                }
            })
            .collect();
        out += words.join(" ").trim_end();
        out.push('\n');
    }
    out
}
