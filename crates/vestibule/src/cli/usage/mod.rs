//! What is said about a command line that asks for help, or makes no sense.

#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{printable::excerpt, streams::printed};

/// Prints help or the version, or says what is wrong with the arguments: exit code 2.
pub(super) fn end(mut error: clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        return printed(error.print().and_then(|()| io::stdout().flush()));
    }
    shorten(&mut error, Secrecy::of(arguments));
    // There is nobody left who could be told.
    let _ = error.print();
    ExitCode::from(USAGE)
}

/// The command line is wrong.
const USAGE: u8 = 2;

/// What is shown in place of what may be a secret.
const HIDDEN: &str = "...";

/// Whether arguments of a command may be secrets. What it says of them may be kept for long, by what runs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Secrecy {
    /// None is.
    Open,
    /// Those of `coap`: a token in a header or in a query, a password in a URL.
    Secret,
}

impl Secrecy {
    fn of(arguments: &[OsString]) -> Self {
        match arguments.get(1) {
            Some(command) if command == "coap" => Self::Secret,
            _ => Self::Open,
        }
    }
}

/// A document that was taken for something else is not shown whole, and a secret not at all.
fn shorten(error: &mut clap::Error, secrecy: Secrecy) {
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let argument = string(error, ContextKind::InvalidArg).unwrap_or_default();
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
    ] {
        let Some(text) = string(error, kind) else {
            continue;
        };
        let shown = match (secrecy, kind) {
            (Secrecy::Open, _) => text.clone(),
            (Secrecy::Secret, ContextKind::InvalidArg) if is_unknown => flag(&text),
            (Secrecy::Secret, ContextKind::InvalidArg) => text.clone(),
            (Secrecy::Secret, _) if argument.starts_with("--header") => header(&text),
            (Secrecy::Secret, _) => url(&text),
        };
        let shown = excerpt(&shown);
        if shown != text {
            error.insert(kind, ContextValue::String(shown));
            // What is suggested repeats it.
            error.remove(ContextKind::Suggested);
        }
    }
}

fn string(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// An argument that nothing is known of: the name of a flag, but no value.
fn flag(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(_) => before(text, &['=', ':', ' ']),
        None => HIDDEN.to_owned(),
    }
}

/// The name of a header, if there is something that looks like one.
fn header(text: &str) -> String {
    let text = text.trim();
    match text.find([':', ';', ' ', '\t']) {
        Some(_) => before(text, &[':', ';', ' ', '\t']),
        None => HIDDEN.to_owned(),
    }
}

/// A URL, or any other value, without its user and its query.
fn url(text: &str) -> String {
    let (_, rest) = text.split_once("://").unwrap_or(("", text));
    let shown = before(text, &['?', '#']);
    match shown.rsplit_once('@') {
        Some((_, rest)) => format!("{HIDDEN}@{rest}"),
        // A password may have these signs in it.
        None if rest.contains('@') && !before(rest, &['?', '#']).contains('/') => HIDDEN.to_owned(),
        None => shown,
    }
}

/// `text` up to the first of these, with what shows that it goes on.
fn before(text: &str, ends: &[char]) -> String {
    match text.find(ends) {
        // The sign itself is what may be wrong.
        Some(at) => format!("{}{HIDDEN}", &text[..=at]),
        None => text.to_owned(),
    }
}
