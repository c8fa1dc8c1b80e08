//! The control socket: which connections a delayed drain ends, and requests that are too long.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use vestibule_e2e::{End, Origin, PATIENCE, Vestibule, connect, exchange, read_to_end};

/// The longest request, in bytes with its end of line.
const LONGEST: usize = 64 * 1024;

fn in_front_of(origin: &Origin) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ))
}

fn carried(vestibule: &Vestibule) -> TcpStream {
    let mut stream = connect(vestibule.address("in"));
    exchange(&mut stream, b"hello");
    stream
}

/// A new configuration may be meant for those that come after the command.
#[test]
fn a_delayed_drain_spares_those_that_came_after_it() {
    const AFTER: Duration = Duration::from_millis(700);
    let origin = Origin::echo();
    let vestibule = in_front_of(&origin);
    let mut live = [carried(&vestibule), carried(&vestibule)];
    let asked = Instant::now();
    let answer = vestibule.ask(&["drain", "s", "--after", "700ms"]);
    assert_eq!(answer["connections"], 2, "{answer}");
    let mut newcomers = [(); 6].map(|()| carried(&vestibule));
    for stream in &mut live {
        assert_eq!(read_to_end(stream), (Vec::new(), End::Fin));
        assert!(asked.elapsed() >= AFTER, "{:?}", asked.elapsed());
    }
    let drained = |vestibule: &Vestibule| {
        let records = vestibule.records().into_iter();
        records.filter(|r| r.text("end") == "drained").count()
    };
    vestibule.wait_for_records(2);
    // Whoever was to go with them has gone now.
    thread::sleep(Duration::from_millis(300));
    for stream in &mut newcomers {
        exchange(stream, b"still here");
    }
    assert_eq!(drained(&vestibule), 2);
    let shown = vestibule.ask(&["show", "connections"]);
    assert_eq!(shown["connections"].as_array().map(Vec::len), Some(6));
    // Without a delay, it is all that are live.
    assert_eq!(vestibule.ask(&["drain", "s"])["connections"], 6);
    for stream in &mut newcomers {
        assert_eq!(read_to_end(stream), (Vec::new(), End::Fin));
    }
}

/// What follows a line that is too long is its tail, and not another request.
#[test]
fn a_request_that_is_too_long_gets_one_answer_and_does_nothing() {
    let origin = Origin::echo();
    let vestibule = in_front_of(&origin);
    let mut live = carried(&vestibule);
    let command = "{\"command\":\"drain\",\"service\":\"s\",\"after_ms\":0}\n";
    for spaces in [LONGEST - command.len() + 1, LONGEST, 10_000_000] {
        let answers = converse(
            &vestibule,
            &[&vec![b' '; spaces], command.as_bytes()].concat(),
        );
        assert_eq!(answers.len(), 1, "{spaces} spaces: {answers:?}");
        assert_eq!(answers[0]["answer"], "failed", "{spaces} spaces");
        let message = answers[0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("at most 65536 bytes"), "{message}");
        exchange(&mut live, b"nothing was carried out");
        let listeners = vestibule.ask(&["show", "listeners"]);
        assert_eq!(listeners["listeners"][0]["listener"], "in");
    }
    // One byte less is not too long.
    let spaces = vec![b' '; LONGEST - command.len()];
    let answers = converse(&vestibule, &[&spaces, command.as_bytes()].concat());
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["connections"], 1, "{answers:?}");
    assert_eq!(read_to_end(&mut live), (Vec::new(), End::Fin));
}

/// A client of the control socket that stops in the middle of a request keeps nobody waiting.
#[test]
fn half_a_request_delays_nobody() {
    let origin = Origin::echo();
    let vestibule = in_front_of(&origin);
    let halves = [(); 50].map(|()| {
        let mut stream = UnixStream::connect(vestibule.control()).expect("the control socket");
        stream.write_all(b"{\"command\":").expect("half a request");
        stream
    });
    let asked = Instant::now();
    let answer = vestibule.ask(&["show", "services"]);
    assert_eq!(answer["services"][0]["service"], "s");
    assert!(asked.elapsed() < Duration::from_secs(20));
    // The other half may come later.
    for mut stream in halves {
        stream
            .write_all(b"\"show_services\"}\n")
            .expect("the other half");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let mut answer = String::new();
        BufReader::new(stream)
            .read_line(&mut answer)
            .expect("an answer");
        assert!(answer.contains("\"answer\":\"services\""), "{answer}");
    }
}

/// Sends `bytes`, says FIN, and answers all that comes back.
fn converse(vestibule: &Vestibule, bytes: &[u8]) -> Vec<Value> {
    let mut stream = UnixStream::connect(vestibule.control()).expect("the control socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time");
    // Vestibule may close before it has read all; what it answered is there all the same.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answers = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        answers.extend_from_slice(&buffer[..n]);
    }
    let answers = answers.split(|byte| *byte == b'\n');
    let answers = answers.filter(|line| !line.is_empty());
    answers
        .map(|line| serde_json::from_slice(line).expect("an answer in JSON"))
        .collect()
}
