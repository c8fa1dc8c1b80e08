use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use vestibule_e2e::coap::LibcoapClient;
use vestibule_e2e::wait_at_most;

use super::{Ask, EXCHANGE, Format, Got, Peer, Watch, decoded, url};

/// How often a handshake is tried.
const HANDSHAKES: usize = 5;

/// libcoap's client: a process and an association for each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Libcoap {
    /// `openssl` or `gnutls`.
    pub(crate) tls: &'static str,
    pub(crate) server: SocketAddr,
    pub(crate) format: Format,
}

struct Watching {
    _client: LibcoapClient,
    format: Format,
    directory: TempDir,
}

impl Libcoap {
    /// Starts it. Bodies of successes go to the file `body` of the directory.
    fn start(&self, ask: &Ask<'_>, directory: &Path, more: &[&str]) -> LibcoapClient {
        let file = |name: &str| directory.join(name).display().to_string();
        let (number, body, method) = (
            self.format.number().to_string(),
            file("body"),
            ask.method.to_lowercase(),
        );
        let mut arguments = vec!["-m", &*method, "-A", &*number, "-o", &*body];
        arguments.extend(more);
        let options = options(ask);
        for option in &options {
            arguments.extend(["-O", option]);
        }
        let request = file("request");
        if let Some(body) = ask.body {
            fs::write(&request, self.format.write(body)).expect("a temporary directory");
            arguments.extend(["-t", &*number, "-f", &*request]);
        }
        let url = url("coaps", self.server, "");
        arguments.push(&url);
        LibcoapClient::with_dtls(self.tls, &arguments)
    }
}

impl Peer for Libcoap {
    #[track_caller]
    fn ask(&self, ask: &Ask<'_>) -> Got {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let attempt = || {
            let client = self.start(ask, directory.path(), &["-B", "110"]);
            client.try_finish(EXCHANGE)
        };
        let printed = (0..HANDSHAKES).find_map(|_| attempt());
        let printed = printed.unwrap_or_else(|| panic!("{ask:?}: no handshake"));
        // `4.03 ` and the body, with dots for what cannot be printed.
        if let Some((code, shown)) = printed.errors.split_once(' ') {
            return Got {
                max_age: None,
                code: code.to_owned(),
                body: serde_json::from_str(shown).unwrap_or_default(),
                shown: shown.to_owned(),
            };
        }
        let body = fs::read(directory.path().join("body"));
        let body = body.unwrap_or_else(|error| panic!("{ask:?}: {error}: {printed:?}"));
        let body = self.format.read(&body);
        Got {
            max_age: None,
            // It does not show which one.
            code: "2.05".into(),
            shown: body.to_string(),
            body,
        }
    }

    fn observe(&self, token: &str, target: &str) -> Box<dyn Watch> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ask = Ask::get(token, target);
        let start = || self.start(&ask, directory.path(), &["-s", "600", "-B", "600"]);
        let mut client = start();
        wait_at_most(EXCHANGE, "an observation", || {
            if client.has_ended() {
                client = start();
            }
            let body = fs::metadata(directory.path().join("body")).ok()?;
            (body.len() > 0).then_some(())
        });
        Box::new(Watching {
            _client: client,
            format: self.format,
            directory,
        })
    }
}

/// Uri-Path, Uri-Query and the access token: of a path in a URL, the client takes 100 bytes.
fn options(ask: &Ask<'_>) -> Vec<String> {
    let (path, query) = ask.target.split_once('?').unwrap_or((ask.target, ""));
    let path = path.split('/').skip(1);
    let mut options: Vec<String> = path.map(|it| format!("11,{}", decoded(it))).collect();
    let query = query.split('&').filter(|part| !part.is_empty());
    options.extend(query.map(|it| format!("15,{}", decoded(it))));
    options.extend(ask.token.map(|token| format!("256,{token}")));
    options
}

impl Watch for Watching {
    fn states(&self) -> Vec<Value> {
        let bodies = fs::read(self.directory.path().join("body")).unwrap_or_default();
        self.format.read_all(&bodies)
    }
}
