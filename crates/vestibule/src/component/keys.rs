//! Files of keys that are not there yet.

use std::{
    io,
    path::{Path, PathBuf},
};

use vestibule_xmpp::token::Key;
use zeroize::Zeroizing;

use super::Spec;
use crate::material::{FromFiles, Reader, create_private};

/// What stands in a file before its first key.
const PREFACE: &str = "\
# Keys of the tokens that stand for requesters. Keep them secret.
# The first one makes new tokens; all are accepted. To change it, put a new one first
# (openssl rand -hex 32), and take the old one out when nobody uses its tokens any more.
";

/// Makes the files of keys that `components` name and that are not there, each with one random key,
/// for our own user only, and reads them. Answers those that were made. Blocks.
///
/// # Errors
///
/// A sentence that says which one cannot be made, or read.
pub(crate) fn create_missing(components: &[std::sync::Arc<Spec>]) -> Result<Vec<PathBuf>, String> {
    let mut made = Vec::new();
    for component in components {
        let Some(keys) = &component.material().keys else {
            continue;
        };
        if !keys.current().is_empty() {
            continue;
        }
        let path = &keys.file().path;
        match create(path) {
            Ok(()) => {
                tracing::info!(file = %path.display(), "a key for tokens was made");
                made.push(path.clone());
            }
            // Of another component, or by somebody else meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(format!(
                    "component \"{}\": cannot make the file of keys {}: {error}; let the \
                     process write there, or make it by `openssl rand -hex 32`",
                    component.domain(),
                    path.display()
                ));
            }
        }
        let mut reader = Reader::default();
        if !keys.refresh(&mut reader) {
            let problems = reader.problems.iter().map(ToString::to_string);
            let problems = problems.collect::<Vec<_>>().join("; ");
            return Err(format!("component \"{}\": {problems}", component.domain()));
        }
    }
    Ok(made)
}

/// Makes the file whole or not at all.
fn create(path: &Path) -> io::Result<()> {
    let key = Key::new(rand::random()).to_hex();
    let mut text = Zeroizing::new(String::with_capacity(PREFACE.len() + key.len() + 1));
    for part in [PREFACE, &key, "\n"] {
        text.push_str(part);
    }
    create_private(path, text.as_bytes())
}
