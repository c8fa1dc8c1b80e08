//! The file with the key of tickets, which outlives the process.

use std::{
    error, fmt, io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    material::{Reason, create_private, read_file, readable_by_others},
    tls,
};

/// What stands in the file before its key.
const PREFACE: &str = "\
# The key of the tickets that clients resume associations with. Keep it secret.
# Another one (openssl rand -hex 32) costs each client one full handshake.
";

/// The key of tickets that a file has: its first line that is neither empty nor a comment, as 64
/// hexadecimal digits. If there is no file, one with a random key is made, for our own user only.
/// Blocks.
///
/// # Errors
///
/// When the file cannot be made or read, or has no such line.
pub fn ticket_key(path: &Path) -> Result<[u8; 32], TicketKeyError> {
    let key = read_or_make(path)?;
    if readable_by_others(path) {
        tracing::warn!(file = %path.display(), "{}", Reason::ReadableByOthers);
    }
    Ok(key)
}

/// As [`ticket_key`], where a file that others can read was told already.
pub(crate) fn read_or_make(path: &Path) -> Result<[u8; 32], TicketKeyError> {
    if !path.exists() {
        create(path)?;
    }
    let error = |why| TicketKeyError {
        path: path.to_owned(),
        why,
    };
    let text = read_file(path).map_err(|reason| error(Why::Unusable(reason)))?;
    let key = tls::first_ticket_key(&text).map_err(|reason| error(Why::Unusable(reason)))?;
    Ok(*key)
}

fn create(path: &Path) -> Result<(), TicketKeyError> {
    let key = Zeroizing::new(rand::random::<[u8; 32]>());
    // With room for all of it, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(PREFACE.len() + 2 * key.len() + 1));
    text.push_str(PREFACE);
    for digit in key.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.extend(char::from_digit(u32::from(digit), 16));
    }
    text.push('\n');
    match create_private(path, text.as_bytes()) {
        Ok(()) => {
            tracing::info!(file = %path.display(), "a key for tickets was made");
            Ok(())
        }
        // By somebody else meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(TicketKeyError {
            path: path.to_owned(),
            why: Why::NotMade(error),
        }),
    }
}

/// Why a file has no key of tickets.
#[derive(Debug)]
pub struct TicketKeyError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    NotMade(io::Error),
    Unusable(Reason),
}

impl fmt::Display for TicketKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::NotMade(error) => write!(f, "cannot make the file {path}: {error}"),
            Why::Unusable(reason) => write!(f, "{path}: {reason}"),
        }
    }
}

impl error::Error for TicketKeyError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.why {
            Why::NotMade(error) => Some(error),
            Why::Unusable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tickets");
        let key = ticket_key(&path).unwrap();
        assert_ne!(key, [0; 32]);
        assert_eq!(ticket_key(&path).unwrap(), key);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(ticket_key(&directory.path().join("others")).unwrap(), key);
    }

    #[test]
    fn a_key_that_was_made_by_hand_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tickets");
        let text = format!("# mine\n\n{} # new\n{}\n", "0A".repeat(32), "ff".repeat(32));
        fs::write(&path, text).unwrap();
        assert_eq!(ticket_key(&path).unwrap(), [10; 32]);
    }

    #[test]
    fn a_file_without_a_key_is_no_file_of_keys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tickets");
        for (text, what) in [
            ("", "there is no key in it"),
            ("# 00\n", "there is no key in it"),
            ("\n0123", "line 2 is not a key for tickets"),
        ] {
            fs::write(&path, text).unwrap();
            let error = ticket_key(&path).unwrap_err().to_string();
            assert!(error.ends_with(what), "{error}");
        }
        let error = ticket_key(Path::new("/nonexistent/tickets")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot make the file /nonexistent/tickets: ")
        );
        assert!(ticket_key(directory.path()).is_err());
    }
}
