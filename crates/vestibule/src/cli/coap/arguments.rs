//! The command line of `coap`, with the flags of the tool of the same name of matrix-org/lb, and more.

use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use vestibule_coap::{BlockSize, Code};
use vestibule_dtls::{
    client::{Fingerprint, FingerprintError, Versions},
    session::Version,
};
use vestibule_lowband::keys::Keys;

use super::{
    header::Source,
    report::Template,
    target::{Place, Target},
};
use crate::cli::dashes::Flags;

#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// [coaps://]HOST[:PORT][/PATH][?QUERY]; the scheme does not count, but coap:// is without DTLS
    #[arg(value_name = "URL")]
    pub(super) target: Target,
    /// GET, POST, PUT, DELETE, FETCH, PATCH or iPATCH; without it GET, and POST with --data
    #[arg(short = 'X', long = "request", alias = "X", value_name = "METHOD", value_parser = method)]
    pub(super) method: Option<Code>,
    /// The body: as it stands, from @FILE, or from standard input (-)
    #[arg(short, long, alias = "d", allow_hyphen_values = true)]
    pub(super) data: Option<OsString>,
    /// NAME: VALUE, a header of HTTP that CoAP knows, or an option by name or number; or such lines from @FILE
    #[arg(short = 'H', long = "header", alias = "H", value_name = "HEADER")]
    pub(super) headers: Vec<Source>,
    /// Show the code and the options of the answer before its body
    #[arg(short, long, alias = "i")]
    pub(super) include: bool,
    /// Explain every message, on standard error
    #[arg(short, long, alias = "v")]
    pub(super) verbose: bool,
    /// Write bodies to this file, - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Bodies are JSON here and CBOR on the wire, with the integer keys of MSC3079, or none
    #[arg(long, value_name = "TABLE", num_args = 0..=1, require_equals = true, default_missing_value = "v1")]
    keys: Option<Table>,
    /// Ask for all states, until interrupted
    #[arg(long)]
    pub(super) observe: bool,
    /// End after this many states
    #[arg(long, value_name = "STATES", requires = "observe", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Ask for a sign of life only
    #[arg(long, conflicts_with_all = ["method", "data", "observe", "include", "output"])]
    pub(super) ping: bool,
    /// The largest block, in both directions: 16 to 1024 bytes, a power of two
    #[arg(long, value_name = "BYTES", value_parser = block_size)]
    pub(super) block_size: Option<BlockSize>,
    /// Accept any certificate
    #[arg(short = 'k', long, alias = "k", conflicts_with_all = ["cacert", "fingerprint"])]
    pub(super) insecure: bool,
    /// Trust these authorities, PEM, in place of those of the system
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    pub(super) cacert: Option<PathBuf>,
    /// Trust the certificate with this digest: sha256: and hexadecimal digits
    #[arg(long, value_name = "DIGEST", value_parser = fingerprint)]
    pub(super) fingerprint: Option<Fingerprint>,
    /// The version of DTLS
    #[arg(long, value_name = "VERSION", value_enum)]
    dtls: Option<DtlsVersion>,
    /// Without DTLS, as with coap://
    #[arg(long)]
    plain: bool,
    /// Send to this place; the certificate is still to be that of the URL
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) connect: Option<Place>,
    /// How long all of it may take at most, in seconds, 0 for any time; without --observe 300
    #[arg(short, long, alias = "m", value_name = "SECONDS", value_parser = seconds)]
    pub(super) max_time: Option<Duration>,
    /// How long the handshake may take at most, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(super) connect_timeout: Duration,
    /// At the end, what it cost, as a line of JSON on standard error
    #[arg(long)]
    pub(super) json: bool,
    /// At the end, write this to standard output, with %{NAME} for what is known
    #[arg(short, long, value_name = "FORMAT", alias = "w")]
    pub(super) write_out: Option<Template>,
}

