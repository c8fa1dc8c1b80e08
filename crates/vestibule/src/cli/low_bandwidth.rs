//! `vestibule low-bandwidth`, with the flags of `lb-proxy` of matrix-org/lb.

use std::{path::PathBuf, process::ExitCode};

use super::{dashes::Flags, fail, run};
use crate::{low_bandwidth::Config, material};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The homeserver, such as http://127.0.0.1:8008
    #[arg(long, value_name = "URL")]
    local: String,
    /// The certificate and those that issued it, PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: PathBuf,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: PathBuf,
    /// Where to listen, by UDP: ADDRESS:PORT, or :PORT for every address of both families
    #[arg(long, value_name = "ADDRESS", default_value = ":8008")]
    dtls_bind_addr: Vec<String>,
    /// Where clients find this gateway; HTTP is served there as well, with TLS if the URL says https
    #[arg(long, value_name = "URL")]
    advertise: Option<String>,
}

/// The flags that may have one dash.
pub(super) const FLAGS: Flags = Flags {
    command: "low-bandwidth",
    long: &[
        ("advertise", true),
        ("dtls-bind-addr", true),
        ("local", true),
        ("tls-cert", true),
        ("tls-key", true),
    ],
    short_with_value: "",
};

/// Runs a gateway until SIGTERM or SIGINT.
pub(super) fn low_bandwidth(arguments: Arguments) -> ExitCode {
    let Arguments {
        local,
        tls_cert,
        tls_key,
        dtls_bind_addr,
        advertise,
    } = arguments;
    let mut config = Config::new(local, tls_cert, tls_key).bind(dtls_bind_addr);
    if let Some(url) = advertise {
        config = config.advertise(url);
    }
    match config.to_toml("stdout") {
        Ok(text) => run::run_loaded(
            material::parse("the flags, as a configuration", &text),
            None,
        ),
        Err(error) => fail(error),
    }
}
