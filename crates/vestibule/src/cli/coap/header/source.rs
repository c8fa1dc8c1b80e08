//! Headers of the command line, and of files, which nobody sees in a list of processes.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{Header, HeaderError};
use crate::cli::{printable, streams::read};

/// What follows `-H`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli::coap) enum Source {
    /// A header.
    Header(Header),
    /// The headers of this file, one in each line; `-` for standard input.
    File(PathBuf),
}

/// The largest file of headers, in bytes: there are no longer options.
const LARGEST_FILE: u64 = 1 << 20;

impl Source {
    /// Whether it is standard input.
    pub(in crate::cli::coap) fn is_stdin(&self) -> bool {
        matches!(self, Self::File(path) if path == Path::new("-"))
    }

    /// Its headers.
    ///
    /// # Errors
    /// The file cannot be read, or which line of it is no header. What is in that line is not said.
    pub(in crate::cli::coap) fn headers(&self) -> Result<Vec<Header>, String> {
        match self {
            Self::Header(header) => Ok(vec![header.clone()]),
            Self::File(path) => {
                let bytes = read(Some(path), LARGEST_FILE)?;
                parse(&bytes).map_err(|(line, why)| {
                    let name = match self.is_stdin() {
                        true => "standard input".to_owned(),
                        false => printable::path(path),
                    };
                    format!("{name}, line {line}: {why}")
                })
            }
        }
    }
}

impl FromStr for Source {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        match text.strip_prefix('@') {
            Some("") => Err(HeaderError::NoFile),
            Some(path) => Ok(Self::File(path.into())),
            None => text.parse().map(Self::Header),
        }
    }
}

/// The headers of a file, or the line that is none, counted from 1. Lines may be empty.
fn parse(bytes: &[u8]) -> Result<Vec<Header>, (usize, HeaderError)> {
    let mut headers = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let header = std::str::from_utf8(line).map_err(|_| HeaderError::NotUtf8);
        let header = header.and_then(str::parse);
        headers.push(header.map_err(|why| (at + 1, why))?);
    }
    Ok(headers)
}
