//! Identity tokens (OpenID Connect Core, section 2; RFC 7519).

use data_encoding::BASE64URL_NOPAD;
use lockgate_model::{Timestamp, json};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::KeylessError;
use crate::limits;

/// An identity token, as far as its holder needs it. Whether its issuer signed it is for the certificate authority to judge.
pub struct IdentityToken {
    text: Zeroizing<String>,
    issuer: String,
    subject: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    exp: i64,
}

fn wrong(why: impl Into<String>) -> KeylessError {
    KeylessError::Token(why.into())
}

impl IdentityToken {
    /// Reads a token that is to be used at `at`; white space around it does not count.
    pub fn read(bytes: &[u8], at: Timestamp) -> Result<Self, KeylessError> {
        if bytes.len() > limits::IDENTITY_TOKEN_BYTES {
            let most = limits::IDENTITY_TOKEN_BYTES;
            return Err(wrong(format!("has {} bytes; at most {most} are read", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not text"))?.trim();
        let parts: Vec<_> = text.split('.').collect();
        let &[_, claims, _] = parts.as_slice() else {
            return Err(wrong("is not a JSON Web Token: three parts with dots between are needed"));
        };
        let of_a_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok().filter(|_| text.bytes().all(of_a_token));
        let claims = claims.ok_or_else(|| wrong("is not a JSON Web Token: its parts are not base64"))?;
        let claims: Claims = json::from_slice(&claims, limits::IDENTITY_TOKEN_BYTES)
            .map_err(|error| wrong(format!("says nothing that is read: {error}")))?;
        if claims.exp <= at.unix() {
            return Err(wrong(format!("expired at {}: get a new one", Timestamp::from_unix(claims.exp))));
        }
        let (issuer, subject) = (claims.iss.clone(), subject(claims)?);
        Ok(Self { text: Zeroizing::new(text.to_owned()), issuer, subject })
    }

    /// The token itself: whoever has it can get certificates in its holder's name.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who issued it, as it says.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For whom it was issued, as it says: what is signed to prove that one has the key.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// The mail address where there is one, as Sigstore's clients have it, else the subject.
fn subject(claims: Claims) -> Result<String, KeylessError> {
    match claims.email.filter(|email| !email.is_empty()) {
        Some(email) if [Value::Bool(true), Value::from("true")].contains(&claims.email_verified) => Ok(email),
        Some(_) => Err(wrong("names a mail address that its issuer has not verified")),
        None => claims.sub.filter(|sub| !sub.is_empty()).ok_or_else(|| wrong("names nobody")),
    }
}

impl std::fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdentityToken({} by {})", self.subject, self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Result<IdentityToken, KeylessError> {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let text = format!("{}.{}.{}\n", part("{}"), part(&claims.to_string()), part("signature"));
        IdentityToken::read(text.as_bytes(), Timestamp::from_unix(1000))
    }

    fn why(claims: &Value) -> String {
        read(claims).unwrap_err().to_string()
    }

    #[test]
    fn says_for_whom_it_is() {
        let token = read(&json!({"iss": "i", "sub": "s", "exp": 1001})).unwrap();
        assert_eq!((token.issuer(), token.subject()), ("i", "s"));
        assert!(!token.text().ends_with('\n'));
        assert_eq!(format!("{token:?}"), "IdentityToken(s by i)");
        for verified in [json!(true), json!("true")] {
            let token =
                json!({"iss": "i", "sub": "s", "email": "e", "email_verified": verified, "exp": 1001});
            assert_eq!(read(&token).unwrap().subject(), "e");
        }
    }

    #[test]
    fn tokens_that_are_none() {
        assert!(why(&json!({"iss": "i", "sub": "s", "exp": 1000})).contains("expired"));
        assert!(why(&json!({"iss": "i", "sub": "", "exp": 1001})).contains("nobody"));
        assert!(why(&json!({"iss": "i", "sub": "s"})).contains("exp"));
        assert!(why(&json!({"sub": "s", "exp": 1001})).contains("iss"));
        for verified in [json!(false), json!(null), json!("false"), json!(1)] {
            let token =
                json!({"iss": "i", "sub": "s", "email": "e", "email_verified": verified, "exp": 1001});
            assert!(why(&token).contains("not verified"));
        }
        let read = |text: &str| IdentityToken::read(text.as_bytes(), Timestamp::from_unix(0)).map(|_| ());
        for text in ["", "a.b", "a.b.c.d", "a.?.c", "a.e30.\nc", "a.e30.c\"", "e30.e30.e30"] {
            assert!(matches!(read(text), Err(KeylessError::Token(_))), "{text}");
        }
        assert!(
            read(&"a".repeat(limits::IDENTITY_TOKEN_BYTES + 1)).unwrap_err().to_string().contains("at most")
        );
    }
}
