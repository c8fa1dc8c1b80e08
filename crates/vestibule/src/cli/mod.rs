//! The command line. Exit codes: 0 fine, 1 the thing asked about is wrong, 2 usage.

mod check;
mod coap;
mod dashes;
mod demo;
mod hex;
mod jc;
mod low_bandwidth;
mod printable;
mod proxy_header;
mod remote;
mod run;
mod streams;
mod usage;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

/// One proxy at the front door of self-hosted messaging.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run in the foreground
    Run {
        /// The configuration; without it ./vestibule.toml, then /etc/vestibule/vestibule.toml
        config: Option<PathBuf>,
    },
    /// Say everything that is wrong with a configuration, or print the plan when it is right
    Check(check::Arguments),
    /// Show everything at work, on loopback
    Demo(demo::Arguments),
    /// Have the running process read its configuration again
    Reload(remote::Target),
    /// End the live connections of a service
    Drain(remote::Drain),
    /// End live connections
    Kill(remote::Kill),
    /// Show what the running process holds
    Show(remote::Show),
    /// Take a PROXY header apart, or put one together
    #[command(subcommand)]
    ProxyHeader(proxy_header::Command),
    /// JSON to CBOR and back, with the integer keys of low bandwidth Matrix
    Jc(jc::Arguments),
    /// A curl for CoAP over DTLS
    Coap(coap::Arguments),
    /// Low bandwidth Matrix in front of a homeserver, with the flags of lb-proxy
    LowBandwidth(low_bandwidth::Arguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = dashes::with_two_dashes(
        std::env::args_os(),
        &[coap::FLAGS, jc::FLAGS, low_bandwidth::FLAGS],
    );
    let command = match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => arguments.command,
        Err(error) => return usage::end(error, &arguments),
    };
    match command {
        Command::Run { config } => run::run(config),
        Command::Check(arguments) => check::check(arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Reload(target) => remote::reload(&target),
        Command::Drain(arguments) => remote::drain(&arguments),
        Command::Kill(arguments) => remote::kill(&arguments),
        Command::Show(arguments) => remote::show(&arguments),
        Command::ProxyHeader(command) => proxy_header::run(command),
        Command::Jc(arguments) => jc::run(&arguments),
        Command::Coap(arguments) => coap::run(&arguments),
        Command::LowBandwidth(arguments) => low_bandwidth::low_bandwidth(arguments),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "vestibule", &mut script);
            streams::print(&script)
        }
    }
}

/// Where the configuration is looked for when none is named.
const DEFAULT_CONFIGS: [&str; 2] = ["vestibule.toml", "/etc/vestibule/vestibule.toml"];

/// The configuration that was named, or the first default that exists.
fn config_path(named: Option<PathBuf>) -> Result<PathBuf, String> {
    named
        .or_else(|| {
            DEFAULT_CONFIGS
                .iter()
                .map(PathBuf::from)
                .find(|p| p.exists())
        })
        .ok_or_else(|| {
            format!(
                "no configuration was named, and there is neither ./{} nor {}",
                DEFAULT_CONFIGS[0], DEFAULT_CONFIGS[1]
            )
        })
}

/// Says what is wrong on standard error.
fn fail(message: impl std::fmt::Display) -> ExitCode {
    streams::say(format_args!("vestibule: {message}"));
    ExitCode::FAILURE
}
