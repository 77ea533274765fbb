//! Policies to begin with: `init` writes them.

/// A policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its name in the policy folder.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The policies that `init` writes.
pub const SAMPLES: &[Sample] = &[
    Sample { path: "base-label.rego", text: include_str!("../samples/base-label.rego") },
    Sample { path: "licenses.rego", text: include_str!("../samples/licenses.rego") },
    Sample { path: "no-secrets.rego", text: include_str!("../samples/no-secrets.rego") },
    Sample { path: "not-root.rego", text: include_str!("../samples/not-root.rego") },
    Sample { path: "support-date.rego", text: include_str!("../samples/support-date.rego") },
];
