//! `vestibule demo`: all of it on loopback, with upstreams of its own and real traffic through each
//! part, and a table of what happened.
//!
//! [`stage`] starts the process's own supervisor with a configuration made for the occasion, beside
//! the upstreams of [`origin`]; each module of [`scenarios`] is a group of the table.

mod authority;
mod client;
mod configuration;
mod directory;
mod matrix;
mod matrix_client;
mod origin;
mod peers;
mod scenarios;
mod stage;
mod table;
mod xmpp_server;

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    fs,
    future::pending,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use self::{
    matrix::GATEWAY,
    stage::Stage,
    table::{Played, Table},
};
use super::streams::printed;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// End after the table: 0 when everything worked, else 1
    #[arg(long)]
    once: bool,
}

/// Plays every scenario; then, unless `--once`, goes on until Ctrl-C.
pub(super) fn demo(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(format!("cannot start the runtime: {error}")),
    };
    let shown = runtime.block_on(show(arguments.once));
    shown.unwrap_or_else(super::fail)
}

/// How often the access log is looked at for new records.
const LOOK: Duration = Duration::from_millis(100);

/// By then workers have handed over the access records of all scenarios.
const SETTLE: Duration = Duration::from_millis(300);

/// Answers the code to end with: that of success when everything worked that could be tried. It ends
/// early when nobody can be shown what comes of it.
async fn show(once: bool) -> Result<ExitCode, String> {
    let mut end = End::watch().map_err(|error| format!("cannot watch signals: {error}"))?;
    let mut stdout = io::stdout();
    let color = stdout.is_terminal();
    let stage = Stage::start().await?;
    let Played { good, mut written } = tokio::select! {
        played = play(&stage, &mut stdout, color) => played,
        () = end.asked() => {
            stage.end(pending()).await;
            return Ok(ExitCode::FAILURE);
        }
    };
    if written.is_ok() && !once {
        written = tokio::select! {
            Err(error) = follow(&stage, &mut stdout) => Err(error),
            () = end.asked() => Ok(()),
        };
    }
    stage.end(end.asked()).await;
    let code = printed(written);
    Ok(match good {
        true => code,
        false => ExitCode::FAILURE,
    })
}

/// Plays every scenario and writes the table to `out` as it grows.
async fn play(stage: &Stage, out: &mut dyn Write, color: bool) -> Played {
    let mut table = Table::new(out, color);
    scenarios::layer4::play(stage, &mut table).await;
    scenarios::tls::play(stage, &mut table).await;
    scenarios::explicit::play(stage, &mut table).await;
    scenarios::http::play(stage, &mut table).await;
    scenarios::xmpp::play(stage, &mut table).await;
    scenarios::low_bandwidth::play(stage, &mut table).await;
    scenarios::operation::play(stage, &mut table).await;
    table.finish()
}

/// What to try by hand.
fn invitation(stage: &Stage) -> String {
    let plain = stage.address("plain-to-v2");
    let proxied = stage.address("v2-to-tlvs");
    let tls = stage.address("tls-to-tls");
    let connect = stage.address("connect");
    let ingress = stage.address("ingress");
    let gateway = stage.matrix().gateway();
    let port = tls.port();
    let upstream = stage.upstream("v2");
    let admin = stage.admin();
    let file = stage.config_path();
    let control = stage.control_path();
    format!(
        "\nVestibule keeps running until Ctrl-C, with {file}:
  {plain:21}  takes plain TCP, sends PROXY v2 to its upstream
  {proxied:21}  takes PROXY v1 and v2 from loopback, sends PROXY v2
  {tls:21}  takes TLS, sends PROXY v2 and TLS
  {connect:21}  takes HTTP CONNECT to what is on loopback
  {ingress:21}  takes it, too, and goes on by TLS through another proxy, which wants a password
  {gateway:21}  takes low bandwidth Matrix by DTLS, and HTTP
  {admin:21}  /metrics, /healthz, /readyz

Try it, in another terminal; the upstream tells what it saw, and below is the access log:
  curl --haproxy-protocol http://{proxied}/
  printf 'PROXY TCP4 203.0.113.9 198.51.100.1 40000 80\\r\\nGET / HTTP/1.0\\r\\n\\r\\n' |
    socat - TCP:{proxied}
  curl --cacert {ca} --resolve chat.example.org:{port}:127.0.0.1 https://chat.example.org:{port}/
  curl --proxy http://{ingress} --proxytunnel http://{upstream}/
  curl -i --proxy http://{connect} --proxytunnel http://{admin}/metrics
  curl -s http://{admin}/metrics | grep proxy_headers_total
  vestibule coap --cacert {ca} --connect {gateway} coaps://{GATEWAY}/0 |
    vestibule jc -c2j -
  vestibule show listeners --control {control}
  vestibule show associations --control {control}
  vestibule show resources --control {control}

",
        ca = file.with_file_name("ca.pem").display(),
        file = file.display(),
        control = control.display(),
        plain = plain.to_string(),
        proxied = proxied.to_string(),
        tls = tls.to_string(),
        admin = admin.to_string(),
        connect = connect.to_string(),
        ingress = ingress.to_string(),
        gateway = gateway.to_string(),
    )
}

/// Writes to `out` what to try by hand, and then each new access record. Does not end by itself.
///
/// # Errors
///
/// When `out` takes no more.
async fn follow(stage: &Stage, out: &mut dyn Write) -> io::Result<Infallible> {
    stage.forget_origins();
    tokio::time::sleep(SETTLE).await;
    out.write_all(invitation(stage).as_bytes())?;
    out.flush()?;
    let read = || fs::read(stage.access_log_path()).unwrap_or_default();
    let mut shown = read().len();
    loop {
        tokio::time::sleep(LOOK).await;
        let log = read();
        if let Some(new) = log.get(shown..).filter(|new| !new.is_empty()) {
            out.write_all(new)?;
            out.flush()?;
            shown = log.len();
        }
    }
}

/// The signals that end the demo.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn watch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
