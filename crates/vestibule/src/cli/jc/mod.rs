//! `vestibule jc`: JSON to CBOR and back.

mod arguments;
mod pretty;

#[cfg(test)]
mod tests;

use std::{
    ffi::OsStr,
    fs,
    io::{self, IsTerminal},
    os::unix::ffi::OsStrExt,
    path::Path,
    process::ExitCode,
};

use vestibule_lowband::transcode::{Limits, cbor_to_json, json_to_canonical_cbor};

pub(super) use self::arguments::{Arguments, with_two_dashes};
use super::{
    hex::{from_input, to_hex},
    streams::{print, read},
};
use crate::cli::hex::Form;

/// The largest input that is read, in bytes.
const LARGEST_INPUT: u64 = 256 << 20;

/// What a person converts is not what a stranger sends.
const LIMITS: Limits = Limits {
    depth: 128,
    items: 10_000_000,
    string: 256 << 20,
    output: 1 << 30,
};

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let result = input(arguments).and_then(|input| converted(&input, arguments));
    let output = match result {
        Ok(output) => output,
        Err(message) => return super::fail(message),
    };
    match arguments.file() {
        Some(file) => write(file, &output, arguments),
        None => print(&for_people(output, arguments, io::stdout().is_terminal())),
    }
}

/// What was given, or what is in what was named.
fn input(arguments: &Arguments) -> Result<Vec<u8>, String> {
    match arguments.input.as_bytes() {
        b"-" => read(None, LARGEST_INPUT),
        [b'@', file @ ..] => read(Some(Path::new(OsStr::from_bytes(file))), LARGEST_INPUT),
        literal => Ok(literal.to_vec()),
    }
}

/// `input` in the other form.
///
/// # Errors
///
/// What is wrong with it, and at which byte.
fn converted(input: &[u8], arguments: &Arguments) -> Result<Vec<u8>, String> {
    let mut output = Vec::new();
    let result = if arguments.c2j {
        let cbor =
            from_input(input, arguments.form_of_input()).map_err(|error| error.to_string())?;
        cbor_to_json(&cbor, arguments.keys(), &LIMITS, &mut output)
    } else {
        json_to_canonical_cbor(input, arguments.keys(), &LIMITS, &mut output)
    };
    result.map_err(|error| format!("{}: {error}", error.reason.name()))?;
    Ok(match arguments.pretty {
        true => pretty::pretty(&output),
        false => output,
    })
}

/// What is printed: JSON ends with a line feed, and CBOR is digits on a terminal.
fn for_people(mut output: Vec<u8>, arguments: &Arguments, terminal: bool) -> Vec<u8> {
    let digits = match arguments.form() {
        Form::Hex => true,
        Form::Raw => false,
        Form::Unknown => terminal,
    };
    if !arguments.c2j && digits {
        output = to_hex(&output).into_bytes();
    }
    if arguments.c2j || digits {
        output.push(b'\n');
    }
    output
}

/// Writes to a file, and says so as the `jc` of matrix-org/lb does.
fn write(file: &Path, output: &[u8], arguments: &Arguments) -> ExitCode {
    let digits = to_hex(output);
    let written = match arguments.form() {
        Form::Hex if !arguments.c2j => fs::write(file, format!("{digits}\n")),
        _ => fs::write(file, output),
    };
    let name = file.display();
    match written {
        Ok(()) => {
            print(format!("Output to '{name}' ({} bytes) {digits}\n", output.len()).as_bytes())
        }
        Err(error) => super::fail(format!("cannot write {name}: {error}")),
    }
}
