//! HTTP/2 spoken by somebody who means no good.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vestibule_e2e::{HttpOrigin, Neighbour, Origin, Record, Vestibule, connect, eventually};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET / HTTP/2` for the host `a`, by the static table (RFC 7541 appendix A).
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// One test at a time: they measure how long things take.
static TURN: Mutex<()> = Mutex::new(());

struct Stage {
    _turn: MutexGuard<'static, ()>,
    vestibule: Vestibule,
    origin: HttpOrigin,
    _echo: Origin,
    neighbour: Neighbour,
}

impl Stage {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (origin, echo) = (HttpOrigin::saying("ok"), Origin::echo());
        let vestibule = Vestibule::start(format!(
            "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
             [[listener]]\nname = \"echo\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
             [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\nkeep_alive_timeout = \"3s\"\n\
             [service.echo]\nupstreams = [\"{}\"]\n",
            origin.address(),
            echo.address()
        ));
        let neighbour = Neighbour::at(vestibule.address("echo"));
        Self {
            _turn: turn,
            vestibule,
            origin,
            _echo: echo,
            neighbour,
        }
    }

    fn client(&self) -> TcpStream {
        let mut stream = connect(self.vestibule.address("in"));
        stream.write_all(PREFACE).expect("a preface");
        stream
            .write_all(&frame(SETTINGS, 0, 0, &[]))
            .expect("settings");
        stream
    }

    /// Sends what `next` makes until we do not take it any more; answers how many pieces that were.
    /// What is answered is read by somebody else.
    #[track_caller]
    fn flood(&self, most: u32, mut next: impl FnMut(u32) -> Vec<u8>) -> u32 {
        let mut stream = self.client();
        let mut reader = stream.try_clone().expect("a second descriptor");
        std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let start = Instant::now();
        for i in 0..most {
            if stream.write_all(&next(i)).is_err() {
                return i;
            }
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "{i} in 2 minutes"
            );
        }
        most
    }

    /// Nobody else has noticed, and nothing is left.
    #[track_caller]
    fn end(mut self, before: usize) {
        self.neighbour.assert_undisturbed();
        let vestibule = &self.vestibule;
        eventually("the connections to end", || {
            let shown = vestibule.ask(&["show", "connections"]);
            shown["connections"].as_array().expect("a list").len() <= 1
        });
        let now = self.vestibule.process().resident_memory();
        assert!(
            now < before + (48 << 20),
            "{before} bytes have become {now}"
        );
    }
}

#[test]
fn a_request_is_answered() {
    let stage = Stage::new();
    let mut stream = stage.client();
    let get = frame(HEADERS, END_STREAM | END_HEADERS, 1, GET);
    stream.write_all(&get).expect("a request");
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    while !heard.windows(2).any(|window| window == b"ok") {
        match stream.read(&mut piece) {
            Ok(n @ 1..) => heard.extend_from_slice(&piece[..n]),
            end => panic!("{end:?} after {heard:?}"),
        }
    }
    assert!(stage.origin.head().starts_with("GET / HTTP/1.1\r\n"));
}

