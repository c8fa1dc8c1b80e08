//! The benchmark behind `cargo xtask bench`.
//!
//! One proxy at a time runs on one core; this program runs on another and plays both ends, the
//! clients ([`load`]) and the server ([`origin`]). What is measured is the CPU time and the memory
//! of the proxy's process, as the kernel counts them ([`system`]).
//!
//! Components of XMPP servers have real servers ([`xmpp`]) on the core of the load instead of the
//! origin. CoAP over DTLS ([`coaps`]) is served, not carried: there is no origin. Behind gateways of
//! low bandwidth Matrix is a homeserver ([`matrix`]).
//!
//! A row of the table is one kind of work ([`rows`]), a column one proxy ([`peers`]).

mod cli;
mod coaps;
mod error;
mod http;
mod load;
mod matrix;
mod origin;
mod peers;
mod process;
mod report;
mod rows;
mod runner;
mod system;
mod tls;
mod xmpp;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match runner::run(&cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
