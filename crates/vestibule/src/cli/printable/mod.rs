//! What others have written, as it can be shown on a terminal.

#[cfg(test)]
mod tests;

use std::{os::unix::ffi::OsStrExt, path::Path};

/// Characters of somebody's text that a message shows.
const EXCERPT: usize = 40;

/// `text` without what would do something to a terminal: control characters, and marks that turn the
/// direction of what follows.
pub(super) fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        let is_mark = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c.is_control() || is_mark {
            true => result.extend(c.escape_default()),
            false => result.push(c),
        }
    }
    result
}

/// The name of a file; bytes that are not UTF-8 are `\xNN`.
pub(super) fn path(path: &Path) -> String {
    let mut result = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        result.push_str(&printable(chunk.valid()));
        result.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    result
}

/// The beginning of `text`, 40 characters and three points at most.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}...", printable(&text[..end])),
        None => printable(text),
    }
}
