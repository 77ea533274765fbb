//! A small token server (distribution, "Token Authentication Specification"): ES256 tokens whose header carries the
//! certificate that the registry trusts.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

/// The server; its thread ends with the process.
pub(super) struct Issuer {
    pub(super) host: String,
}

struct Secrets {
    key: EcdsaKeyPair,
    certificate: String,
    authorization: String,
}

impl Issuer {
    /// Starts it; the certificate that the registry must trust goes to `issuer.pem`.
    pub(super) fn start(folder: &Path, account: &str, password: &str) -> Result<Self, Box<dyn Error>> {
        let pair = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["issuer".to_owned()])?.self_signed(&pair)?;
        fs::write(folder.join("issuer.pem"), certificate.pem())?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der())
            .map_err(|error| error.to_string())?;
        let login = BASE64.encode(format!("{account}:{password}").as_bytes());
        let secrets = Secrets {
            key,
            certificate: BASE64.encode(certificate.der()),
            authorization: format!("Basic {login}"),
        };
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let host = listener.local_addr()?.to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is no concern of the next one.
                let _answered = answer(stream, &secrets);
            }
        });
        Ok(Self { host })
    }
}

fn answer(mut stream: TcpStream, secrets: &Secrets) -> Result<(), Box<dyn Error>> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut known) = (String::new(), false);
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':') {
            known |= name.eq_ignore_ascii_case("authorization") && value.trim() == secrets.authorization;
        }
        line.clear();
    }
    let (status, body) = if known {
        ("200 OK", json!({"token": token(&request, secrets)?}).to_string())
    } else {
        ("401 Unauthorized", "{}".to_owned())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}

/// A token for the scopes that the request line asks for.
fn token(request: &str, secrets: &Secrets) -> Result<String, Box<dyn Error>> {
    let query =
        request.split(' ').nth(1).and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
    let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    let access: Vec<_> = scopes
        .map(|scope| {
            let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
            let mut parts = scope.splitn(3, ':').map(str::to_owned);
            let (kind, name, actions) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
            json!({"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()})
        })
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [secrets.certificate]});
    let claims = json!({
        "iss": "test", "sub": "ci", "aud": "registry", "jti": now.to_string(),
        "iat": now - 10, "nbf": now - 10, "exp": now + 300,
        "access": access,
    });
    let encode = |value: &serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = secrets
        .key
        .sign(&SystemRandom::new(), signed.as_bytes())
        .map_err(|_| "the token cannot be signed")?;
    Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref())))
}
