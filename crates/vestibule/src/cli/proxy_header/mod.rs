//! `vestibule proxy-header`: PROXY headers from bytes to JSON and back.

mod description;
mod flags;
mod mistake;
mod names;
mod text;
mod write;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::{description::Description, flags::Flags};
use super::{
    hex::{self, Form},
    printable::printable,
    streams::{self, print},
};

/// The largest input that is read, in bytes: far more than a header and what follows it.
const LARGEST_INPUT: u64 = 16 << 20;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say what a PROXY header says, as JSON
    Decode(Decode),
    /// Write the PROXY header that JSON or flags describe
    Encode(Encode),
}

#[derive(Debug, clap::Args)]
pub(super) struct Decode {
    /// The header and what follows it; `-` or nothing: standard input
    file: Option<PathBuf>,
    /// The input is hexadecimal digits; without --hex and --raw it is seen from the input
    #[arg(long, conflicts_with = "raw")]
    hex: bool,
    /// The input is the bytes themselves
    #[arg(long)]
    raw: bool,
    /// Show what follows the header too
    #[arg(long)]
    payload: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Encode {
    /// JSON as `decode` prints it; `-` or nothing, and no flags: standard input
    file: Option<PathBuf>,
    /// Write the bytes themselves, not hexadecimal digits
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    header: Option<Flags>,
}

/// Exit code 2: the command line does not make sense as a whole.
const USAGE: u8 = 2;

pub(super) fn run(command: Command) -> ExitCode {
    match command {
        Command::Decode(arguments) => decode(&arguments),
        Command::Encode(arguments) => encode(arguments),
    }
}

fn decode(arguments: &Decode) -> ExitCode {
    let form = match (arguments.hex, arguments.raw) {
        (true, _) => Form::Hex,
        (_, true) => Form::Raw,
        (false, false) => Form::Unknown,
    };
    let input = match read(arguments.file.as_deref()) {
        Ok(input) => input,
        Err(message) => return super::fail(message),
    };
    match decoded(&input, form, arguments.payload) {
        Ok(json) => print(json.as_bytes()),
        Err(message) => super::fail(message),
    }
}

fn encode(arguments: Encode) -> ExitCode {
    let result = match arguments.header {
        Some(flags) => Description::try_from(flags)
            .and_then(|header| header.to_bytes())
            .map_err(|mistake| (USAGE, mistake.to_string())),
        None => read(arguments.file.as_deref())
            .and_then(|json| encoded(&json))
            .map_err(|message| (1, message)),
    };
    match result {
        Ok(header) if arguments.raw => print(&header),
        Ok(header) => print(format!("{}\n", hex::to_hex(&header)).as_bytes()),
        Err((code, message)) => {
            super::fail(message);
            ExitCode::from(code)
        }
    }
}

/// The header at the beginning of `input` as JSON, with a line feed.
///
/// # Errors
///
/// Which rule it breaks, how much of it is missing, or where the input is not hexadecimal.
fn decoded(input: &[u8], form: Form, with_payload: bool) -> Result<String, String> {
    let input = hex::from_input(input, form).map_err(|error| error.to_string())?;
    let description =
        Description::of(&input, with_payload).map_err(|refusal| refusal.to_string())?;
    // These types hold nothing that JSON cannot say.
    let json = serde_json::to_string_pretty(&description).unwrap_or_default();
    Ok(format!("{json}\n"))
}

/// The header that `json` describes, and its payload when there is one.
///
/// # Errors
///
/// Where the JSON is wrong, or what no header can say.
fn encoded(json: &[u8]) -> Result<Vec<u8>, String> {
    let description: Description = serde_json::from_slice(json)
        .map_err(|error| format!("this is not the JSON of a header: {}", shortened(&error)))?;
    description
        .to_bytes()
        .map_err(|mistake| mistake.to_string())
}

/// What `error` says, without most of what it shows of the input: what was given comes first, and
/// what was expected, and where, last.
fn shortened(error: &serde_json::Error) -> String {
    const FIRST: usize = 60;
    const LAST: usize = 200;

    let text = error.to_string();
    let first = text.char_indices().nth(FIRST);
    let last = text.char_indices().nth_back(LAST);
    match (first, last) {
        (Some((first, _)), Some((last, _))) if first < last => {
            printable(&format!("{}...{}", &text[..first], &text[last..]))
        }
        _ => printable(&text),
    }
}

fn read(file: Option<&Path>) -> Result<Vec<u8>, String> {
    streams::read(file, LARGEST_INPUT)
}
