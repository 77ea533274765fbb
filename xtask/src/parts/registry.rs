//! Registries on free loopback ports, each ended by its own pid.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::token::Issuer;
use super::{Absent, program};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);

/// How a registry asks who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// HTTPS with a private authority and Basic credentials.
    Basic,
    /// HTTP and bearer tokens from a token server on another port.
    Token,
    /// HTTP, nobody is asked.
    Nobody,
}

/// A running server.
pub struct Part {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Whether it speaks HTTP.
    pub plain_http: bool,
    /// The private certificate authority, PEM.
    pub ca: Option<PathBuf>,
    /// A folder with a docker `config.json` that has the credentials.
    pub docker_config: PathBuf,
    /// Account and password, where it asks for them.
    pub login: Option<(String, String)>,
    /// The token server's host.
    pub token_host: Option<String>,
    child: Child,
    _issuer: Option<Issuer>,
    _scratch: tempfile::TempDir,
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn told<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> Absent + '_ {
    move |error| Absent(format!("{what}: {error}"))
}

fn free_port() -> Result<u16, Absent> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(told("no free port"))?;
    Ok(listener.local_addr().map_err(told("no free port"))?.port())
}

fn listens(host: &str, child: &mut Child) -> Result<(), Absent> {
    let end = Instant::now() + START;
    while Instant::now() < end {
        if TcpStream::connect(host).is_ok() {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Absent(format!("the server on {host} ended: {status}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Absent(format!("the server on {host} does not listen")))
}

/// Debian's docker-registry: no referrers API.
pub fn docker_registry(auth: Auth) -> Result<Part, Absent> {
    let server = program("docker-registry")?;
    let scratch = tempfile::tempdir().map_err(told("no scratch folder"))?;
    let folder = scratch.path();
    let host = format!("127.0.0.1:{}", free_port()?);
    let mut yaml = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\nhttp:\n  addr: {host}\n",
        folder.join("data").display()
    );
    let (account, password) = ("ci".to_owned(), "pass-word".to_owned());
    let (mut ca, mut issuer) = (None, None);
    match auth {
        Auth::Basic => {
            ca = Some(certificates(folder)?);
            let users = htpasswd(folder, &account, &password)?;
            yaml.push_str(&format!(
                "  tls: {{certificate: {0}/server.pem, key: {0}/server.key}}\nauth:\n  htpasswd: {{realm: test, path: {1}}}\n",
                folder.display(),
                users.display()
            ));
        }
        Auth::Token => {
            let started =
                Issuer::start(folder, &account, &password).map_err(|error| Absent(error.to_string()))?;
            yaml.push_str(&format!(
                "auth:\n  token: {{realm: \"http://{}/token\", service: registry, issuer: test, rootcertbundle: {}/issuer.pem}}\n",
                started.host,
                folder.display()
            ));
            issuer = Some(started);
        }
        Auth::Nobody => {}
    }
    let config = folder.join("registry.yml");
    fs::write(&config, yaml).map_err(told("scratch"))?;
    let mut child = Command::new(server)
        .arg("serve")
        .arg(&config)
        .env_remove("AWS_CA_BUNDLE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(told("docker-registry"))?;
    listens(&host, &mut child)?;
    let docker_config = docker_config(folder, &host, &account, &password)?;
    Ok(Part {
        plain_http: auth != Auth::Basic,
        ca,
        docker_config,
        login: Some((account, password)),
        token_host: issuer.as_ref().map(|issuer| issuer.host.clone()),
        host,
        child,
        _issuer: issuer,
        _scratch: scratch,
    })
}

/// ferro-oci-server: the OCI 1.1 referrers API, HTTP, no login.
pub fn ferro() -> Result<Part, Absent> {
    let server = program("ferro-oci-server")?;
    let scratch = tempfile::tempdir().map_err(told("no scratch folder"))?;
    let host = format!("127.0.0.1:{}", free_port()?);
    let mut child = Command::new(server)
        .env("FERRO_OCI_LISTEN", &host)
        .env("FERRO_OCI_STORAGE_DIR", scratch.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(told("ferro-oci-server"))?;
    listens(&host, &mut child)?;
    Ok(Part {
        host,
        plain_http: true,
        ca: None,
        docker_config: scratch.path().to_owned(),
        login: None,
        token_host: None,
        child,
        _issuer: None,
        _scratch: scratch,
    })
}

fn htpasswd(folder: &Path, account: &str, password: &str) -> Result<PathBuf, Absent> {
    let output = Command::new(program("htpasswd")?)
        .args(["-Bbn", account, password])
        .output()
        .map_err(told("htpasswd"))?;
    let path = folder.join("htpasswd");
    fs::write(&path, output.stdout).map_err(told("scratch"))?;
    Ok(path)
}

fn docker_config(folder: &Path, host: &str, account: &str, password: &str) -> Result<PathBuf, Absent> {
    let docker = folder.join("docker");
    fs::create_dir_all(&docker).map_err(told("scratch"))?;
    let pair = data_encoding::BASE64.encode(format!("{account}:{password}").as_bytes());
    let config = serde_json::json!({"auths": {host: {"auth": pair}}});
    fs::write(docker.join("config.json"), config.to_string()).map_err(told("scratch"))?;
    Ok(docker)
}

/// A private authority and a certificate for 127.0.0.1, as files; the authority's file.
fn certificates(folder: &Path) -> Result<PathBuf, Absent> {
    let make = || -> Result<(), Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(vec![])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?
            .signed_by(&key, &ca)?;
        fs::write(folder.join("ca.pem"), ca.pem())?;
        fs::write(folder.join("ca.crt"), ca.pem())?;
        fs::write(folder.join("server.pem"), server.pem())?;
        fs::write(folder.join("server.key"), key.serialize_pem())?;
        Ok(())
    };
    make().map_err(|error| Absent(format!("certificates: {error}")))?;
    Ok(folder.join("ca.pem"))
}
