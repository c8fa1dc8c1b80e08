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
    let text = "[[listener]]\nname = \"l\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
                [service.s]\nupstreams = [\"127.0.0.1:1\"]\n";
    let config = vestibule_config::parse("test.toml", text).config.unwrap();
    let tunnel = Tunnel {
        hops,
        target: &Destination::new(target, 5222).unwrap(),
        lookups: &Lookups::new(),
        outgoing: Outgoing {
            options: &TcpOptions::new(&config.tcp),
            mark: None,
            source: None,
            lasts: true,
        },
        buffers: &Buffers::new(),
        turns: &Turns::new(),
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
