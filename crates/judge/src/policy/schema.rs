//! The input document of policies, field by field: one table, of which the published JSON Schema is made and against which
//! the paths that policies name are checked.

use serde_json::{Value, json};

/// What stands at a place of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// Yes or no.
    Bool,
    /// Anything: what is below is not checked.
    Open,
    /// A list of the same.
    List(&'static Shape),
    /// Names that others choose, such as labels.
    Map(&'static Shape),
    /// Exactly these fields.
    Fields(&'static [Field]),
}

/// A field of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    /// Whether it may be absent or null.
    pub(crate) optional: bool,
    /// What it is, for people.
    pub(crate) says: &'static str,
}

const fn always(name: &'static str, shape: &'static Shape, says: &'static str) -> Field {
    Field { name, shape, optional: false, says }
}

const fn maybe(name: &'static str, shape: &'static Shape, says: &'static str) -> Field {
    Field { name, shape, optional: true, says }
}

static TEXT: Shape = Shape::Text;
static NUMBER: Shape = Shape::Number;
static BOOL: Shape = Shape::Bool;
static OPEN: Shape = Shape::Open;
static OPENS: Shape = Shape::List(&OPEN);
static TEXTS: Shape = Shape::List(&TEXT);
static TEXT_MAP: Shape = Shape::Map(&TEXT);

static DISTRIBUTION: Shape = Shape::Fields(&[
    always("id", &TEXT, "`ID` of its os-release, such as `debian`"),
    always("version", &TEXT, "`VERSION_ID`, such as `12`; empty where there is none"),
    maybe("codename", &TEXT, "`VERSION_CODENAME`, such as `bookworm`"),
]);

static PACKAGE: Shape = Shape::Fields(&[
    always("name", &TEXT, "the name, normalised as the ecosystem does"),
    always("version", &TEXT, "the version as written"),
    always("ecosystem", &TEXT, "the ecosystem as OSV names it: `Debian:12`, `npm`"),
    always(
        "licenses",
        &TEXTS,
        "the licences as declared, each an SPDX expression where the declaration is one",
    ),
    always("path", &TEXT, "the file that says that the package is there"),
]);

static SECRET: Shape = Shape::Fields(&[
    always("rule", &TEXT, "the rule that found it, such as `github-token`; `not-searched` beyond a limit"),
    always("path", &TEXT, "the file; in the image's config the field, such as `config.Env[0]`"),
    always("line", &NUMBER, "the line, counted from 1; 0 where the rule is about the whole file"),
    maybe("layer", &TEXT, "the digest of the layer that has it; null for the config"),
    always(
        "removed",
        &BOOL,
        "whether a later layer removes or replaces the file: it can be pulled all the same",
    ),
]);

static SETUID: Shape = Shape::Fields(&[
    always("path", &TEXT, "the file"),
    always("mode", &TEXT, "its mode in octal digits, such as `4755`"),
    always("owner", &NUMBER, "the number of the account that owns it"),
    always("group", &NUMBER, "the number of its group"),
    always("capabilities", &TEXTS, "its capabilities, such as `cap_net_raw`"),
    always("layer", &TEXT, "the digest of the layer that made it so"),
    always(
        "package",
        &TEXT,
        "the package of the operating system that owns it; empty where none does, or where a later layer changed it",
    ),
]);

static CONFIG: Shape = Shape::Fields(&[
    always("user", &TEXT, "the account, as the config names it; empty where it names none"),
    always("runs_as_root", &BOOL, "whether that account is root's"),
    always("exposed_ports", &TEXTS, "the ports, such as `8080/tcp`"),
    always("labels", &TEXT_MAP, "the labels"),
]);

static IMAGE: Shape = Shape::Fields(&[
    always("platform", &TEXT, "the platform, such as `linux/amd64`; empty where nothing names one"),
    always("manifest", &TEXT, "the digest of its manifest"),
    always("annotations", &TEXT_MAP, "the annotations of its manifest"),
    always("config", &CONFIG, "what its config says"),
    maybe("distribution", &DISTRIBUTION, "the distribution; null where its os-release names none"),
    always("packages", &PACKAGES, "the installed packages"),
    always("secrets", &SECRETS, "secrets in its files and its config"),
    always("setuid", &SETUIDS, "executable files with a setuid or setgid bit, or with capabilities"),
]);
static SECRETS: Shape = Shape::List(&SECRET);
static SETUIDS: Shape = Shape::List(&SETUID);
static PACKAGES: Shape = Shape::List(&PACKAGE);
static IMAGES: Shape = Shape::List(&IMAGE);

static ARTIFACT: Shape = Shape::Fields(&[
    always("digest", &TEXT, "its digest"),
    always("mediaType", &TEXT, "the media type of its manifest or index"),
    always("annotations", &TEXT_MAP, "the annotations of its manifest or index"),
]);

static FINDING: Shape = Shape::Fields(&[
    always("code", &TEXT, "the stable code, such as `vulnerability.fixable`"),
    always("severity", &TEXT, "`info`, `low`, `medium`, `high`, `critical`"),
    always("effect", &TEXT, "`advise`, `pause`, `rework`"),
    always("subject", &TEXT, "what it is about"),
    always("title", &TEXT, "what is wrong"),
    always("rationale", &TEXT, "why the rule exists"),
    always("remediation", &TEXT, "the smallest change that helps"),
    always("owner", &TEXT, "who is told"),
    maybe("fixes", &OPENS, "what would fix it, as values"),
    maybe("details", &OPEN, "more, for machines; its names depend on the code"),
]);
static FINDINGS: Shape = Shape::List(&FINDING);

/// The input document.
pub(crate) static INPUT: Shape = Shape::Fields(&[
    always("as_of", &TEXT, "the instant that is judged for (RFC 3339, UTC): compare it as text"),
    always("service", &TEXT, "the service"),
    always("from", &TEXT, "the stage that it comes from"),
    always("to", &TEXT, "the stage that it is judged for"),
    always("artifact", &ARTIFACT, "the manifest or index that is judged"),
    always("images", &IMAGES, "its images, one for each platform"),
    always("findings", &FINDINGS, "what the gates before this one found"),
]);

/// JSON Schema of the input document of policies, as `docs/schemas/policy-input.json` has it.
pub fn json_schema() -> Value {
    let mut schema = object(&INPUT);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        fields.insert("title".to_owned(), "The input of Lockgate's policies".into());
    }
    schema
}

fn object(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Number => json!({"type": "integer"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Open => json!({}),
        Shape::List(of) => json!({"type": "array", "items": object(of)}),
        Shape::Map(of) => json!({"type": "object", "additionalProperties": object(of)}),
        Shape::Fields(fields) => {
            let described = |field: &Field| {
                let mut schema = object(field.shape);
                if let Some(schema) = schema.as_object_mut() {
                    schema.insert("description".to_owned(), field.says.into());
                    let kind = schema.get("type").cloned();
                    if let (true, Some(kind)) = (field.optional, kind) {
                        schema.insert("type".to_owned(), json!([kind, "null"]));
                    }
                }
                (field.name.to_owned(), schema)
            };
            let required: Vec<_> =
                fields.iter().filter(|field| !field.optional).map(|field| field.name).collect();
            let properties: serde_json::Map<_, _> = fields.iter().map(described).collect();
            json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            })
        }
    }
}
