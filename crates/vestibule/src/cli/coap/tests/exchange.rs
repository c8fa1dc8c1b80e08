use std::{
    fs,
    net::UdpSocket,
    thread::{self, JoinHandle},
};

use vestibule_coap::{
    Code, Header as MessageHeader, Message, OptionList, OptionNumber, Token, Type, encode,
    endpoint::Response,
};

use super::*;

/// A server that answers each message with what the script says, until the script has nothing to say. What is repeated
/// is answered in the same way.
fn server<F>(mut script: F) -> (SocketAddr, JoinHandle<()>)
where
    F: FnMut(usize, &Message<'_>) -> Option<Vec<Vec<u8>>> + Send + 'static,
{
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let mut buffer = [0; 2048];
        let mut answered: Vec<(Vec<u8>, Vec<Vec<u8>>)> = Vec::new();
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            let datagram = &buffer[..length];
            let known = answered.iter().position(|(to, _)| to == datagram);
            let at = known.unwrap_or(answered.len());
            if known.is_none() {
                let message = Message::parse(datagram).unwrap();
                let Some(answers) = script(at, &message) else {
                    return;
                };
                answered.push((datagram.to_vec(), answers));
            }
            for answer in &answered[at].1 {
                socket.send_to(answer, peer).unwrap();
            }
        }
    });
    (address, thread)
}

fn message(
    kind: Type,
    code: Code,
    id: u16,
    token: Token,
    observe: Option<u64>,
    body: &[u8],
) -> Vec<u8> {
    let mut options = OptionList::new();
    if let Some(observe) = observe {
        options.push_uint(OptionNumber::OBSERVE, observe);
    }
    let header = MessageHeader {
        kind,
        code,
        id,
        token,
    };
    let mut datagram = Vec::new();
    encode(header, &options, body, &mut datagram);
    datagram
}

fn answer(to: &Message<'_>, code: Code, body: &[u8]) -> Vec<u8> {
    let header = to.header;
    message(
        Type::Acknowledgement,
        code,
        header.id,
        header.token,
        None,
        body,
    )
}

/// Runs it against these addresses: what came of it, the bodies, and what was counted.
fn ask(flags: &[&str], addresses: &[SocketAddr]) -> (Result<End, Trouble>, String, Outcome, Meter) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bodies");
    let flags = [&["--plain", "h", "-o", path.to_str().unwrap()], flags].concat();
    let arguments = parse(&flags).unwrap();
    let start = Instant::now();
    let (mut log, mut meter) = (Log::new(false, start), Meter::new(start));
    let mut outcome = Outcome::default();
    let wish = request::wish(&arguments).unwrap();
    let result = perform(
        &arguments,
        addresses.to_vec(),
        wish,
        &mut log,
        &mut meter,
        &mut outcome,
    );
    let bodies = fs::read_to_string(path).unwrap_or_default();
    (result, bodies, outcome, meter)
}

#[test]
fn an_answer() {
    let (address, thread) = server(|count, message| {
        assert_eq!(message.header.token.as_bytes().len(), 8);
        (count == 0).then(|| vec![answer(message, Code::NOT_FOUND, b"no")])
    });
    let (result, body, outcome, meter) = ask(&[], &[address]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!(body, "no");
    assert_eq!(outcome.response.unwrap().code, Code::NOT_FOUND);
    // Who is slow repeats it.
    if meter.repeated == 0 {
        assert_eq!((meter.up.datagrams, meter.down.datagrams), (1, 1));
        assert_eq!((meter.up.bytes, meter.down.bytes), (12, 15));
        assert_eq!(meter.round_trips, 1);
    }
    drop(thread);
}

#[test]
fn an_answer_that_must_be_rejected() {
    for (number, value, said) in [
        (
            65_001,
            b"1",
            "critical option that is malformed or not understood, and must be rejected: option 65001",
        ),
        (23, b"\x07", "has a Block2 that is malformed"),
        (
            23,
            b"\x10",
            "or names another block than the one that was to come",
        ),
    ] {
        let (address, thread) = server(move |count, received| {
            let mut options = OptionList::new();
            options.push(OptionNumber(number), value).unwrap();
            let header = MessageHeader {
                kind: Type::Acknowledgement,
                code: Code::CONTENT,
                ..received.header
            };
            let mut datagram = Vec::new();
            encode(header, &options, b"no", &mut datagram);
            (count == 0).then(|| vec![datagram])
        });
        let (result, body, ..) = ask(&[], &[address]);
        let trouble = result.unwrap_err();
        assert!(trouble.to_string().contains(said), "{trouble}");
        assert_eq!(body, "");
        drop(thread);
    }
}

/// It comes later than the acknowledgement, twice, and is acknowledged.
#[test]
fn a_separate_answer() {
    let (address, thread) = server(|count, received| {
        let header = received.header;
        if count > 0 {
            assert_eq!((header.kind, header.id), (Type::Acknowledgement, 77));
            return None;
        }
        let empty = message(
            Type::Acknowledgement,
            Code::EMPTY,
            header.id,
            Token::EMPTY,
            None,
            b"",
        );
        let late = message(
            Type::Confirmable,
            Code::CONTENT,
            77,
            header.token,
            None,
            b"late",
        );
        Some(vec![empty, late])
    });
    let (result, body, ..) = ask(&[], &[address]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!(body, "late");
    thread.join().unwrap();
}

#[test]
fn no_answer() {
    let (address, _thread) = server(|_, _| Some(Vec::new()));
    let (result, ..) = ask(&["-m", "0.2"], &[address]);
    let said = result.unwrap_err().to_string();
    assert!(
        said.contains("(--max-time); nothing came from there"),
        "{said}"
    );

    let (address, _thread) = server(|_, received| {
        let id = received.header.id;
        Some(vec![message(
            Type::Acknowledgement,
            Code::EMPTY,
            id,
            Token::EMPTY,
            None,
            b"",
        )])
    });
    // A short time may be over before anything has come.
    let mut said = String::new();
    for time in ["0.2", "2", "20"] {
        let (result, ..) = ask(&["-m", time], &[address]);
        said = result.unwrap_err().to_string();
        if said.contains("s before, was ACK, id 0x") {
            break;
        }
    }
    assert!(said.contains("s before, was ACK, id 0x"), "{said}");

    let (address, _thread) = server(|_, received| {
        let id = received.header.id;
        Some(vec![message(
            Type::Reset,
            Code::EMPTY,
            id,
            Token::EMPTY,
            None,
            b"",
        )])
    });
    let (result, ..) = ask(&[], &[address]);
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains("rejected the message (RST)")
    );
}

/// A port that is closed to everybody, and what keeps it so: a socket that is connected to itself.
fn closed_port() -> (SocketAddr, UdpSocket) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket.connect(address).unwrap();
    (address, socket)
}

