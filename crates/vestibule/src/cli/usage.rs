//! What is said about a command line that asks for help, or makes no sense.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::error::{ContextKind, ContextValue};

use super::{printable::excerpt, streams::printed};

/// Prints help or the version, or says what is wrong with the arguments: exit code 2.
pub(super) fn end(mut error: clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return printed(error.print().and_then(|()| io::stdout().flush()));
    }
    shorten(&mut error);
    // There is nobody left who could be told.
    let _ = error.print();
    ExitCode::from(USAGE)
}

/// The command line is wrong.
const USAGE: u8 = 2;

/// A document that was taken for something else is not shown whole.
fn shorten(error: &mut clap::Error) {
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
    ] {
        if let Some(ContextValue::String(text)) = error.get(kind) {
            let shown = excerpt(text);
            if shown != *text {
                error.insert(kind, ContextValue::String(shown));
                // What is suggested repeats it.
                error.remove(ContextKind::Suggested);
            }
        }
    }
}
