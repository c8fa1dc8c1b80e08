//! The TCP side of a low bandwidth gateway: what the homeserver hears of clients that speak HTTP, and
//! what they hear of it.

mod fields;
mod hostile;
mod media;
mod revised;
mod tls;

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use vestibule_e2e::{Answer, Authority, HttpOrigin, Setup, Vestibule, request};

/// How clients know the gateway.
const PUBLIC: &str = "http://lb.example.org";

/// A gateway.
struct Gateway {
    vestibule: Vestibule,
    /// Its files are needed as long as it runs.
    _authority: Authority,
}

impl Gateway {
    /// In front of the homeserver at this URL, with these further keys.
    fn start(homeserver: impl Display, keys: &str) -> Self {
        Self::with(homeserver, keys, |setup| setup)
    }

    fn with(homeserver: impl Display, keys: &str, adjust: impl Fn(Setup) -> Setup) -> Self {
        Self::at(0, homeserver, keys, adjust)
    }

    /// With this port for DTLS.
    fn at(
        dtls_port: u16,
        homeserver: impl Display,
        keys: &str,
        adjust: impl Fn(Setup) -> Setup,
    ) -> Self {
        let authority = Authority::new();
        let certificate = authority.server(&["lb.example.org"]).table();
        let setup = Setup::new(format!(
            "[[low_bandwidth]]\nname = \"lb\"\nbind = \"127.0.0.1:{dtls_port}\"\nhomeserver = \"{homeserver}\"\n\
             advertise = \"{PUBLIC}\"\ntcp_bind = \"127.0.0.1:0\"\ncertificate = {certificate}\n\
             {keys}\n",
        ));
        Self {
            vestibule: adjust(setup).start(),
            _authority: authority,
        }
    }

    /// In front of this one.
    fn before(homeserver: &Homeserver) -> Self {
        Self::start(format!("http://{}", homeserver.address()), "")
    }

    /// Where its TCP side is.
    fn address(&self) -> SocketAddr {
        self.vestibule.address("lb/tcp")
    }

    /// Asks for a target by HTTP/1.1, as it is.
    #[track_caller]
    fn ask(&self, method: &str, target: &str, fields: &str) -> Answer {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: lb.example.org\r\n{fields}\r\n");
        request(self.address(), head)
    }

    /// What curl prints for this path, which it leaves as it is.
    #[track_caller]
    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "60",
                "--path-as-is",
            ])
            .args(arguments)
            .arg(format!("http://{}{path}", self.address()))
            .output()
            .expect("curl; `cargo xtask setup` gets it");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// A homeserver that shows the test the requests of clients. What the gateway wants to know for itself it
/// is told, and the test does not hear of it.
struct Homeserver(HttpOrigin);

impl Homeserver {
    /// Answers each request by `answer`, as an origin does.
    fn start(answer: impl Fn(&str, &mut TcpStream) -> bool + Clone + Send + 'static) -> Self {
        Self(HttpOrigin::start(move |head, stream| {
            match is_of_gateway(head) {
                true => write_answer(stream, "200 OK", "", r#"{"versions":["v1.11"]}"#),
                false => answer(head, stream),
            }
        }))
    }

    /// Answers each request with this text.
    fn saying(text: &'static str) -> Self {
        homeserver("200 OK", "", text)
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Connections accepted so far.
    fn accepted(&self) -> usize {
        self.0.accepted()
    }

    /// The head of the next request.
    #[track_caller]
    fn head(&self) -> String {
        loop {
            let head = self.0.head();
            if !is_of_gateway(&head) {
                return head;
            }
        }
    }

    /// Whether no request has come but this one, which comes now.
    #[track_caller]
    fn is_quiet_until(&self, gateway: &Gateway) -> bool {
        let last = "/_matrix/client/v3/nothing/came/before";
        gateway.ask("GET", last, "");
        line(&self.head()) == format!("GET {last} HTTP/1.1")
    }
}

/// Whether the gateway asks for itself.
fn is_of_gateway(head: &str) -> bool {
    vestibule_e2e::field(head, "User-Agent").is_some_and(|agent| agent.starts_with("vestibule/"))
}

/// A homeserver that answers everything so.
fn homeserver(status: &'static str, fields: &'static str, body: &'static str) -> Homeserver {
    Homeserver::start(move |head, stream| {
        vestibule_e2e::read_body(head, stream);
        write_answer(stream, status, fields, body)
    })
}

/// Writes an answer whose body has a length.
fn write_answer(stream: &mut TcpStream, status: &str, fields: &str, body: &str) -> bool {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).is_ok()
}

/// The body of an answer, by its length.
#[track_caller]
fn body(answer: &mut Answer) -> String {
    let length = answer.field("Content-Length").expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    answer.stream.read_exact(&mut body).expect("a body");
    String::from_utf8(body).expect("text")
}

/// The first line of a request.
fn line(head: &str) -> &str {
    head.lines().next().unwrap_or_default()
}
