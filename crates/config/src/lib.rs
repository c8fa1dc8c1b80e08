//! Vestibule's configuration file: parsed, checked and explained.
//!
//! Pure: text in, a typed [`Config`] and diagnostics out. Nothing here opens a socket, resolves a
//! name or touches the network. All errors are reported at once, each with its place and what would
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

mod code;
mod diagnostic;
mod model;
mod source;

use std::path::Path;

pub use code::Code;
pub use diagnostic::{Diagnostic, Position, Related, Report, Severity};
pub use model::*;

use source::Source;

/// A file that was read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// What it says; `None` when there are errors.
    pub config: Option<Config>,
    /// What is wrong or doubtful in it.
    pub report: Report,
}

/// Reads and checks the file at `path`. A file that cannot be read is a diagnostic too.
pub fn load(path: &Path) -> Loaded {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&path.to_string_lossy(), &text),
        Err(error) => {
            let source = Source::new(&path.to_string_lossy(), "");
            let problem = diagnostic::Problem::new(
                Code::UnreadableFile,
                format!("cannot read the file: {error}"),
            );
            let found = Diagnostic::new(&source, Severity::Error, &(0..0), problem);
            Loaded {
                config: None,
                report: Report::new(source, vec![found]),
            }
        }
    }
}

/// Checks `text`; `file_name` is only shown.
pub fn parse(file_name: &str, text: &str) -> Loaded {
    let source = Source::new(file_name, text);
    let (_, errors) = toml::de::DeTable::parse_recoverable(text);
    let found = errors.iter().map(|error| {
        let problem = diagnostic::Problem::new(Code::Syntax, error.message());
        Diagnostic::new(
            &source,
            Severity::Error,
            &error.span().unwrap_or_default(),
            problem,
        )
    });
    let found = found.collect();
    Loaded {
        config: None,
        report: Report::new(source, found),
    }
}