/// One client must not use all descriptors up: each connection to a server beyond its first takes a
/// place.
#[test]
fn requests_at_once_need_places() {
    let origin = HttpOrigin::start(|_, stream| {
        std::thread::sleep(Duration::from_secs(5));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).is_ok()
    });
    let vestibule = Vestibule::start(format!(
        "[limits]\nconnections = 4\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let mut stream = connect(vestibule.address("in"));
    let mut asked = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    for i in 0..10 {
        asked.extend(frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, GET));
    }
    stream.write_all(&asked).expect("ten requests");
    let reading = stream.try_clone().expect("a second descriptor");
    std::thread::spawn(move || std::io::copy(&mut &reading, &mut std::io::sink()));
    let records = vestibule.wait_for_records(10);
    let refused = |record: &&Record| record.text("end") == "connection_limit";
    assert_eq!(records.iter().filter(refused).count(), 6);
    assert_eq!(origin.accepted(), 4);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    eventually("the places to be free", || {
        vestibule.metrics().value("vestibule_places_used", &[]) == 0
    });
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    // POST in the place of GET.
    let post = [&[0x83], &GET[1..]].concat();
    let origin = HttpOrigin::start(|_, stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        false
    });
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\n\
         idle_timeout = {{ client = \"1s\", upstream = \"30s\" }}\n",
        origin.address()
    ));
    let mut stream = connect(vestibule.address("in"));
    let asked = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        &frame(HEADERS, END_HEADERS, 1, &post),
    ];
    let start = Instant::now();
    stream.write_all(&asked.concat()).expect("a request");
    let record = vestibule.record("the request", |record| record.text("event") == "request");
    let took = start.elapsed();
    record.assert(&[("end", "http_request_timeout")]);
    assert_eq!(record.number("status"), 408);
    assert!(took > Duration::from_millis(800), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn who_does_not_answer_goaway_does_not_hold_the_process() {
    let origin = HttpOrigin::saying("ok");
    let mut vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let mut silent = connect(vestibule.address("in"));
    let asked = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        &frame(HEADERS, END_STREAM | END_HEADERS, 1, GET),
    ];
    silent.write_all(&asked.concat()).expect("a request");
    vestibule.record("the request", |record| record.text("event") == "request");
    let start = Instant::now();
    assert!(vestibule.terminate().success());
    let took = start.elapsed();
    assert!(took < Duration::from_secs(25), "{took:?}");
}

#[test]
fn rapid_resets_end_the_connection() {
    let mut stage = Stage::new();
    let before = stage.vestibule.process().resident_memory();
    // Long enough for others to notice.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        let sent = stage.flood(200_000, |i| {
            let stream = 2 * i + 1;
            let mut pair = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
            pair.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
            pair
        });
        assert!(sent < 100_000, "{sent} resets were taken");
    }
    // What a library thinks of it is not for the log.
    let is_alarm = |line: &String| line.contains("WARN");
    assert_eq!(
        stage
            .vestibule
            .event_lines()
            .iter()
            .find(|line| is_alarm(line)),
        None
    );
    stage.end(before);
}

#[test]
fn a_head_without_end_ends_the_connection() {
    let mut stage = Stage::new();
    let before = stage.vestibule.process().resident_memory();
    let sent = stage.flood(20_000, |i| match i {
        0 => frame(HEADERS, END_STREAM, 1, GET),
        // A literal field without indexing, of 4000 bytes.
        _ => {
            let mut field = vec![0x00, 1, b'x', 0x7f, 0xa1, 0x1e];
            field.extend(vec![b'y'; 4000]);
            frame(CONTINUATION, 0, 1, &field)
        }
    });
    assert!(sent < 5_000, "{sent} frames were taken");
    assert!(stage.origin.is_quiet());
    stage.end(before);
}

#[test]
fn pings_and_settings_without_end_are_borne() {
    let mut stage = Stage::new();
    let before = stage.vestibule.process().resident_memory();
    stage.flood(50_000, |i| match i % 2 {
        0 => frame(PING, 0, 0, &[0; 8]),
        _ => frame(SETTINGS, 0, 0, &[]),
    });
    stage.end(before);
}

/// Each asks for nothing more, and none of them reads.
#[test]
fn silent_and_broken_clients_are_not_kept() {
    let mut stage = Stage::new();
    let before = stage.vestibule.process().resident_memory();
    let silent: Vec<_> = (0..100).map(|_| stage.client()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let mut broken = stage.client();
    broken
        .write_all(&frame(HEADERS, END_HEADERS, 2, GET))
        .expect("an even stream");
    let mut garbage = connect(stage.vestibule.address("in"));
    garbage.write_all(PREFACE).expect("a preface");
    garbage.write_all(&[0xff; 4096]).expect("garbage");
    for stream in [&mut broken, &mut garbage] {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // They have not said goodbye, and we have after `keep_alive_timeout`.
    stage.end(before);
    drop(silent);
}
