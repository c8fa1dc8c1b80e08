//! The gateway as a library.

use std::{
    convert::Infallible,
    fmt::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use tokio::{runtime::LocalOptions, sync::oneshot};

use crate::{
    material::{self, Material},
    supervisor::Supervisor,
};

/// A gateway that is to run. What is not said here is as the configuration file has it by default; all
/// that the file can say of `[[low_bandwidth]]` can be said by [`options`](Self::options).
#[derive(Clone, Debug)]
pub struct Config {
    homeserver: String,
    certificate: PathBuf,
    key: PathBuf,
    bind: Vec<String>,
    advertise: Option<String>,
    options: String,
}

impl Config {
    /// A gateway on port 8008 of all addresses, in front of the homeserver at this URL, such as
    /// `http://127.0.0.1:8008`, that shows the certificate of these files, which are PEM: the chain, and
    /// its private key.
    #[must_use]
    pub fn new(
        homeserver: impl Into<String>,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        Self {
            homeserver: homeserver.into(),
            certificate: certificate.into(),
            key: key.into(),
            bind: vec![":8008".to_owned()],
            advertise: None,
            options: String::new(),
        }
    }

    /// Listens here instead. Port 0 is a free one, `:8008` is every address of both families, `[::]` is
    /// IPv6 only.
    #[must_use]
    pub fn bind<T: Into<String>>(mut self, addresses: impl IntoIterator<Item = T>) -> Self {
        self.bind = addresses.into_iter().map(Into::into).collect();
        self
    }

    /// Tells clients that they find it at this URL, and serves HTTP there as well.
    #[must_use]
    pub fn advertise(mut self, url: impl Into<String>) -> Self {
        self.advertise = Some(url.into());
        self
    }

    /// More keys, as the configuration file has them below `[[low_bandwidth]]`: lines of TOML.
    #[must_use]
    pub fn options(mut self, lines: impl Into<String>) -> Self {
        self.options = lines.into();
        self
    }

    /// The configuration file that says the same. `access` is where access records go.
    pub(crate) fn to_toml(&self, access: &str) -> Result<String, Error> {
        let bind: Vec<String> = self.bind.iter().map(|address| quoted(address)).collect();
        let mut text = format!(
            "[log]\naccess = {}\n\n[[low_bandwidth]]\nhomeserver = {}\nbind = [{}]\n",
            quoted(access),
            quoted(&self.homeserver),
            bind.join(", "),
        );
        let [chain, key] = [&self.certificate, &self.key].map(|path| quoted_path(path));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "certificate = {{ chain = {}, key = {} }}",
            chain?, key?
        );
        if let Some(url) = &self.advertise {
            let _ = writeln!(text, "advertise = {}", quoted(url));
        }
        text.push_str(&self.options);
        text.push('\n');
        Ok(text)
    }
}

