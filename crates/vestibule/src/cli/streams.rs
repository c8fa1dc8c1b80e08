//! What the tools read and print.

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, ErrorKind, Read, Write},
    path::Path,
    process::ExitCode,
};

use super::printable;

/// Reads a file; `-` or no name is standard input.
///
/// # Errors
///
/// What cannot be read and why, or what is longer than `largest` bytes.
pub(super) fn read(file: Option<&Path>, largest: u64) -> Result<Vec<u8>, String> {
    let mut input = Vec::new();
    let (name, result) = match file {
        Some(path) if path != Path::new("-") => {
            let read = |file: File| file.take(largest + 1).read_to_end(&mut input);
            (printable::path(path), File::open(path).and_then(read))
        }
        _ => {
            let stdin = io::stdin().lock();
            let read = stdin.take(largest + 1).read_to_end(&mut input);
            ("standard input".to_owned(), read)
        }
    };
    match result {
        Err(error) => Err(format!("cannot read {name}: {error}")),
        Ok(_) if input.len() as u64 > largest => {
            Err(format!("{name} is longer than {largest} bytes"))
        }
        Ok(_) => Ok(input),
    }
}

/// Prints to standard output.
pub(super) fn print(output: &[u8]) -> ExitCode {
    print_with(|out| out.write_all(output))
}

/// Prints what `write` writes to standard output.
pub(super) fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitCode {
    let mut stdout = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    printed(write(&mut stdout).and_then(|()| stdout.flush()))
}

/// How a command ends whose output was written like this: a reader that has had enough is no error.
pub(super) fn printed(result: io::Result<()>) -> ExitCode {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            super::fail(format_args!("cannot write standard output: {error}"))
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Says something on standard error, as far as that can be written.
pub(super) fn say(message: impl fmt::Display) {
    // There is nobody left who could be told.
    let _ = writeln!(io::stderr(), "{message}");
}

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 << 10;
