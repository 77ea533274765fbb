//! What `init` writes, beside keys.

use std::path::PathBuf;

use lockgate_judge::SAMPLES;

/// The files of a new workspace, by their path in it.
pub fn files(origin: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let config =
        include_str!("lockgate.yaml").replace("https://localhost/lockgate", &format!("https://{origin}"));
    let mut files = vec![
        (PathBuf::from("lockgate.yaml"), config.into_bytes()),
        (PathBuf::from(".gitignore"), b"keys/\n.lockgate/\n".to_vec()),
    ];
    files.extend(
        SAMPLES
            .iter()
            .map(|sample| (PathBuf::from("policy").join(sample.path), sample.text.as_bytes().to_vec())),
    );
    files
}
