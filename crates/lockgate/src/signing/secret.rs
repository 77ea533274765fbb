//! Passwords, PINs and tokens: named by the place where they are, for what stands on a command line can be read by everyone on
//! the machine, and is kept in histories.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::printable::printable;
use crate::session::{Surroundings, read_file};

/// Longest secret, in bytes.
const SECRET_BYTES: usize = 64 << 10;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// In an environment variable.
    Variable(String),
    /// In a file; a line break at its end is no part of it.
    File(PathBuf),
    /// It is asked for on the terminal.
    Prompt,
}

impl Secret {
    /// Reads `env:NAME`, `file:PATH` or `prompt`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            None if text == "prompt" => Ok(Self::Prompt),
            // The text is not repeated: it may be the secret itself.
            _ => Err("say where it is, not what it is: env:NAME, file:PATH or prompt".to_owned()),
        }
    }

    /// The same, and a path alone. What looks like a token is refused.
    pub fn parse_file(text: &str) -> Result<Self, String> {
        if text.starts_with("ey") && text.matches('.').count() == 2 {
            return Err(
                "this is a token, which others on this machine can read here: give a file, or env:NAME"
                    .to_owned(),
            );
        }
        Self::parse(text).or_else(|_| Ok(Self::File(text.into())))
    }

    /// The secret; `prompt` asks for it. An empty one is refused.
    pub fn read(&self, around: &Surroundings, prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let secret = Zeroizing::new(self.bytes(around, prompt)?);
        let place = self.place();
        if secret.is_empty() {
            return Err(Failure::told(
                format!("{place} is empty"),
                "put the secret there, or name another place",
            ));
        }
        if secret.len() > SECRET_BYTES {
            return Err(Failure::told(
                format!("{place}: more than {SECRET_BYTES} bytes"),
                "name another place",
            ));
        }
        Ok(secret)
    }

    fn bytes(&self, around: &Surroundings, prompt: &str) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Variable(name) => around.variable(name).map(String::into_bytes).ok_or_else(|| {
                Failure::told(format!("{} is not set", self.place()), "set it, or name another place")
            }),
            Self::File(path) => {
                let mut bytes = read_file(path)?;
                for end in [b'\n', b'\r'] {
                    if bytes.last() == Some(&end) {
                        bytes.pop();
                    }
                }
                Ok(bytes)
            }
            Self::Prompt => {
                rpassword::prompt_password(printable(prompt)).map(String::into_bytes).map_err(|error| {
                    Failure::told(
                        format!("there is no terminal to ask on: {error}"),
                        "name the place with env:NAME or file:PATH",
                    )
                })
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Variable(name) => format!("the variable {name}"),
            Self::File(path) => path.display().to_string(),
            Self::Prompt => "what was typed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_nothing_else() {
        assert_eq!(Secret::parse("env:A"), Ok(Secret::Variable("A".to_owned())));
        assert_eq!(Secret::parse("file:/a:b"), Ok(Secret::File("/a:b".into())));
        assert_eq!(Secret::parse("prompt"), Ok(Secret::Prompt));
        for wrong in ["", "env:", "file:", "hunter2", "pass:hunter2", "prompt:x", "Env:A"] {
            assert!(Secret::parse(wrong).is_err_and(|why| !why.contains("hunter2")), "{wrong}");
        }
    }
}
