//! `vestibule check`.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use serde_json::json;
use vestibule_config::{Diagnostic, Loaded};

use super::{
    config_path, fail,
    streams::{print, say},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration; without it ./vestibule.toml, then /etc/vestibule/vestibule.toml
    config: Option<PathBuf>,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Says everything that is wrong or doubtful, and the plan when nothing is wrong.
pub(super) fn check(arguments: Arguments) -> ExitCode {
    let path = match config_path(arguments.config) {
        Ok(path) => path,
        Err(message) => return fail(message),
    };
    let (loaded, _) = crate::material::load(&path, None);
    let code = match loaded.config {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    };
    if arguments.json {
        return worse(code, print(format!("{:#}\n", as_json(&loaded)).as_bytes()));
    }
    let report = &loaded.report;
    let rendered = report.render(std::io::stderr().is_terminal());
    if !rendered.is_empty() {
        say(rendered.trim_end());
    }
    let (errors, warnings) = (report.errors().count(), report.warnings().count());
    let Some(config) = &loaded.config else {
        say(format_args!(
            "{}: {} and {}",
            path.display(),
            counted(errors, "error"),
            counted(warnings, "warning")
        ));
        return code;
    };
    let plan = format!(
        "{}\n{} is fine{}\n",
        config.describe().trim_end(),
        path.display(),
        match warnings {
            0 => String::new(),
            1 => ", with 1 warning".to_owned(),
            n => format!(", with {n} warnings"),
        }
    );
    print(plan.as_bytes())
}

/// The first of two codes that is not that of success.
fn worse(code: ExitCode, other: ExitCode) -> ExitCode {
    match code == ExitCode::SUCCESS {
        true => other,
        false => code,
    }
}

fn counted(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn as_json(loaded: &Loaded) -> serde_json::Value {
    json!({
        "ok": loaded.config.is_some(),
        "diagnostics": loaded.report.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
        "plan": loaded.config.as_ref().map(vestibule_config::Config::describe),
    })
}

fn diagnostic(found: &Diagnostic) -> serde_json::Value {
    json!({
        "severity": found.severity.name(),
        "code": found.code,
        "message": found.message,
        "help": found.help,
        "file": found.file,
        "line": found.line,
        "column": found.column,
    })
}
