//! Paths: of Uri-Path options, of HTTP, and the table by which one character stands for most of
//! them ([`table`]).
//!
//! Between the two worlds a path is a list of segments, as they are before any escaping. It is never
//! a joined string, so that no character of a segment can change the structure of a URL.

pub mod table;

use std::borrow::Cow;

use super::percent;

/// Most segments of a path.
pub const MAX_SEGMENTS: usize = 16;
/// Most bytes of a segment that is received. RFC 7252 section 5.10 allows 255.
pub const MAX_SEGMENT_LEN: usize = 1_024;
/// Most bytes of a segment that is sent (RFC 7252 section 5.10).
pub const MAX_SENT_SEGMENT_LEN: usize = 255;
/// Most bytes of all segments of a path.
pub const MAX_PATH_LEN: usize = 2_048;

/// The version of the client-server API that the homeserver is asked by, where the table leaves it
/// open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// `/_matrix/client/r0/`, for homeservers of the time before Matrix 1.1.
    R0,
    /// `/_matrix/client/v3/`.
    #[default]
    V3,
}

/// Why a path cannot be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathError {
    /// It has a control character.
    Control,
    /// A segment, or a piece of one between slashes, is `.` or `..` (RFC 7252 section 5.10.1).
    Dots,
    /// A `%` is not followed by two hexadecimal digits, or what is escaped is not UTF-8.
    Escape,
    /// It would be read as one of the table, which it is not.
    Mistakable,
    /// It does not begin with a slash.
    NotAbsolute,
    /// A segment is longer than [`MAX_SEGMENT_LEN`], or [`MAX_SENT_SEGMENT_LEN`] when it is to be
    /// sent.
    SegmentTooLong,
    /// The template has more parameters than came.
    TooFewParameters,
    /// It has more than [`MAX_PATH_LEN`] bytes.
    TooLong,
    /// It has more than [`MAX_SEGMENTS`] segments.
    TooManySegments,
    /// A segment is not UTF-8.
    Utf8,
}

/// The segments that these Uri-Path options are.
///
/// # Errors
///
/// When a segment is not fit for a URL, or a limit is exceeded.
pub fn from_options<'a>(
    options: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<&'a str>, PathError> {
    let mut segments = Vec::new();
    for option in options {
        segments.push(str::from_utf8(option).map_err(|_| PathError::Utf8)?);
        check(&segments)?;
    }
    Ok(segments)
}

/// The segments of a path of HTTP, unescaped one by one. A slash at the end is an empty segment.
///
/// # Errors
///
/// When it is no path, a segment is not fit for a Uri-Path option, or a limit is exceeded.
pub fn from_http(path: &str) -> Result<Vec<Cow<'_, str>>, PathError> {
    let path = path.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
    let mut segments = Vec::new();
    for segment in path.split('/') {
        segments.push(percent::decode(segment).ok_or(PathError::Escape)?);
        check(&segments)?;
    }
    Ok(segments)
}

/// The path that a server is asked for by `segments`: if the first of them is a code of the table,
/// its template, and the others are its parameters. What is more than these is dropped.
///
/// # Errors
///
/// [`PathError::TooFewParameters`].
pub fn expand<'a>(segments: &[&'a str], prefix: Prefix) -> Result<Vec<&'a str>, PathError> {
    let Some((code, parameters)) = segments.split_first() else {
        return Ok(Vec::new());
    };
    let Some(template) = table::by_code(code) else {
        return Ok(segments.to_vec());
    };
    let mut path = vec!["_matrix", "client"];
    if template.has_version() {
        path.push(prefix.name());
    }
    let mut parameters = parameters.iter();
    for segment in template.below_version().split('/') {
        path.push(match table::is_parameter(segment) {
            true => parameters.next().ok_or(PathError::TooFewParameters)?,
            false => segment,
        });
    }
    Ok(path)
}

/// The segments that a client sends for this path: the code and the parameters if the table has it
/// for r0 or v3, with or without a slash at the end, else all of it.
///
/// The table is not used for empty parameters, which most servers would not notice.
///
/// # Errors
///
/// When it cannot be sent over CoAP.
pub fn fold<'a>(path: &[&'a str]) -> Result<Vec<&'a str>, PathError> {
    match shorten(path) {
        Some(segments) => fit(segments),
        None => whole(path),
    }
}

