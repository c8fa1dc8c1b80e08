use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::Error;

/// Runs a command with our own input and output.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be started, [`Error::Failed`] when it does not exit with 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command
        .status()
        .map_err(|source| not_started(command, source))?;
    expect_success(command, status)
}

/// Runs a command and returns what it writes to standard output.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn read(command: &mut Command) -> Result<String, Error> {
    command.stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|source| not_started(command, source))?;
    expect_success(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True if the command can be started and exits with 0; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command, repeats each line of its standard output and shows it to `see`.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn watch_stdout(command: &mut Command, see: impl FnMut(&str)) -> Result<(), Error> {
    command.stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|source| not_started(command, source))?;
    if let Some(output) = child.stdout.take() {
        repeat(output, see, |line| println!("{line}"));
    }
    finish(command, &mut child)
}

/// Runs a command, repeats each line of its standard error and shows it to `see`.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn watch_stderr(command: &mut Command, see: impl FnMut(&str)) -> Result<(), Error> {
    command.stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|source| not_started(command, source))?;
    if let Some(output) = child.stderr.take() {
        repeat(output, see, |line| eprintln!("{line}"));
    }
    finish(command, &mut child)
}

fn repeat(stream: impl Read, mut see: impl FnMut(&str), print: impl Fn(&str)) {
    for line in BufReader::new(stream).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line);
        print(&line);
        see(&line);
    }
}

fn finish(command: &Command, child: &mut std::process::Child) -> Result<(), Error> {
    let status = child
        .wait()
        .map_err(|source| not_started(command, source))?;
    expect_success(command, status)
}

fn expect_success(command: &Command, status: ExitStatus) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: line(command),
        status: status.to_string(),
    })
}

fn not_started(command: &Command, source: std::io::Error) -> Error {
    Error::Io {
        what: format!("run `{}`", line(command)),
        source,
    }
}

/// The command as a person would type it; long arguments (scripts) are left out.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let argument = if argument.contains('\n') {
            "…".into()
        } else {
            argument
        };
        line.push(' ');
        line.push_str(&argument);
    }
    line
}