/// A gateway that runs. It ends when this is dropped, which does not wait for it.
#[derive(Debug)]
pub struct Gateway {
    local_addrs: Vec<SocketAddr>,
    /// `None`: it was told to end.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a gateway does not run.
#[derive(Debug)]
pub struct Error(String);

/// Runs a gateway until the process ends.
///
/// # Errors
///
/// As [`start`].
pub fn run(config: &Config) -> Result<Infallible, Error> {
    let mut gateway = start(config)?;
    gateway.wait();
    Err(Error(
        "the gateway has failed by a mistake of this program".to_owned(),
    ))
}

/// Starts a gateway. When this returns, it takes requests.
///
/// What has to be said goes to the subscriber of [`tracing`] that the program has.
///
/// ```
/// use vestibule::low_bandwidth;
///
/// # #[global_allocator]
/// # static ALLOCATOR: vestibule::coaps::CountingAllocator = vestibule::coaps::CountingAllocator;
/// # let directory = std::env::temp_dir().join(format!("vestibule-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # let (chain, key) = (directory.join("lb.pem"), directory.join("lb.key"));
/// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// # std::fs::write(&chain, made.cert.pem())?;
/// # std::fs::write(&key, made.signing_key.serialize_pem())?;
/// let config = low_bandwidth::Config::new("http://127.0.0.1:8008", chain, key)
///     .bind(["127.0.0.1:0"])
///     .options("limits = { requests_per_minute = 600 }");
/// let gateway = low_bandwidth::start(&config)?;
/// println!("listening on udp {}", gateway.local_addrs()[0]);
/// gateway.shut_down();
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the configuration or a file that it names is wrong, an address is in use, or the system refuses
/// something else. Nothing is left then.
pub fn start(config: &Config) -> Result<Gateway, Error> {
    let text = config.to_toml("off")?;
    let (loaded, material) = material::parse("the configuration of the gateway", &text);
    let (Some(config), Some(material)) = (loaded.config, material) else {
        return Err(Error(loaded.report.render(false).trim_end().to_owned()));
    };
    crate::tls::announce_key_log();
    let (started, wait) = std::sync::mpsc::channel();
    let (end, ends) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("gateway".to_owned())
        .spawn(move || supervise(config, material, ends, &started))
        .map_err(|error| Error(format!("cannot start a thread: {error}")))?;
    let gone = || Err("the thread of the gateway ended at once".to_owned());
    match wait.recv().unwrap_or_else(|_| gone()) {
        Ok(local_addrs) => Ok(Gateway {
            local_addrs,
            end: Some(end),
            thread: Some(thread),
        }),
        Err(error) => {
            let _ = thread.join();
            Err(Error(error))
        }
    }
}

impl Gateway {
    /// Where it listens: an address for each that was asked for, in their order, with its port.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// Ends it: answers what is under way, for 30 s at most, and says good-bye to its clients. Blocks.
    pub fn shut_down(mut self) {
        self.end = None;
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // One that has panicked has told so.
            let _ = thread.join();
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Has a supervisor of its own, until `ends` is told or dropped.
fn supervise(
    config: vestibule_config::Config,
    material: Material,
    ends: oneshot::Receiver<()>,
    started: &std::sync::mpsc::Sender<Result<Vec<SocketAddr>, String>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(format!("cannot start the runtime: {error}")));
            return;
        }
    };
    runtime.block_on(async {
        match Supervisor::start(config, material, None, None) {
            Err(error) => drop(started.send(Err(error))),
            Ok(supervisor) => {
                let _ = started.send(Ok(supervisor.gateway_addrs()));
                let _ = ends.await;
                supervisor.shut_down(std::future::pending()).await;
            }
        }
    });
    runtime.shutdown_background();
}

/// As TOML writes a string. JSON writes it in the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn quoted_path(path: &Path) -> Result<String, Error> {
    let text = path.to_str().map(quoted);
    text.ok_or_else(|| Error(format!("{} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told() {
        let config = Config::new(
            "ftp://example.org",
            "/nonexistent/a.pem",
            "/nonexistent/a.key",
        );
        let error = start(&config).unwrap_err().to_string();
        assert!(error.contains("ftp://example.org"), "{error}");
        let config = Config {
            homeserver: "http://127.0.0.1:1".to_owned(),
            ..config
        };
        let error = start(&config).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/a.pem"), "{error}");
        let error = start(&config.options("bnid = 1")).unwrap_err().to_string();
        assert!(error.contains("did you mean `bind`"), "{error}");
    }

    #[test]
    fn words_are_written_as_they_are() {
        let config = Config::new("http://a\"b\\", "a b.pem", "é.key").advertise("x\ny");
        let text = config.to_toml("off").unwrap();
        assert!(text.contains(r#"homeserver = "http://a\"b\\""#), "{text}");
        assert!(
            text.contains(r#"chain = "a b.pem", key = "é.key""#),
            "{text}"
        );
        assert!(text.contains(r#"advertise = "x\ny""#), "{text}");
    }
}
