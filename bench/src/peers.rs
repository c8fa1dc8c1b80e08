//! The proxies that are compared, one file for each.

mod haproxy;
mod libcoap;
mod nginx;
mod relay;
mod squid;
mod tinyproxy;
mod vestibule;

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fmt, fs, io};

use memchr::memchr_iter;
use rustix::process::Signal;
use serde::Serialize;

use crate::coaps::{Handshake, Key};
use crate::error::Error;
use crate::process::Process;
use crate::tls::{CERTIFICATE, KEY, RSA_CERTIFICATE, RSA_KEY};

/// Where ports are looked for that programs are told, and how often.
const PORTS: (u16, u16) = (10_000, 30_000);
const ATTEMPTS: usize = 100;

/// The names of [`by_name`], in the order of the table's columns.
pub(crate) const NAMES: [&str; 8] = [
    vestibule::NAME,
    haproxy::NAME,
    nginx::NAME,
    tinyproxy::NAME,
    squid::NAME,
    relay::NAME,
    libcoap::OPENSSL,
    libcoap::GNUTLS,
];

/// The column that is compared with the others.
pub(crate) const OURS: &str = vestibule::NAME;

/// A proxy that can be measured. All run on one core and write at least one access record per
/// connection, or per request, to a file, but for the relay and what serves CoAP.
pub(crate) trait Peer {
    /// Starts it in `directory`, on `core`, ready for connections.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] or [`Error::NotReady`] with what it said, [`Error::Io`].
    fn start(&self, setup: &Setup, directory: &Path, core: usize) -> Result<Running, Error>;

    fn name(&self) -> &'static str;

    /// Why it has no part in rows with this service; none if it has.
    fn absence(&self, service: Service) -> Option<Absence>;

    /// Whether it knows the group X25519MLKEM768. One that speaks no TLS here does not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be run.
    fn knows_post_quantum(&self) -> Result<bool, Error> {
        Ok(false)
    }

    /// Whether it waits for the disk with each line of its log. Its files are then put into memory,
    /// so that no row measures a disk.
    fn syncs_log(&self) -> bool {
        false
    }

    /// What a reader of the table must know.
    fn note(&self) -> Option<&'static str>;

    /// What it says its version is.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be run.
    fn version(&self) -> Result<String, Error>;
}

/// What a row asks of the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) origin: SocketAddr,
    /// Clients send a PROXY header.
    pub(crate) accept_proxy: bool,
    /// The origin gets a PROXY header.
    pub(crate) send_proxy: bool,
    pub(crate) service: Service,
    pub(crate) tls: TlsRole,
}

/// How a proxy serves its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// It answers CoAP requests over DTLS itself, as many and as fast as they come.
    Coaps(Handshake),
    /// It connects to the origin, an XMPP server, as a component whose requests one account answers.
    Component,
    /// It opens tunnels that clients ask for by HTTP CONNECT, to the address of the origin and to
    /// nothing else.
    Connect,
    /// It asks for a cookie whoever sends a DTLS hello without one.
    DtlsHellos,
    /// It passes HTTP requests on, on connections that it keeps, and adds X-Forwarded-For.
    Http,
    /// It passes requests of Matrix that come as CoAP over DTLS on to the origin, a homeserver.
    LowBandwidth,
    /// It carries TCP connections.
    Tcp,
}

/// Why a proxy has no part in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Absence {
    NoCoaps,
    NoComponent,
    NoConnect,
    NoDtls13,
    NoLowBandwidth,
    NoPostQuantum,
    NoTickets,
    OneHundredHellos,
    OnlyCoaps,
    OnlyComponent,
    OnlyConnect,
}

/// A sentence's end behind the proxy's name.
impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCoaps => "does not serve CoAP",
            Self::NoComponent => "is no component of XMPP servers",
            Self::NoConnect => "opens no tunnels by HTTP CONNECT",
            Self::NoDtls13 => "does not know DTLS 1.3",
            Self::NoLowBandwidth => "is no gateway of low bandwidth Matrix",
            Self::NoPostQuantum => "runs with a TLS library that does not know X25519MLKEM768",
            Self::NoTickets => "gives no session tickets",
            Self::OneHundredHellos => {
                "answers no hellos any more after 100 of them that were not followed by a handshake"
            }
            Self::OnlyCoaps => "is compared as a server of CoAP only",
            Self::OnlyComponent => "is compared as a component of XMPP servers only",
            Self::OnlyConnect => "is compared as an explicit proxy only",
        })
    }
}

/// What a proxy does with TLS. The directory it is started in has the files of an
/// [`Identity`](crate::tls::Identity).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsRole {
    None,
    /// Clients speak in clear, the proxy speaks TLS with the origin: it offers X25519, sends the
    /// name of the identity as SNI and verifies the certificate.
    Originate,
    /// Clients are routed by the name in their ClientHello: only that of the identity has a route.
    Passthrough,
    /// The proxy has the certificate of the identity and speaks in clear with the origin. The rest
    /// is as its defaults are, with session tickets.
    Terminate,
}

