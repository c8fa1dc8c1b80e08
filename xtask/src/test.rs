//! `cargo xtask test`: everything that must pass, stopping at the first stage that fails.

mod tally;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use self::tally::Tally;
use crate::error::Error;
use crate::{build_directory, command, setup, workspace_root};

/// The profile of the program that the end-to-end tests run: fast enough to carry gigabytes, with
/// the checks of a development build, and quicker to build than a release.
const PROFILE: &[(&str, &str)] = &[
    ("inherits", "\"release\""),
    ("codegen-units", "16"),
    ("debug", "\"line-tables-only\""),
    ("debug-assertions", "true"),
    ("lto", "false"),
    ("overflow-checks", "true"),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only the tests whose name contains one of these.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// Runs the stages in order and prints what each took.
///
/// # Errors
///
/// [`Error::Stage`] with the first stage that failed and why; nothing runs after it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut report = Report::default();
    let outcome = stages(arguments, &mut report);
    report.print();
    outcome
}

fn stages(arguments: &Arguments, report: &mut Report) -> Result<(), Error> {
    report.stage("setup", || setup::run().map(|()| None))?;
    report.stage("format", || {
        command::run(cargo("fmt").args(["--all", "--check"])).map(|()| None)
    })?;
    report.stage("lints", || {
        let mut clippy = cargo("clippy");
        clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
        command::run(&mut clippy).map(|()| None)
    })?;
    report.stage("unit tests", || {
        let mut unit = cargo("test");
        unit.args(["--workspace", "--exclude", "vestibule-e2e"]);
        tests(&mut unit, &arguments.filters)
    })?;
    let program = build_directory()?.join("e2e/vestibule");
    report.stage("program", || build_program().map(|()| None))?;
    report.stage("end-to-end tests", || {
        end_to_end(&program, &arguments.filters)
    })
}

fn build_program() -> Result<(), Error> {
    let mut build = cargo("build");
    build.args([
        "--package",
        "vestibule",
        "--bin",
        "vestibule",
        "--profile",
        "e2e",
    ]);
    for (key, value) in PROFILE {
        build
            .arg("--config")
            .arg(format!("profile.e2e.{key}={value}"));
    }
    command::run(&mut build)
}

fn end_to_end(program: &PathBuf, filters: &[String]) -> Result<Option<Tally>, Error> {
    let mut end_to_end = cargo("test");
    end_to_end
        .args(["--package", "vestibule-e2e"])
        .env("VESTIBULE_BIN", program);
    tests(&mut end_to_end, filters)
}

/// Runs `cargo test` with what it says passed through and counted.
fn tests(command: &mut Command, filters: &[String]) -> Result<Option<Tally>, Error> {
    let mut tally = Tally::default();
    command.args(["--no-fail-fast", "--"]).args(filters);
    command::watch_stdout(command, |line| tally.see(line))?;
    Ok(Some(tally))
}

/// The cargo that the user calls, in the root of the workspace.
fn cargo(task: &str) -> Command {
    let mut command = Command::new("cargo");
    command.arg(task).current_dir(workspace_root());
    command
}

/// What ran, how long it took and how many tests it had.
#[derive(Default)]
struct Report {
    stages: Vec<(&'static str, Duration, Option<Tally>)>,
}

impl Report {
    fn stage(
        &mut self,
        name: &'static str,
        run: impl FnOnce() -> Result<Option<Tally>, Error>,
    ) -> Result<(), Error> {
        println!("\n=== {name}");
        let started = Instant::now();
        let tally = run().map_err(|cause| Error::Stage {
            stage: name,
            cause: Box::new(cause),
        })?;
        self.stages.push((name, started.elapsed(), tally));
        Ok(())
    }

    fn print(&self) {
        println!("\n=== passed");
        for (name, time, tally) in &self.stages {
            let tally = tally.as_ref().map(ToString::to_string).unwrap_or_default();
            println!("{name:<18}{:>7.1} s  {tally}", time.as_secs_f64());
        }
    }
}