/// The flags of `coap` that may have one dash.
pub(in crate::cli) const FLAGS: Flags = Flags {
    command: "coap",
    long: &[
        ("block-size", true),
        ("cacert", true),
        ("connect", true),
        ("connect-timeout", true),
        ("count", true),
        ("data", true),
        ("dtls", true),
        ("fingerprint", true),
        ("header", true),
        ("help", false),
        ("include", false),
        ("insecure", false),
        ("json", false),
        ("keys", false),
        ("max-time", true),
        ("observe", false),
        ("output", true),
        ("ping", false),
        ("plain", false),
        ("request", true),
        ("verbose", false),
        ("write-out", true),
    ],
    short_with_value: "XdHomw",
};

/// The version of DTLS that is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum DtlsVersion {
    #[value(name = "1.2")]
    Dtls12,
    #[value(name = "1.3")]
    Dtls13,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Table {
    V1,
    None,
}

/// What may stand before the digits of a fingerprint, and nothing else can be meant by.
const PREFIX: &str = "sha256:";

/// How long it may take without `--max-time`: longer than a homeserver lets clients poll.
const MAX_TIME: Duration = Duration::from_secs(300);

impl Arguments {
    /// The method.
    pub(super) fn method(&self) -> Code {
        self.method.unwrap_or(match self.data {
            Some(_) => Code::POST,
            None => Code::GET,
        })
    }

    /// Whether there is no DTLS.
    pub(super) fn plain(&self) -> bool {
        self.plain || self.target.plain
    }

    /// Which versions of DTLS are offered: 1.2, which all servers have, unless another was asked for.
    pub(super) fn versions(&self) -> Versions {
        Versions::Only(match self.dtls {
            Some(DtlsVersion::Dtls13) => Version::Dtls13,
            Some(DtlsVersion::Dtls12) | None => Version::Dtls12,
        })
    }

    /// The table of integer keys, if bodies are to be converted.
    pub(super) fn keys(&self) -> Option<Keys> {
        self.keys.map(|table| match table {
            Table::V1 => Keys::V1,
            Table::None => Keys::None,
        })
    }

    /// How long all of it may take. `None`: any time.
    pub(super) fn max_time(&self) -> Option<Duration> {
        match self.max_time {
            Some(time) => Some(time).filter(|time| !time.is_zero()),
            None => (!self.observe).then_some(MAX_TIME),
        }
    }
}

/// Bodies and queries may be secrets.
impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments")
            .field("target", &self.target)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

fn method(text: &str) -> Result<Code, String> {
    const METHODS: [Code; 7] = [
        Code::GET,
        Code::POST,
        Code::PUT,
        Code::DELETE,
        Code::FETCH,
        Code::PATCH,
        Code::IPATCH,
    ];
    let mut names = METHODS
        .iter()
        .filter_map(|code| Some((*code, code.name()?)));
    let found = names.find(|(_, name)| name.eq_ignore_ascii_case(text));
    // Also 0.01 to 0.31, for what a server makes of it.
    let number = || {
        let detail: u8 = text
            .strip_prefix("0.")
            .filter(|it| it.len() == 2)?
            .parse()
            .ok()?;
        (1..=31).contains(&detail).then(|| Code::new(0, detail))
    };
    found.map(|(code, _)| code).or_else(number).ok_or_else(|| {
        "CoAP has GET, POST, PUT, DELETE, FETCH, PATCH and iPATCH, and 0.01 to 0.31".to_owned()
    })
}

fn block_size(text: &str) -> Result<BlockSize, String> {
    let bytes = text
        .parse()
        .ok()
        .filter(|bytes| (16..=1024).contains(bytes));
    bytes
        .map(|bytes| (bytes, BlockSize::at_most(bytes)))
        .filter(|(bytes, size)| size.bytes() == *bytes)
        .map(|(_, size)| size)
        .ok_or_else(|| "it is one of 16, 32, 64, 128, 256, 512 and 1024".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds <= 1e9);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "it is a number of seconds, such as 10 or 0.5".to_owned())
}

fn fingerprint(text: &str) -> Result<Fingerprint, FingerprintError> {
    match text.split_at_checked(PREFIX.len()) {
        Some((prefix, digits)) if prefix.eq_ignore_ascii_case(PREFIX) => digits.parse(),
        _ => text.parse(),
    }
}