/// The segments that a client sends for this path to a server without the table.
///
/// # Errors
///
/// When it cannot be sent over CoAP.
pub fn whole<'a>(path: &[&'a str]) -> Result<Vec<&'a str>, PathError> {
    match path.first().and_then(|first| table::by_code(first)) {
        Some(_) => Err(PathError::Mistakable),
        None => fit(path.to_vec()),
    }
}

/// The path as it stands in a request of HTTP.
pub fn to_http(path: &[&str]) -> String {
    let mut text = String::with_capacity(path.iter().map(|segment| segment.len() + 8).sum());
    for segment in path {
        text.push('/');
        text.extend(percent::segment(segment));
    }
    if text.is_empty() {
        text.push('/');
    }
    text
}

impl Prefix {
    /// The segment of the path.
    pub fn name(self) -> &'static str {
        match self {
            Self::R0 => "r0",
            Self::V3 => "v3",
        }
    }
}

impl PathError {
    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Dots => "dots",
            Self::Escape => "escape",
            Self::Mistakable => "mistakable",
            Self::NotAbsolute => "not_absolute",
            Self::SegmentTooLong => "segment_too_long",
            Self::TooFewParameters => "too_few_parameters",
            Self::TooLong => "too_long",
            Self::TooManySegments => "too_many_segments",
            Self::Utf8 => "utf8",
        }
    }
}

impl std::fmt::Display for PathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Control => "the path has a control character",
            Self::Dots => "the path has a segment of dots",
            Self::Escape => "the path has an escape that is none",
            Self::Mistakable => "the path would be read as one of the table",
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::SegmentTooLong => "a segment of the path is too long",
            Self::TooFewParameters => "the path has too few parameters",
            Self::TooLong => "the path is too long",
            Self::TooManySegments => "the path has too many segments",
            Self::Utf8 => "the path is not UTF-8",
        })
    }
}

impl std::error::Error for PathError {}

/// Checks the last segment, and how many there are.
fn check(segments: &[impl AsRef<str>]) -> Result<(), PathError> {
    let last = segments.last().map_or("", AsRef::as_ref);
    if segments.len() > MAX_SEGMENTS {
        return Err(PathError::TooManySegments);
    }
    if last.len() > MAX_SEGMENT_LEN {
        return Err(PathError::SegmentTooLong);
    }
    if segments.iter().map(|s| s.as_ref().len()).sum::<usize>() > MAX_PATH_LEN {
        return Err(PathError::TooLong);
    }
    if last.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    // Servers that unescape slashes before they look for dots, or cut off what follows a semicolon,
    // would go up.
    let is_dots = |piece: &str| matches!(piece.split(';').next(), Some("." | ".."));
    match last.split(['/', '\\']).any(is_dots) {
        true => Err(PathError::Dots),
        false => Ok(()),
    }
}

/// Checks the lengths of what is sent.
fn fit(segments: Vec<&str>) -> Result<Vec<&str>, PathError> {
    match segments.iter().all(|s| s.len() <= MAX_SENT_SEGMENT_LEN) {
        true => Ok(segments),
        false => Err(PathError::SegmentTooLong),
    }
}

fn shorten<'a>(path: &[&'a str]) -> Option<Vec<&'a str>> {
    let below = path.strip_prefix(&["_matrix", "client"])?;
    let below = below.strip_suffix(&[""]).unwrap_or(below);
    let (has_version, below) = match below.split_first() {
        Some((&("r0" | "v3"), below)) => (true, below),
        _ => (false, below),
    };
    table::TABLE
        .iter()
        .filter(|template| template.has_version() == has_version)
        .find_map(|template| {
            let parameters = parameters(template.below_version(), below)?;
            Some([&[template.code], &*parameters].concat())
        })
}

/// The parameters of `path`, if it is one of this template.
fn parameters<'a>(template: &str, path: &[&'a str]) -> Option<Vec<&'a str>> {
    let template = template.strip_suffix('/').unwrap_or(template);
    let mut rest = path.iter();
    let mut parameters = Vec::new();
    for expected in template.split('/') {
        let segment = *rest.next()?;
        match table::is_parameter(expected) {
            true if segment.is_empty() => return None,
            true => parameters.push(segment),
            false if segment != expected => return None,
            false => {}
        }
    }
    rest.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests;
