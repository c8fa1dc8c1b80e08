//! SSLKEYLOGFILE: secrets of sessions for those who must look inside, such as with Wireshark
//! (draft-ietf-tls-keylogfile).

#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::{File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::KeyLog;

/// The environment variable that names the file.
const VARIABLE: &str = "SSLKEYLOGFILE";

/// The key log of the process, which all sessions in both roles share. Opens no file yet.
pub(super) fn shared() -> Arc<dyn KeyLog> {
    secrets()
}

/// As [`shared`], for TLS and for DTLS.
pub(super) fn secrets() -> Arc<Secrets> {
    static SHARED: OnceLock<Arc<Secrets>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Arc::new(Secrets::new(std::env::var_os(VARIABLE))));
    Arc::clone(shared)
}

/// Says in the event log that there is a key log, when there is one.
pub(crate) fn announce() {
    if shared().will_log("CLIENT_RANDOM") {
        tracing::warn!("{VARIABLE} is set: who reads that file can decrypt every session");
    }
}

/// Writes secrets to a file.
#[derive(Debug)]
pub(super) struct Secrets {
    path: Option<PathBuf>,
    /// `None`: it cannot be opened.
    file: OnceLock<Option<File>>,
    /// Whether something could not be written.
    has_failed: AtomicBool,
}

impl Secrets {
    fn new(path: Option<OsString>) -> Self {
        Self {
            path: path.filter(|path| !path.is_empty()).map(PathBuf::from),
            file: OnceLock::new(),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Opened at the first use, so that a check of the configuration makes no file.
    fn file(&self) -> Option<&File> {
        let path = self.path.as_ref()?;
        let open = || {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600);
            // A pipe that nobody reads would keep us here for ever.
            options.custom_flags(libc::O_NONBLOCK);
            // One that was there may have been readable by others.
            let private = |file: File| {
                if file.metadata()?.is_file() {
                    file.set_permissions(Permissions::from_mode(0o600))?;
                }
                Ok::<_, io::Error>(file)
            };
            let opened = options.open(path).and_then(private);
            opened
                .inspect_err(|error| {
                    tracing::warn!(%error, "{VARIABLE} cannot be opened: {}", path.display());
                })
                .ok()
        };
        self.file.get_or_init(open).as_ref()
    }
}

impl Secrets {
    /// Writes a secret, if there is a file.
    ///
    /// # Errors
    ///
    /// The file does not take it, which is an error the first time only.
    pub(super) fn write(&self, label: &str, client_random: &[u8], secret: &[u8]) -> io::Result<()> {
        let Some(mut file) = self.file() else {
            return Ok(());
        };
        let mut line = format!("{label} ");
        push_hex(&mut line, client_random);
        line.push(' ');
        push_hex(&mut line, secret);
        line.push('\n');
        // One write, so that lines of several processes do not mix.
        match file.write_all(line.as_bytes()) {
            Err(error) if !self.has_failed.swap(true, Ordering::Relaxed) => Err(error),
            _ => Ok(()),
        }
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        // A full disk must not end a session.
        if let Err(error) = self.write(label, client_random, secret) {
            tracing::warn!(%error, "{VARIABLE} cannot be written, and secrets are missing there");
        }
    }

    fn will_log(&self, _label: &str) -> bool {
        self.file().is_some()
    }
}

impl vestibule_dtls::stack::KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        KeyLog::log(self, label, client_random, secret);
    }
}

fn push_hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(line, "{byte:02x}");
    }
}
