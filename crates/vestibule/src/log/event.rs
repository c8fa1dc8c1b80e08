//! The event log: what happens to the process, on standard error.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};
use vestibule_config::{Log, LogFormat, LogLevel, Report};

/// Changes the level of the event log while it runs.
pub(crate) struct Level(reload::Handle<LevelFilter, Registry>);

impl Level {
    /// Sets the least level that is written.
    pub(crate) fn set(&self, level: LogLevel) {
        let _ = self.0.reload(filter(level));
    }
}

/// Starts the event log of this process. A second call changes nothing but answers a handle
/// without effect, which is what tests in one process need.
pub(crate) fn start(log: &Log) -> Level {
    let (level, handle) = reload::Layer::new(filter(log.level));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(level);
    let _ = match log.format {
        LogFormat::Json => registry
            .with(layer.json().flatten_event(true).with_target(false))
            .try_init(),
        LogFormat::Text => {
            let ansi = std::io::stderr().is_terminal();
            registry
                .with(layer.with_ansi(ansi).with_target(false))
                .try_init()
        }
    };
    Level(handle)
}

/// Writes what is doubtful in a configuration, one event each.
pub(crate) fn warn_of(report: &Report) {
    for found in report.warnings() {
        let help = found.help.as_deref().unwrap_or_default();
        tracing::warn!(
            file = found.file,
            line = found.line,
            help,
            "{}",
            found.message
        );
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
