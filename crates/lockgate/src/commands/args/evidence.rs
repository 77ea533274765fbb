//! The arguments of `evidence`.

use clap::Subcommand;
use lockgate_model::Digest;

/// `evidence`
#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// List what is attached to an image, and what was seen of it before and is gone
    List {
        /// The image: HOST/NAME:TAG, HOST/NAME@DIGEST, oci:PATH:TAG or oci:PATH@DIGEST
        image: String,
    },
    /// Record that evidence, which was seen and is gone, may be gone
    Forget {
        /// The manifest that carried it, as the finding names it: sha256:...
        digest: Digest,
        /// Why it may be gone. The ledger keeps it, with your name.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
