//! Control files (deb-control(5), RFC 822 style): what dpkg and Python write.

/// The paragraphs of a control file: field names and their values, the value of a field over several lines with its
/// line breaks.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = Vec<(&str, String)>> {
    text.split("\n\n").map(paragraph).filter(|fields| !fields.is_empty())
}

/// The fields of one paragraph; it ends at the first empty line.
pub(super) fn paragraph(text: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in text.lines().skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name, value.trim().to_owned()));
        }
    }
    fields
}

/// A field's value; the empty text where there is none.
pub(super) fn field<'a>(fields: &'a [(&str, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}
