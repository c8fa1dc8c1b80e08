//! `vestibule jc`: JSON to CBOR and back.

mod arguments;
mod file;
mod mistake;
mod pretty;

#[cfg(test)]
mod tests;

use std::{
    ffi::OsStr,
    io::{self, BufWriter, IsTerminal, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
    process::ExitCode,
};

use vestibule_lowband::transcode::{Limits, cbor_to_json, json_to_canonical_cbor};

pub(super) use self::arguments::{Arguments, FLAGS};
use self::mistake::{BYTE_ORDER_MARK, Hint, Mistake};
use super::{
    hex::{Form, from_input, write_hex},
    printable,
    streams::{print_with, read},
};

/// The largest input that is read, in bytes.
const LARGEST_INPUT: u64 = 256 << 20;

/// What a person converts is not what a stranger sends.
const LIMITS: Limits = Limits {
    depth: 128,
    items: 10_000_000,
    string: 256 << 20,
    output: 256 << 20,
};

/// The longest result on many lines, in bytes. Most of it may be white space.
const LARGEST_PRETTY: u64 = 1 << 30;

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let input = match input(arguments) {
        Ok(input) => input,
        Err(message) => return super::fail(message),
    };
    let output = match converted(&input, arguments) {
        Ok(output) => output,
        Err(mistake) => return super::fail(mistake),
    };
    drop(input);
    match arguments.file() {
        Some(file) => write_file(file, &output, arguments),
        None => {
            let digits = io::stdout().is_terminal();
            print_with(|out| write_for_people(&output, arguments, digits, out))
        }
    }
}

/// What was given, or what is in what was named.
fn input(arguments: &Arguments) -> Result<Vec<u8>, String> {
    match arguments.input.as_bytes() {
        b"-" => read(None, LARGEST_INPUT),
        b"@" => Err("no name of a file follows the @".to_owned()),
        [b'@', file @ ..] => read(Some(Path::new(OsStr::from_bytes(file))), LARGEST_INPUT),
        literal => Ok(literal.to_vec()),
    }
}

/// `input` in the other form; JSON is on one line.
///
/// # Errors
///
/// What is wrong with it, and at which byte.
fn converted(input: &[u8], arguments: &Arguments) -> Result<Vec<u8>, Mistake> {
    if input.starts_with(BYTE_ORDER_MARK) {
        return Err(Mistake::ByteOrderMark);
    }
    let mut output = Vec::new();
    let hint = || Hint::of(input, arguments.c2j);
    let result = if arguments.c2j {
        let cbor = from_input(input, arguments.form_of_input())
            .map_err(|error| Mistake::Hex(error, hint()))?;
        cbor_to_json(&cbor, arguments.keys(), &LIMITS, &mut output)
    } else {
        json_to_canonical_cbor(input, arguments.keys(), &LIMITS, &mut output)
    };
    result.map_err(|error| Mistake::Document(error, hint()))?;
    if arguments.pretty && pretty::len(&output, LARGEST_PRETTY).is_none() {
        return Err(Mistake::Pretty(LARGEST_PRETTY));
    }
    Ok(output)
}

/// Writes what is printed: JSON ends with a line feed, and CBOR is digits on a terminal.
fn write_for_people(
    output: &[u8],
    arguments: &Arguments,
    terminal: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    match arguments.form() {
        _ if arguments.c2j => {
            write_json(output, arguments, out)?;
            out.write_all(b"\n")
        }
        Form::Unknown if terminal => write_digits(output, out),
        _ => write_cbor(output, arguments, out),
    }
}

/// Writes to a file, and says so as the `jc` of matrix-org/lb does.
fn write_file(file: &Path, output: &[u8], arguments: &Arguments) -> ExitCode {
    let name = printable::path(file);
    let len = match (arguments.c2j, arguments.pretty) {
        (true, true) => pretty::len(output, LARGEST_PRETTY).unwrap_or(LARGEST_PRETTY),
        _ => output.len() as u64,
    };
    let result = file::write(file, |out| match arguments.c2j {
        true => write_json(output, arguments, out),
        false => write_cbor(output, arguments, out),
    });
    match result {
        Ok(()) => print_with(|out| {
            write!(out, "Output to '{name}' ({len} bytes) ")?;
            match arguments.pretty {
                true => {
                    let mut digits = BufWriter::new(HexWriter(out));
                    pretty::write(output, &mut digits)?;
                    digits.flush()?;
                }
                false => write_hex(output, out)?,
            }
            out.write_all(b"\n")
        }),
        Err(error) => super::fail(format_args!("cannot write {name}: {error}")),
    }
}

fn write_json(json: &[u8], arguments: &Arguments, out: &mut dyn Write) -> io::Result<()> {
    match arguments.pretty {
        true => pretty::write(json, out),
        false => out.write_all(json),
    }
}

fn write_cbor(cbor: &[u8], arguments: &Arguments, out: &mut dyn Write) -> io::Result<()> {
    match arguments.form() {
        Form::Hex => write_digits(cbor, out),
        Form::Raw | Form::Unknown => out.write_all(cbor),
    }
}

fn write_digits(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    write_hex(bytes, out)?;
    out.write_all(b"\n")
}

/// Writes the digits of what is written to it.
struct HexWriter<'a>(&'a mut dyn Write);

impl Write for HexWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_hex(bytes, self.0)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
