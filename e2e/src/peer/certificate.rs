use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a self-signed certificate for `name`; answers the paths of the certificate, of its key,
/// and of a file with both.
pub fn certificate(directory: &Path, name: &str) -> [PathBuf; 3] {
    let [chain, key, both] =
        ["crt", "key", "pem"].map(|ending| directory.join(format!("{name}.{ending}")));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .arg("-out")
        .arg(&chain)
        .arg("-keyout")
        .arg(&key)
        .output()
        .expect("openssl; `cargo xtask setup` gets it");
    assert!(made.status.success(), "{made:?}");
    let read = |path| fs::read(path).expect("what openssl wrote");
    fs::write(&both, [read(&chain), read(&key)].concat()).expect("a temporary directory");
    [chain, key, both]
}