/// A proxy that is ready for connections.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    /// None: it writes none.
    access_log: Option<PathBuf>,
    /// One access record has so many lines.
    record_lines: u64,
    /// Asks it to end after its last connection.
    graceful: Signal,
    /// It may miss that once.
    misses_signals: bool,
}

impl Running {
    /// Stops it and checks that it has written the access records that it owes.
    ///
    /// # Errors
    ///
    /// [`Error::LogIncomplete`], and [`Error::Io`] if it does not end when asked to.
    pub(crate) fn stop(self, owed: u64) -> Result<(), Error> {
        self.process.stop(self.graceful, self.misses_signals)?;
        let Some(file) = self.access_log else {
            return Ok(());
        };
        let lines = count_lines(&file).map_err(Error::io(format!("read {}", file.display())))?;
        let records = lines / self.record_lines;
        if records < owed {
            return Err(Error::LogIncomplete { records, owed });
        }
        Ok(())
    }
}

pub(crate) fn by_name(name: &str) -> Option<Box<dyn Peer>> {
    match name {
        haproxy::NAME => Some(Box::new(haproxy::Haproxy)),
        libcoap::GNUTLS => Some(Box::new(libcoap::Libcoap::GNUTLS)),
        libcoap::OPENSSL => Some(Box::new(libcoap::Libcoap::OPENSSL)),
        nginx::NAME => Some(Box::new(nginx::Nginx)),
        relay::NAME => Some(Box::new(relay::Relay)),
        squid::NAME => Some(Box::new(squid::Squid)),
        tinyproxy::NAME => Some(Box::new(tinyproxy::Tinyproxy)),
        vestibule::NAME => Some(Box::new(vestibule::Vestibule::find())),
        _ => None,
    }
}

fn count_lines(file: &Path) -> io::Result<u64> {
    let (mut file, mut buffer, mut lines) = (File::open(file)?, vec![0; 65_536], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(lines),
            length => lines += memchr_iter(b'\n', &buffer[..length]).count() as u64,
        }
    }
}

/// A loopback port that was free a moment ago, for programs that cannot say which one they got.
fn free_address() -> Result<SocketAddr, Error> {
    first_free_address(1)
}

/// The first of `count` loopback ports in a row that were free a moment ago, for UDP and TCP. The
/// kernel gives them to nobody who asks for any port, so they mostly stay free.
fn first_free_address(count: u16) -> Result<SocketAddr, Error> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let given = range.split_whitespace().next();
    let given = given.and_then(|lowest| lowest.parse().ok());
    let end = given.unwrap_or(PORTS.1).clamp(PORTS.0 + 1_000, PORTS.1) - count;
    let bind = |port| {
        let address = (Ipv4Addr::LOCALHOST, port);
        UdpSocket::bind(address).and_then(|_| TcpListener::bind(address))
    };
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..ATTEMPTS {
        let drawn = RandomState::new().build_hasher().finish() % u64::from(end - PORTS.0);
        let first = PORTS.0 + u16::try_from(drawn).unwrap_or_default();
        match (first..first + count).try_for_each(|port| bind(port).map(drop)) {
            Ok(()) => return Ok((Ipv4Addr::LOCALHOST, first).into()),
            Err(error) => last = error,
        }
    }
    Err(Error::io("find free ports")(last))
}

/// The certificate and the key that an [`Identity`](crate::tls::Identity) has put there.
fn certificate_files(key: Key, directory: &Path) -> (String, String) {
    let file = |name| directory.join(name).to_string_lossy().into_owned();
    match key {
        Key::Ecdsa => (file(CERTIFICATE), file(KEY)),
        Key::Rsa => (file(RSA_CERTIFICATE), file(RSA_KEY)),
    }
}

fn accepts_connections(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

fn write_config(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}

/// The first line that the program prints, on whichever stream.
fn first_line(program: &Path, argument: &str) -> Result<String, Error> {
    let text = output(program, argument)?;
    let line = text.lines().next().map(|line| line.trim().to_owned());
    line.ok_or_else(|| {
        Error::io(format!("run {}", program.display()))(io::ErrorKind::UnexpectedEof.into())
    })
}

/// All that the program prints.
fn output(program: &Path, argument: &str) -> Result<String, Error> {
    let output = Command::new(program)
        .arg(argument)
        .output()
        .map_err(Error::io(format!("run {}", program.display())))?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Whether a TLS library knows X25519MLKEM768, by what a program says of the library it runs with:
/// OpenSSL does from 3.5 on, and AWS-LC. `marker` stands before the library's name.
fn library_knows_post_quantum(text: &str, marker: &str) -> bool {
    let Some((_, library)) = text.split_once(marker) else {
        return false;
    };
    let mut words = library.split_whitespace();
    match words.next() {
        Some("AWS-LC") => true,
        Some("OpenSSL") => {
            let mut numbers = words.next().unwrap_or_default().split('.');
            let mut number = || numbers.next()?.parse::<u32>().ok();
            number().zip(number()) >= Some((3, 5))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
