use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::{peers, rows};

/// Measures Vestibule beside other proxies: CPU time and memory per unit of work.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub(crate) struct Arguments {
    /// Also write every figure to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Measure only these rows.
    #[arg(long, value_name = "ROW", value_delimiter = ',', value_parser = row_ids())]
    pub(crate) only: Vec<String>,

    /// The proxies to measure.
    #[arg(
        long,
        value_name = "PEERS",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(peers::NAMES),
        default_values = peers::NAMES
    )]
    pub(crate) peers: Vec<String>,

    /// How often each row is measured for each proxy.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// How long one measurement lasts, after a warm-up.
    #[arg(long, value_name = "S", default_value = "2", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// The core of the proxy.
    #[arg(long, value_name = "CORE", default_value_t = 0)]
    pub(crate) proxy_core: usize,

    /// The core of the load and the origin.
    #[arg(long, value_name = "CORE", default_value_t = 1)]
    pub(crate) load_core: usize,
}

fn row_ids() -> PossibleValuesParser {
    PossibleValuesParser::new(rows::all().iter().map(|row| row.id()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.1..=60.0).contains(&seconds) {
        return Err("must be from 0.1 to 60".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}
