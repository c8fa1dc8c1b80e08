//! `vestibule run`.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};
use vestibule_config::Loaded;

use super::{config_path, fail, streams};
use crate::{
    admin,
    log::event,
    material::{self, Material},
    supervisor::Supervisor,
    tls,
};

/// Runs until SIGTERM or SIGINT. SIGHUP reloads.
pub(super) fn run(config: Option<PathBuf>) -> ExitCode {
    let path = match config_path(config) {
        Ok(path) => path,
        Err(message) => return fail(message),
    };
    let loaded = material::load(&path, None);
    run_loaded(loaded, Some(path))
}

/// Runs what was read, from the file at `path` if it is one, until SIGTERM or SIGINT.
pub(super) fn run_loaded(
    (loaded, material): (Loaded, Option<Material>),
    path: Option<PathBuf>,
) -> ExitCode {
    let (Some(config), Some(material)) = (loaded.config, material) else {
        let rendered = loaded.report.render(std::io::stderr().is_terminal());
        streams::say(rendered.trim_end());
        let what = match &path {
            Some(path) => format!("{} has errors", path.display()),
            None => "there are errors".to_owned(),
        };
        return fail(format!("{what}; nothing was started"));
    };
    let level = event::start(&config.log);
    event::warn_of(&loaded.report);
    tls::announce_key_log();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("cannot start the runtime: {error}")),
    };
    let result = runtime.block_on(supervise(config, material, path, level));
    // A name that is being looked up must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(message),
    }
}

async fn supervise(
    config: vestibule_config::Config,
    material: Material,
    path: Option<PathBuf>,
    level: event::Level,
) -> Result<(), String> {
    let watch = |kind| signal(kind).map_err(|error| format!("cannot watch signals: {error}"));
    let mut hangup = watch(SignalKind::hangup())?;
    let mut end = End {
        interrupt: watch(SignalKind::interrupt())?,
        terminate: watch(SignalKind::terminate())?,
    };
    let endpoints = admin::bind(&config.admin)?;
    let supervisor = Supervisor::start(config, material, path, Some(level))?;
    let served = admin::serve(&supervisor, endpoints)?;
    if let Some(address) = served.http {
        tracing::info!(%address, "admin listening");
    }
    tracing::info!("ready");
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                supervisor.reopen_log();
                // The result is in the log.
                let _ = supervisor.reload();
            }
            () = end.asked() => break,
        }
    }
    tracing::info!("draining; a second signal ends at once");
    supervisor.shut_down(end.asked()).await;
    tracing::info!("ended");
    Ok(())
}

/// The signals that end the process.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    /// Waits until the process is asked to end.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
