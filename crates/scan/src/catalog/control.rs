//! Control files (deb-control(5), RFC 822 style): what dpkg, opkg, R and Python write.

/// The paragraphs of a control file: field names and their values, the value of a field over several lines with its
/// line breaks. Lines of blanks part paragraphs as empty ones do (Debian Policy, 5.1). A paragraph whose lines are not
/// fields has none.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = Vec<(&str, String)>> {
    let blank = |line: &&str| line.trim().is_empty();
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let first = lines.by_ref().find(|line| !blank(line))?;
        Some(fields(std::iter::once(first).chain(lines.by_ref().take_while(|line| !blank(line)))))
    })
}

/// The fields of one paragraph; it ends at the first empty line.
pub(super) fn paragraph(text: &str) -> Vec<(&str, String)> {
    fields(text.lines().skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()))
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(&'a str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in lines {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim_end(), value.trim().to_owned()));
        }
    }
    fields
}

/// A field's value; the empty text where there is none.
pub(super) fn field<'a>(fields: &'a [(&str, String)], name: &str) -> &'a str {
    every(fields, name).next().unwrap_or_default()
}

/// The values of a field that may be given more than once.
pub(super) fn every<'a>(fields: &'a [(&str, String)], name: &str) -> impl Iterator<Item = &'a str> {
    fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The first of `names` that is given more than once: dpkg refuses such a paragraph, and readers take one or the other.
pub(super) fn given_twice<'n>(fields: &[(&str, String)], names: &[&'n str]) -> Option<&'n str> {
    names.iter().copied().find(|name| every(fields, name).nth(1).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_parted_by_blank_lines_of_any_kind() {
        let text = "\r\nA: 1\r\n more\r\nB : 2\r\n\r\nnot a field\n \t\nA: 3\na: 4\n";
        let read: Vec<_> = paragraphs(text).collect();
        assert_eq!(read.len(), 3);
        assert_eq!((field(&read[0], "a"), field(&read[0], "B")), ("1\nmore", "2"));
        assert!(read[1].is_empty());
        assert_eq!(given_twice(&read[2], &["B", "A"]), Some("A"));
        assert_eq!(given_twice(&read[0], &["B", "A"]), None);
    }
}
