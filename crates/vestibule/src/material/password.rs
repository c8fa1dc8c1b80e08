//! Files with one password.

use vestibule_config::FileRef;
use zeroize::Zeroizing;

use super::{Reader, Reason, readable_by_others};

/// The longest password in bytes.
const LONGEST: usize = 1024;

/// The password in `file`, without one line ending at its end. `None`: `reader` has the reason.
pub(super) fn read(file: &FileRef, reader: &mut Reader) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = reader.read(file)?;
    let password = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let password = password.strip_suffix(b"\r").unwrap_or(password);
    if password.is_empty() {
        reader.note(file, Reason::NoSecret);
        return None;
    }
    if password.len() > LONGEST || password.iter().any(u8::is_ascii_control) {
        reader.note(file, Reason::SecretUnusable);
        return None;
    }
    if readable_by_others(&file.path) {
        reader.note(file, Reason::ReadableByOthers);
    }
    let length = password.len();
    bytes.truncate(length);
    Some(bytes)
}
