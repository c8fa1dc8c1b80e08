//! Vestibule's configuration file: parsed, checked and explained.
//!
//! Text in, a typed [`Config`] and diagnostics out. Nothing here opens a socket, resolves a name or
//! touches the network; only passwords that are said to be in the environment are read from there. All errors are reported at once, each with its place and what would
//! be right; `docs/configuration.md` describes every key.
//!
//! ```
//! let loaded = vestibule_config::parse("example.toml", r#"
//! [[listener]]
//! name = "c2s"
//! bind = "127.0.0.1:15222"
//! service = "c2s"
//!
//! [service.c2s]
//! upstream = "127.0.0.1:5222"
//! "#);
//! let error = loaded.report.errors().next().unwrap();
//! assert_eq!((error.line, error.column, error.code), (8, 1, "unknown_key"));
//! assert_eq!(error.help.as_deref(), Some("did you mean `upstreams`?"));
//! ```
#![forbid(unsafe_code)]

mod check;
mod code;
mod describe;
mod diagnostic;
mod later;
mod model;
mod read;
mod reader;
mod schema;
mod secret;
mod section;
mod source;
mod suggest;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

use std::{fs::File, io, io::Read, path::Path, time::Duration};

pub use code::Code;
pub use diagnostic::{Diagnostic, Position, Related, Report, Severity};
pub use model::*;

use diagnostic::Problem;
use source::Source;

/// The largest file that is read, in bytes. No configuration comes near; a device or a log does.
pub const LARGEST_FILE: u64 = 1 << 20;

/// A file that was read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// What it says; `None` when there are errors.
    pub config: Option<Config>,
    /// What is wrong or doubtful in it.
    pub report: Report,
}

/// A duration as the file writes it: `"5s"`, `"100ms"`, `"1m30s"`.
///
/// # Errors
///
/// What is wrong with it, in a sentence.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    value::duration::parse(text).map_err(|problem| match problem.help {
        Some(help) => format!("{}; {help}", problem.message),
        None => problem.message,
    })
}

/// Reads and checks the file at `path`. A file that cannot be read, is larger than
/// [`LARGEST_FILE`] or is not UTF-8 is a diagnostic too.
pub fn load(path: &Path) -> Loaded {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return unusable(Source::of(path, ""), 0, unreadable(&error));
    }
    if bytes.len() as u64 > LARGEST_FILE {
        let problem = Problem::new(Code::FileTooLarge, "this is too large for a configuration");
        let help = format!("a configuration has at most {LARGEST_FILE} bytes");
        return unusable(Source::of(path, ""), 0, problem.help(help));
    }
    match String::from_utf8(bytes) {
        Ok(text) => read::read(Source::of(path, &text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            let problem =
                Problem::new(Code::NotUtf8, "this is not UTF-8").help("save the file in UTF-8");
            unusable(Source::of(path, &text), good, problem)
        }
    }
}

/// Checks `text`. `file_name` is shown, and its directory is where relative paths to certificates
/// and the like begin; no file is read.
pub fn parse(file_name: &str, text: &str) -> Loaded {
    read::read(Source::new(file_name, text))
}

fn unusable(source: Source, at: usize, problem: Problem) -> Loaded {
    let found = Diagnostic::new(&source, Severity::Error, &(at..at + 1), problem);
    Loaded {
        config: None,
        report: Report::new(source, vec![found]),
    }
}

fn unreadable(error: &io::Error) -> Problem {
    let problem = Problem::new(
        Code::UnreadableFile,
        format!("cannot read this file: {error}"),
    );
    problem.help(match error.kind() {
        io::ErrorKind::IsADirectory => "give the path of the file, not of its directory",
        io::ErrorKind::NotFound => "give the path of a configuration file",
        io::ErrorKind::PermissionDenied => "let the user who runs this read it",
        _ => "give the path of a file that can be read",
    })
}
