//! The event log: what happens to the process, on standard error.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Registry, filter::Targets, layer::SubscriberExt, reload, util::SubscriberInitExt,
};
use vestibule_config::{Log, LogFormat, LogLevel, Report};

/// Lines that may wait for a slow reader.
const QUEUE: usize = 4096;

/// The event log while it is kept. Changes its level.
pub(crate) struct Level {
    handle: reload::Handle<Targets, Registry>,
    /// Writes what is left when it is dropped, for a second at most.
    _guard: WorkerGuard,
}

impl Level {
    /// Sets the least level that is written.
    pub(crate) fn set(&self, level: LogLevel) {
        let _ = self.handle.reload(filter(level));
    }
}

/// Starts the event log of this process. A thread writes it, so that a reader of standard error who
/// does not read stops nothing; what does not fit its queue is lost. A second call changes nothing
/// but answers a handle without effect, which is what tests in one process need.
pub(crate) fn start(log: &Log) -> Level {
    let (level, handle) = reload::Layer::new(filter(log.level));
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .finish(std::io::stderr());
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
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
    Level {
        handle,
        _guard: guard,
    }
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

/// What libraries have to say of a peer's mistakes names neither listener nor client, which access
/// records do: it is for those who look for mistakes of ours.
fn filter(level: LogLevel) -> Targets {
    let ours = level_filter(level);
    let libraries = match level {
        LogLevel::Error | LogLevel::Warn | LogLevel::Info => LevelFilter::ERROR,
        LogLevel::Debug | LogLevel::Trace => ours,
    };
    let targets = Targets::new().with_default(libraries);
    targets.with_target(env!("CARGO_CRATE_NAME"), ours)
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
