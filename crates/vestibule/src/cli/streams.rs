//! What the tools read and print.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

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
            (path.display().to_string(), File::open(path).and_then(read))
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

/// Prints to standard output; a reader that has had enough is no error.
pub(super) fn print(output: &[u8]) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(output).and_then(|()| stdout.flush());
    ExitCode::SUCCESS
}
