//! Whole files.

mod component;
mod described;
mod documents;
mod low_bandwidth;
mod mistakes;
mod proxy;
mod random;
mod recovery;
mod rendered;
mod shorthand;
mod tls;
mod typed;
mod unreadable;

use crate::{Config, Report, parse};

/// Each diagnostic as `code line:column`.
fn summary(report: &Report) -> Vec<String> {
    let lines = report.diagnostics.iter();
    lines
        .map(|found| format!("{} {}:{}", found.code, found.line, found.column))
        .collect()
}

/// The configuration of a file with neither errors nor warnings.
fn flawless(text: &str) -> Config {
    let loaded = parse("test.toml", text);
    assert!(
        loaded.report.diagnostics.is_empty(),
        "{}",
        loaded.report.render(false)
    );
    loaded.config.unwrap()
}

/// The configuration of a file without errors.
fn usable(text: &str) -> (Config, Report) {
    let loaded = parse("test.toml", text);
    assert!(
        !loaded.report.has_errors(),
        "{}",
        loaded.report.render(false)
    );
    (loaded.config.unwrap(), loaded.report)
}
