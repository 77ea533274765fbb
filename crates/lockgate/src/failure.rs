//! What a command says when it cannot do what it was asked: the error, its causes, and the fix.

use lockgate_attest::keys::KeyError;
use lockgate_engine::EngineError;
use lockgate_engine::ledger::LedgerError;
use lockgate_model::canon::CanonError;
use lockgate_model::ports::PortError;
use lockgate_model::reference::ReferenceError;
use lockgate_model::route::RouteError;

use crate::config::ConfigError;

/// Lines of a list that are told; the rest is counted.
const TOLD: usize = 20;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A use case stopped.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The workspace file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An image is named wrongly.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A key file cannot be used.
    #[error("{file}: {source}")]
    Key {
        /// The file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// Anything else, in words.
    #[error("{what}")]
    Told {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
}

impl Failure {
    /// A failure in words.
    pub fn told(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Told { what: what.into(), help: help.into() }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "look at the path; relative ones are relative to this folder",
            std::io::ErrorKind::PermissionDenied => "look at the file's owner and mode",
            std::io::ErrorKind::StorageFull => "make room on that disk, then run the command again",
            _ => "",
        };
        Self::told(format!("{}: {error}", path.display()), help)
    }

    /// What it says, by lines: only a list has several.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.lines(),
            Self::Engine(EngineError::FeedLost(losses)) => {
                let mut lines = vec!["the new feed has less than the feed in force:".to_owned()];
                lines.extend(losses.iter().take(TOLD).map(|loss| format!("  - {loss}")));
                if losses.len() > TOLD {
                    lines.push(format!("  - and {} more", losses.len() - TOLD));
                }
                lines
            }
            other => vec![other.to_string()],
        }
    }

    /// What to do about it; empty where nothing better than the error itself can be said.
    pub fn help(&self) -> String {
        match self {
            Self::Engine(error) => error.help().unwrap_or_default(),
            Self::Told { help, .. } => help.clone(),
            Self::Config(_) | Self::Reference(_) | Self::Key { .. } => String::new(),
        }
    }
}

macro_rules! through_the_engine {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Engine(error.into())
            }
        }
    )*};
}

through_the_engine!(PortError, RouteError, LedgerError, CanonError);
