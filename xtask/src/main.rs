//! Development tasks: `cargo xtask setup`, `test`, `fuzz` and `bench`.

mod bench;
mod command;
mod error;
mod fuzz;
mod setup;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::error::Error;

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Setup => setup::run(),
        Task::Test(arguments) => test::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Development tasks of Vestibule.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure the release build beside HAProxy and nginx.
    Bench(bench::Arguments),
    /// Fuzz the parsers, one target after the other.
    Fuzz(fuzz::Arguments),
    /// Get the programs that the tests and the benchmark need.
    Setup,
    /// Run everything that must pass: setup, format, lints, unit tests, end-to-end tests.
    Test(test::Arguments),
}

/// The root of the workspace: every task runs there, wherever it was called.
fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where cargo puts what it builds, found from the place of this program in it.
///
/// # Errors
///
/// [`Error::Io`] when the system cannot say which file is running.
fn build_directory() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().map_err(|source| Error::Io {
        what: "find the running program".into(),
        source,
    })?;
    // <build directory>/<profile>/xtask
    Ok(program
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("target"))
        .to_path_buf())
}