/// A request goes to one address only, which has answered a ping.
#[test]
fn the_next_address_is_tried() {
    let [(closed, _one), (other, _other)] = [closed_port(), closed_port()];
    let (address, _thread) =
        server(|_, received| Some(vec![answer(received, Code::CONTENT, b"x")]));
    let (result, body, outcome, _) = ask(&[], &[closed, address]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!((&*body, outcome.remote), ("x", Some(address)));

    let (address, _thread) = server(|count, received| {
        let header = received.header;
        Some(vec![match count {
            0 => {
                assert_eq!((header.kind, header.code), (Type::Confirmable, Code::EMPTY));
                message(Type::Reset, Code::EMPTY, header.id, Token::EMPTY, None, b"")
            }
            _ => answer(received, Code::CONTENT, b"y"),
        }])
    });
    let (result, body, outcome, _) = ask(&[], &[address, closed]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!((&*body, outcome.remote), ("y", Some(address)));

    // One that says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addresses = [silent.local_addr().unwrap(), address];
    let (result, body, ..) = ask(&["--connect-timeout", "0.2"], &addresses);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!(body, "y");
    let (result, ..) = ask(&["-m", "0.2"], &addresses);
    assert!(matches!(result, Err(Trouble::Silent(_))), "{result:?}");

    let (result, ..) = ask(&[], &[closed, other]);
    let trouble = result.unwrap_err();
    assert!(
        matches!(trouble, Trouble::Refused(_)) && trouble.is_absence(),
        "{trouble:?}"
    );
    assert!(matches!(ask(&[], &[]).0, Err(Trouble::NoAddress(host)) if host == "h"));
}

#[test]
fn a_ping() {
    let (address, _thread) = server(|_, received| {
        let header = received.header;
        assert_eq!(header.token, Token::EMPTY);
        Some(vec![message(
            Type::Reset,
            Code::EMPTY,
            header.id,
            Token::EMPTY,
            None,
            b"",
        )])
    });
    let arguments = parse(&["--ping", "--plain", "h"]).unwrap();
    let start = Instant::now();
    let (mut log, mut meter) = (Log::new(false, start), Meter::new(start));
    let mut outcome = Outcome::default();
    let result = perform(
        &arguments,
        vec![address],
        Wish::Ping,
        &mut log,
        &mut meter,
        &mut outcome,
    );
    assert!(matches!(result, Ok(End::Pong(_))), "{result:?}");
    // Who is slow repeats it.
    if meter.repeated == 0 {
        assert_eq!((meter.up.bytes, meter.down.bytes), (4, 4));
    }
}

#[test]
fn states_until_there_are_enough() {
    let (address, thread) = server(|count, received| {
        let header = received.header;
        let observe = received.options.uint(OptionNumber::OBSERVE);
        let id = 1000 + count as u16;
        let state = |number, body: &[u8]| {
            message(
                Type::Confirmable,
                Code::CONTENT,
                id,
                header.token,
                Some(number),
                body,
            )
        };
        Some(match (header.kind, observe) {
            (Type::Confirmable, Some(0)) => {
                let (ack, code) = (Type::Acknowledgement, Code::CONTENT);
                let first = message(ack, code, header.id, header.token, Some(2), b"one");
                vec![first, state(3, b"two\n")]
            }
            (Type::Confirmable, Some(1)) => vec![answer(received, Code::CONTENT, b"")],
            (Type::Acknowledgement, _) if count == 1 => Vec::new(),
            other => panic!("{other:?}"),
        })
    });
    let (result, bodies, outcome, _) = ask(&["--observe", "--count", "2"], &[address]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!((&*bodies, outcome.states), ("one\ntwo\n", 2));
    drop(thread);
}

#[test]
fn states_that_are_not_told() {
    let plain = |_, received: &Message<'_>| Some(vec![answer(received, Code::CONTENT, b"one")]);
    let (address, _thread) = server(plain);
    let (result, bodies, ..) = ask(&["--observe"], &[address]);
    assert!(matches!(result, Err(Trouble::NotObserved)), "{result:?}");
    assert_eq!(bodies, "one\n");
    let (address, _thread) = server(plain);
    let (result, ..) = ask(&["--observe", "--count", "1"], &[address]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");

    let (address, _thread) =
        server(|_, received| Some(vec![answer(received, Code::UNAUTHORIZED, b"who?")]));
    let (result, bodies, outcome, _) = ask(&["--observe"], &[address]);
    assert!(matches!(result, Ok(End::Answered)), "{result:?}");
    assert_eq!(bodies, "who?\n");
    assert_eq!(outcome.response.unwrap().code, Code::UNAUTHORIZED);
}

#[test]
fn cbor_is_shown_as_json() {
    // Labelled as JSON by nobody, or by the Go proxy; what is no CBOR stays.
    for (sent, shown) in [
        (&b"\xa1\x02\x01"[..], "{\"type\":1}\n"),
        (b"{\"type\":1}", "{\"type\":1}"),
        (b"text", "text"),
        (b"", ""),
    ] {
        let (address, _thread) =
            server(move |_, received| Some(vec![answer(received, Code::CONTENT, sent)]));
        let (result, body, ..) = ask(&["--keys"], &[address]);
        assert!(matches!(result, Ok(End::Answered)), "{result:?}");
        assert_eq!(body, shown);
    }
}

#[test]
fn the_head_comes_first() {
    let (address, _thread) = server(|_, received| {
        let header = received.header;
        Some(vec![message(
            Type::Acknowledgement,
            Code::TOO_MANY_REQUESTS,
            header.id,
            header.token,
            None,
            b"slow",
        )])
    });
    let (_, body, ..) = ask(&["-i"], &[address]);
    assert_eq!(body, "4.29 Too Many Requests\n\nslow");
}

/// What it exits with against a server that gives this answer.
fn judgement(flags: &[&str], code: Code) -> (ExitCode, bool) {
    let (address, _thread) = server(move |_, received| Some(vec![answer(received, code, b"x")]));
    let arguments = parse(&[&["--plain", "h"], flags].concat()).unwrap();
    let start = Instant::now();
    let (mut log, mut meter) = (Log::new(false, start), Meter::new(start));
    let mut outcome = Outcome::default();
    let wish = request::wish(&arguments).unwrap();
    let result = perform(
        &arguments,
        vec![address],
        wish,
        &mut log,
        &mut meter,
        &mut outcome,
    );
    let is_stalled = matches!(result, Err(Trouble::Stalled(Stall::TimeUp)));
    (finish(&arguments, &outcome, result), is_stalled)
}

#[test]
fn a_file_that_cannot_be_written() {
    let flags = ["-o", "/nonexistent/file"];
    assert_eq!(judgement(&flags, Code::CONTENT), (ExitCode::FAILURE, false));
}

/// Nobody reads at the other end of it, so that it cannot even be opened.
#[test]
fn a_file_that_takes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // A short time may be over before there is anything to be written.
    let is_stalled = ["0.5", "5", "50"].into_iter().any(|time| {
        let flags = ["-m", time, "-o", path.to_str().unwrap()];
        let (exit, is_stalled) = judgement(&flags, Code::CONTENT);
        assert_eq!(exit, ExitCode::FAILURE);
        is_stalled
    });
    assert!(is_stalled);
}

/// Whoever reads has had enough; the answer counts all the same.
#[test]
fn a_reader_that_ends_early() {
    for (code, exit) in [
        (Code::CONTENT, ExitCode::SUCCESS),
        (Code::NOT_FOUND, ExitCode::FAILURE),
    ] {
        let arguments = parse(&["--plain", "h"]).unwrap();
        let options = OptionList::new();
        let outcome = Outcome {
            response: Some(Response {
                code,
                options,
                payload: bytes::Bytes::from_static(b"x"),
            }),
            ..Outcome::default()
        };
        let gone = End::Unwritten(ErrorKind::BrokenPipe.into());
        assert_eq!(finish(&arguments, &outcome, Ok(gone)), exit);
    }
}
