//! `cargo xtask bench`: builds the release and the load generator, and hands over to it.

use std::process::Command;

use crate::error::Error;
use crate::{build_directory, command, setup, workspace_root};

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the load generator is told; `cargo xtask bench --help` lists it.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds both programs as releases and runs the benchmark.
///
/// # Errors
///
/// What stopped setup, the build or the benchmark.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    // Two builds: in one, the features that the load generator asks of shared dependencies would
    // also go into the program that is measured.
    build("vestibule-bench")?;
    if !arguments.ask_for_help() {
        setup::run()?;
        build("vestibule")?;
    }
    let programs = build_directory()?.join("release");
    command::run(
        Command::new(programs.join("vestibule-bench"))
            .args(&arguments.arguments)
            .env("VESTIBULE_BIN", programs.join("vestibule")),
    )
}

impl Arguments {
    fn ask_for_help(&self) -> bool {
        self.arguments
            .iter()
            .any(|argument| argument == "--help" || argument == "-h")
    }
}

fn build(package: &str) -> Result<(), Error> {
    let mut build = Command::new("cargo");
    build
        .args(["build", "--release", "--package", package])
        .current_dir(workspace_root());
    command::run(&mut build)
}
