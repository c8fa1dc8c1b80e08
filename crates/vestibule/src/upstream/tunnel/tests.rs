use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, LocalSet},
};

use super::*;
use crate::sys::TcpOptions;

/// A proxy that takes one client, answers its request with `answer`, and the bytes after that with
/// `second` if there is any. Tells what it was asked.
struct Proxy {
    place: Destination,
    asked: JoinHandle<String>,
}

impl Proxy {
    async fn start(answer: &[u8], second: Option<&[u8]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().into();
        let (answer, second) = (answer.to_vec(), second.map(<[u8]>::to_vec));
        let asked = tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = head(&mut stream).await;
            stream.write_all(&answer).await.unwrap();
            if let Some(second) = second {
                asked += &head(&mut stream).await;
                stream.write_all(&second).await.unwrap();
            }
            asked
        });
        Self { place, asked }
    }

    fn hop(&self) -> Hop {
        Hop {
            label: format!("http://{}", self.place),
            place: self.place.clone(),
            tls: None,
            authorization: None,
        }
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn open(hops: &[Hop], target: &str) -> io::Result<Reached> {
    open_at(hops, target, &Lookups::new(), 0).await
}

async fn open_at(
    hops: &[Hop],
    target: &str,
    lookups: &Rc<Lookups>,
    turn: usize,
) -> io::Result<Reached> {
    let text = "[[listener]]\nname = \"l\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
                [service.s]\nupstreams = [\"127.0.0.1:1\"]\n";
    let config = vestibule_config::parse("test.toml", text).config.unwrap();
    let tunnel = Tunnel {
        hops,
        target: &Destination::new(target, 5222).unwrap(),
        lookups,
        outgoing: Outgoing {
            options: &TcpOptions::new(&config.tcp),
            mark: None,
            source: None,
            lasts: true,
        },
        buffers: &Buffers::new(),
        turns: &Turns::new(),
        turn,
    };
    tunnel.open().await
}

/// The words in which a proxy that answers like this is blamed.
async fn refusal(answer: &[u8]) -> String {
    let answer = answer.to_vec();
    let refused = async move {
        let proxy = Proxy::start(&answer, None).await;
        let label = proxy.hop().label;
        let error = open(&[proxy.hop()], "xmpp.example.org")
            .await
            .err()
            .unwrap();
        error.to_string().replace(&label, "P")
    };
    LocalSet::new().run_until(refused).await
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

#[tokio::test(flavor = "current_thread")]
async fn the_name_is_passed_on_and_what_the_target_says_at_once_is_kept() {
    let opened = async {
        let answer = [ESTABLISHED, b"<stream:features/>"].concat();
        let proxy = Proxy::start(&answer, None).await;
        let reached = open(&[proxy.hop()], "xmpp.invalid").await.unwrap();
        assert_eq!(reached.early, b"<stream:features/>");
        assert_eq!(
            proxy.asked.await.unwrap(),
            "CONNECT xmpp.invalid:5222 HTTP/1.1\r\nHost: xmpp.invalid:5222\r\n\r\n"
        );
    };
    LocalSet::new().run_until(opened).await;
}

#[tokio::test(flavor = "current_thread")]
async fn each_hop_is_asked_for_the_next_and_the_last_for_the_target() {
    let opened = async {
        // What is beyond it answers through it.
        let near = Proxy::start(ESTABLISHED, Some(ESTABLISHED)).await;
        let far = Hop {
            place: Destination::new("far.invalid", 3128).unwrap(),
            ..near.hop()
        };
        open(&[near.hop(), far], "2001:db8::1").await.unwrap();
        assert_eq!(
            near.asked.await.unwrap(),
            "CONNECT far.invalid:3128 HTTP/1.1\r\nHost: far.invalid:3128\r\n\r\n\
             CONNECT [2001:db8::1]:5222 HTTP/1.1\r\nHost: [2001:db8::1]:5222\r\n\r\n"
        );
    };
    LocalSet::new().run_until(opened).await;
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_does_not_carry_us_on_is_named() {
    assert_eq!(
        refusal(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await,
        "proxy P answered 403 Forbidden"
    );
    assert_eq!(refusal(b"").await, "proxy P closed without an answer");
    assert_eq!(
        refusal(b"HTTP/1.1 200 OK\r\nX: y\r\n").await,
        "proxy P closed without an answer"
    );
    let garbage = refusal(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    assert!(
        garbage.starts_with("proxy P does not speak HTTP: "),
        "{garbage}"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut endless = b"HTTP/1.1 200 OK\r\n".to_vec();
    for i in 0..10_000 {
        endless.extend_from_slice(format!("X-{i}: y\r\n").as_bytes());
    }
    let refused = refusal(&endless).await;
    assert!(
        refused.starts_with("proxy P does not speak HTTP: "),
        "{refused}"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_hop_that_is_down_is_named_and_not_taken_for_the_target() {
    let hop = Hop {
        label: "http://127.0.0.1:1".to_owned(),
        place: Destination::new("127.0.0.1", 1).unwrap(),
        tls: None,
        authorization: None,
    };
    let error = open(&[hop], "xmpp.example.org").await.err().unwrap();
    assert_ne!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(
        error.to_string().starts_with("proxy http://127.0.0.1:1: "),
        "{error}"
    );
}

/// A whole network is this machine's: a listener on 127.0.0.2 that answers nobody, for its queue is
/// full, and a proxy on 127.0.0.1 at the same port.
#[tokio::test(flavor = "current_thread")]
async fn an_address_that_never_answers_takes_one_turn_of_all() {
    let opened = async {
        let proxy = Proxy::start(ESTABLISHED, None).await;
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        let port = proxy.place.port;
        silent.bind(([127, 0, 0, 2], port).into()).unwrap();
        let silent = silent.listen(1).unwrap();
        let mut fill = Vec::new();
        for _ in 0..4 {
            let stream = TcpStream::connect(silent.local_addr().unwrap());
            match tokio::time::timeout(Duration::from_millis(100), stream).await {
                Ok(stream) => fill.push(stream.unwrap()),
                Err(_) => break,
            }
        }
        let lookups = Lookups::new();
        let addresses = [[127, 0, 0, 2], [127, 0, 0, 1]].map(Into::into).to_vec();
        lookups.remember("proxy.example".into(), addresses);
        let mut hop = proxy.hop();
        hop.place = Destination::new("proxy.example", port).unwrap();
        let hops = [hop];
        let attempt = |turn| open_at(&hops, "xmpp.invalid", &lookups, turn);
        let first = tokio::time::timeout(Duration::from_millis(300), attempt(0)).await;
        assert!(first.is_err(), "the queue takes somebody");
        attempt(1).await.unwrap();
    };
    LocalSet::new().run_until(opened).await;
}
