//! Paths of files and of unix sockets.

use std::path::PathBuf;

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// The longest path of a unix socket in bytes: `sun_path` has 108, one of them ends it (unix(7)).
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;

/// Where the keys of tokens are, when the configuration does not say.
pub(crate) const DEFAULT_KEYS: &str = "jat.key";

/// A path of a file, such as a certificate or a log.
pub(crate) fn file(text: &str) -> Result<PathBuf, Problem> {
    if text.is_empty() {
        return Err(
            invalid("the path is empty").help("write one such as `/etc/vestibule/chat.pem`")
        );
    }
    if text.contains('\0') {
        return Err(invalid("a path cannot contain a NUL character").help("take `\\u0000` out"));
    }
    Ok(PathBuf::from(text))
}

/// A path of a unix socket.
pub(crate) fn socket(text: &str) -> Result<PathBuf, Problem> {
    if text.is_empty() {
        return Err(
            invalid("the path is empty").help("write one such as `/run/vestibule/c2s.sock`")
        );
    }
    if text.starts_with("//") {
        let path = text.trim_start_matches('/');
        return Err(invalid(format!("{} begins with two slashes", quote(text)))
            .help(format!("write `unix:/{path}`")));
    }
    if text.starts_with('@') {
        return Err(invalid("abstract unix sockets are not supported")
            .help("write the path of a file, such as `unix:/run/vestibule/c2s.sock`"));
    }
    if text.ends_with('/') {
        return Err(
            invalid(format!("{} is a directory", quote(text))).help(format!(
                "write the path of the socket itself, such as `{text}c2s.sock`"
            )),
        );
    }
    if text.len() > LONGEST_SOCKET_PATH {
        return Err(invalid(format!(
            "the path of a unix socket has at most {LONGEST_SOCKET_PATH} bytes, this one has {}",
            text.len()
        ))
        .help("use a shorter directory, such as /run/vestibule"));
    }
    file(text)
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidPath, message)
}
