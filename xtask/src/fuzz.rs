//! `cargo xtask fuzz`: runs the targets of `fuzz/` one after the other.

use std::process::Command;
use std::time::Instant;

use crate::error::Error;
use crate::{command, workspace_root};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The target to run; all of them when absent.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
}

/// Runs each target for the given time and prints its number of executions.
///
/// # Errors
///
/// [`Error::MissingTool`] without the nightly toolchain or cargo-fuzz; [`Error::Failed`] at the
/// first finding, whose input cargo-fuzz then has saved under `fuzz/artifacts/`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    require_tools()?;
    let targets = match &arguments.target {
        Some(target) => vec![target.clone()],
        None => targets()?,
    };
    let mut finished = Vec::new();
    let outcome = targets.iter().try_for_each(|target| {
        command::run(fuzz().args(["build", target]))?;
        println!("fuzz: {target} for {} s", arguments.seconds);
        let started = Instant::now();
        let executions = run_target(target, arguments.seconds)?;
        finished.push((target, executions, started.elapsed()));
        Ok(())
    });
    for (target, executions, time) in finished {
        println!(
            "{target:<24}{executions:>14} executions {:>8.1} s",
            time.as_secs_f64()
        );
    }
    outcome
}

fn require_tools() -> Result<(), Error> {
    if !command::succeeds(Command::new("cargo").args(["+nightly", "--version"])) {
        return Err(Error::MissingTool {
            tool: "the nightly toolchain",
            install: "rustup toolchain install nightly --profile minimal",
        });
    }
    if !command::succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        return Err(Error::MissingTool {
            tool: "cargo-fuzz",
            install: "cargo install --locked cargo-fuzz",
        });
    }
    Ok(())
}

fn targets() -> Result<Vec<String>, Error> {
    let list = command::read(fuzz().arg("list"))?;
    Ok(list.split_whitespace().map(str::to_owned).collect())
}

/// Returns how many inputs were executed.
fn run_target(target: &str, seconds: u64) -> Result<u64, Error> {
    let mut executions = 0;
    let mut run = fuzz();
    run.args(["run", target, "--", "-print_final_stats=1"])
        .arg(format!("-max_total_time={seconds}"));
    command::watch_stderr(&mut run, |line| {
        if let Some(count) = executed_units(line) {
            executions = count;
        }
    })?;
    Ok(executions)
}

/// Reads the line of libFuzzer's final statistics that counts executions.
fn executed_units(line: &str) -> Option<u64> {
    line.strip_prefix("stat::number_of_executed_units:")?
        .trim()
        .parse()
        .ok()
}

fn fuzz() -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["+nightly", "fuzz"])
        .current_dir(workspace_root());
    command
}

#[cfg(test)]
mod tests;
