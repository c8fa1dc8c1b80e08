mod accounts;
mod faults;
mod http;
mod keys;
mod rooms;
mod sliding;
mod sync;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::{Homeserver, Options};

const PATIENCE: Duration = Duration::from_secs(60);

fn start() -> Homeserver {
    Homeserver::start(Options::default()).unwrap()
}

/// Somebody who speaks HTTP, with or without an access token.
struct Client {
    address: SocketAddr,
    token: Option<String>,
    user: String,
}

/// What was answered.
#[derive(Debug)]
struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn anonymous(homeserver: &Homeserver) -> Self {
        Self {
            address: homeserver.address(),
            token: None,
            user: String::new(),
        }
    }

    /// A new user.
    fn new(homeserver: &Homeserver, name: &str) -> Self {
        let user = homeserver.register(name, "password");
        Self {
            address: homeserver.address(),
            token: homeserver.log_in(&user),
            user,
        }
    }

    /// Another device of the same user.
    fn again(&self, homeserver: &Homeserver) -> Self {
        Self {
            address: self.address,
            token: homeserver.log_in(&self.user),
            user: self.user.clone(),
        }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let token = self.token.as_deref();
        let token = token.map_or_else(String::new, |t| format!("Authorization: Bearer {t}\r\n"));
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             {token}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answered {
        read(self.send(method, path, body))
    }

    /// By the prefix of the API.
    fn api(&self, method: &str, path: &str, body: &Value) -> Answered {
        self.ask(
            method,
            &format!("/_matrix/client/v3/{path}"),
            &body.to_string(),
        )
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let path = format!("/_matrix/client/v3/{path}");
        self.ask("GET", &path, "").fine()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.api("POST", path, body).fine()
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) -> Value {
        self.api("PUT", path, body).fine()
    }
}

impl Answered {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The document of an answer that says yes.
    #[track_caller]
    fn fine(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Status and `errcode`.
    #[track_caller]
    fn refusal(&self) -> (u16, String) {
        (self.status, text(&self.json()["errcode"]))
    }
}

fn read(mut stream: TcpStream) -> Answered {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("an answer to come");
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    Answered {
        status: head[9..12].parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: all[end + 4..].to_vec(),
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Waits until this is so.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < end, "it does not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}
