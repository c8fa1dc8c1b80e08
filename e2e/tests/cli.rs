//! What people type, what the program refuses to start with, and where it writes.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use vestibule_e2e::{
    Origin, Process, ReservedPort, Setup, Vestibule, check, connect, eventually, exchange, program,
    wait_for,
};

const GOOD: &str = "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:5222\"\nservice = \"c2s\"\n\
                    [service.c2s]\nupstreams = [\"127.0.0.1:15222\"]\n";

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn tables(origin: &Origin) -> String {
    format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        origin.address()
    )
}

#[test]
fn check_says_the_plan_of_a_good_file() {
    let output = check(GOOD, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let plan = stdout(&output);
    for word in ["127.0.0.1:5222", "c2s", "127.0.0.1:15222", "is fine"] {
        assert!(plan.contains(word), "{word} in {plan}");
    }
    assert_eq!(stderr(&output), "");
}

#[test]
fn check_says_warnings_beside_the_plan() {
    let unused = format!("{GOOD}[service.unused]\nupstreams = [\"127.0.0.1:1\"]\n");
    let output = check(&unused, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("with 1 warning"), "{output:?}");
    assert!(stderr(&output).contains("unused"), "{output:?}");
}

/// Ten mistakes of different kinds, each on the line that the comment names.
const TEN_MISTAKES: &str = r#"
[runtime]
workers = 0                                     # 3: a number out of range

[limits]
drain_timeout = "30 parsecs"                    # 6: not a duration
conections = 8000                               # 7: an unknown key

[[listener]]
name = "in"
bind = "127.0.0.1"                              # 11: an address without port
service = "c2z"                                 # 12: no such service
[listener.proxy_protocol]
trusted = ["127.0.0.1/8"]                       # 14: bits behind the prefix
mode = "perhaps"                                # 15: not one of the words
max_header = "1 furlong"                        # 16: not a size

[service.c2s]
upstreams = "127.0.0.1:5222"
balance = 7                                     # 20: a wrong type
send_proxy = { version = "v1", tlvs = ["ssl"] } # 21: TLVs in version 1
"#;

#[test]
fn check_reports_ten_mistakes_in_one_go() {
    let lines = [3, 6, 7, 11, 12, 14, 15, 16, 20, 21];
    let output = check(TEN_MISTAKES, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(stdout(&output), "");
    let report = stderr(&output);
    for line in lines {
        let place = format!("vestibule.toml:{line}:");
        assert!(report.contains(&place), "{place} in {report}");
    }
    assert!(report.contains("10 errors"), "{report}");
    // What is misspelt is told from what was meant.
    assert!(report.contains("connections"), "{report}");
    assert!(report.contains("c2s"), "{report}");

    let output = check(TEN_MISTAKES, &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], false);
    let errors: Vec<&Value> = report["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|found| found["severity"] == "error")
        .collect();
    let found: Vec<_> = errors.iter().map(|error| error["line"].as_u64()).collect();
    assert_eq!(found, lines.map(Some));
    let mut codes: Vec<_> = errors.iter().map(|error| error["code"].as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() >= 9, "{codes:?}");
    assert!(
        errors
            .iter()
            .all(|error| error["column"].as_u64() > Some(0))
    );
}

#[test]
fn check_as_json_of_a_good_file() {
    let output = check(GOOD, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], true);
    assert_eq!(report["diagnostics"], serde_json::json!([]));
    assert!(
        report["plan"]
            .as_str()
            .is_some_and(|plan| plan.contains("c2s"))
    );
}

#[test]
fn exit_codes_tell_usage_from_wrong() {
    let run = |arguments: &[&str]| {
        let output = program().args(arguments).output().expect("the program");
        output.status.code()
    };
    assert_eq!(run(&["check", "/nonexistent/vestibule.toml"]), Some(1));
    assert_eq!(run(&["run", "/nonexistent/vestibule.toml"]), Some(1));
    assert_eq!(
        run(&["reload", "--control", "/nonexistent/control.sock"]),
        Some(1)
    );
    assert_eq!(run(&["chek"]), Some(2));
    assert_eq!(run(&["check", "--nonsense"]), Some(2));
    assert_eq!(run(&["--version"]), Some(0));
    assert_eq!(run(&["--help"]), Some(0));
}

#[test]
fn a_file_with_mistakes_starts_nothing() {
    let mut vestibule = Setup::new(TEN_MISTAKES.replace("[runtime]\nworkers = 0", "\n")).spawn();
    assert_eq!(vestibule.process().wait().code(), Some(1));
    vestibule.process().wait_for_line("nothing was started");
}

#[test]
fn the_control_socket_is_for_its_owner_only() {
    let origin = Origin::echo();
    let mut vestibule = Vestibule::start(tables(&origin));
    let control = vestibule.control();
    let mode = fs::metadata(&control)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    // What a process that was killed has left is no obstacle.
    vestibule.process().signal(Signal::KILL);
    vestibule.process().wait();
    assert!(control.exists());
    let config = vestibule.config();
    let mut again = Process::start("vestibule", program().arg("run").arg(config));
    again.wait_for_line("\"ready\"");
    let answer = vestibule.ask(&["show", "services"]);
    assert_eq!(answer["services"][0]["service"], "echo");
    again.signal(Signal::TERM);
    assert_eq!(again.wait().code(), Some(0));
}

/// SO_REUSEPORT would let two processes share a port without a word.
#[test]
fn a_second_start_on_the_same_port_is_refused() {
    let (origin, port) = (Origin::echo(), ReservedPort::new());
    let tables = format!(
        "[[listener]]\nname = \"front\"\nbind = \"{}\"\nservice = \"echo\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        port.address(),
        origin.address()
    );
    let mut first = Vestibule::start(tables.clone());
    let mut second = Setup::new(tables.clone()).spawn();
    assert_eq!(second.process().wait().code(), Some(1));
    let message = wait_for("a message", || {
        let lines = second.process().stderr();
        lines
            .into_iter()
            .find(|line| line.contains("cannot listen"))
    });
    let place = port.address().to_string();
    for word in ["front", place.as_str(), "in use"] {
        assert!(message.contains(word), "{word} in {message}");
    }
    // The first one has lost nothing of it.
    for _ in 0..50 {
        exchange(&mut connect(port.address()), b"still the first");
    }
    assert_eq!(origin.accepted(), 50);
    assert_eq!(first.terminate().code(), Some(0));
    let _third = Vestibule::start(tables);
}

#[test]
fn a_port_of_another_program_is_told() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let mut vestibule = Setup::new(format!(
        "[[listener]]\nname = \"taken\"\nbind = \"{address}\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"127.0.0.1:1\"]\n"
    ))
    .spawn();
    assert_eq!(vestibule.process().wait().code(), Some(1));
    vestibule.process().wait_for_line(&address);
    vestibule.process().wait_for_line("in use");
}

#[test]
fn more_connections_than_descriptors_are_refused_with_the_arithmetic() {
    let origin = Origin::echo();
    let limits = "[limits]\nconnections = 100000000\n".to_owned();
    let mut vestibule = Setup::new(limits + &tables(&origin)).spawn();
    assert_eq!(vestibule.process().wait().code(), Some(1));
    let message = wait_for("a message", || {
        let lines = vestibule.process().stderr();
        lines
            .into_iter()
            .find(|line| line.contains("limits.connections"))
    });
    for word in [
        "limits.connections = 100000000",
        "2 for each connection",
        "RLIMIT_NOFILE",
        "or less",
    ] {
        assert!(message.contains(word), "{word} in {message}");
    }
    // The number that it proposes does.
    let fitting = message
        .split("limits.connections to ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse::<usize>().ok())
        .unwrap_or_else(|| panic!("no number in {message}"));
    let limits = format!("[limits]\nconnections = {fitting}\n");
    Vestibule::start(limits + &tables(&origin));
}

#[test]
fn the_text_log_has_the_words_of_the_json_log() {
    let origin = Origin::echo();
    let vestibule = Setup::new(tables(&origin).replace(
        "service = \"echo\"\n[",
        "service = \"echo\"\n[listener.proxy_protocol]\n[",
    ))
    .text_log()
    .workers(1)
    .start();
    let listening = wait_for("the event log", || {
        let lines = vestibule.event_lines();
        lines.into_iter().find(|line| line.contains("listening"))
    });
    let address = listening
        .split("address=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no address in {listening}"));
    let mut stream = connect(address.parse().expect("an address"));
    let own = stream.local_addr().expect("an address");
    std::io::Write::write_all(
        &mut stream,
        b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 5222\r\n",
    )
    .expect("a header");
    exchange(&mut stream, b"hello");
    drop(stream);
    let line = wait_for("the record", || {
        let text = fs::read_to_string(vestibule.access_log()).ok()?;
        text.lines().next().map(str::to_owned)
    });
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[1], "close", "{line}");
    let mut rest = words[2..].iter();
    for expected in [
        "id=0-1".to_owned(),
        "listener=in".to_owned(),
        "client=192.0.2.1:4000".to_owned(),
        format!("peer={own}"),
        "destination=198.51.100.1:5222".to_owned(),
        "proxy_version=v1".to_owned(),
        "service=echo".to_owned(),
        format!("upstream={}", origin.address()),
        "bytes_in=5".to_owned(),
        "bytes_out=5".to_owned(),
        "end=eof".to_owned(),
        "ended_by=client".to_owned(),
    ] {
        // In this order; only the duration stands between.
        assert!(rest.any(|word| **word == expected), "{expected} in {line}");
    }
}

#[test]
fn the_access_log_can_be_rotated() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(&origin));
    let come = || {
        let mut stream = connect(vestibule.address("in"));
        exchange(&mut stream, b"hello");
    };
    come();
    vestibule.wait_for_records(1);
    let old = vestibule.directory().join("access.log.1");
    fs::rename(vestibule.access_log(), &old).expect("renaming in a temporary directory");
    // Until it is told, it goes on in the old file.
    come();
    let lines = || fs::read_to_string(&old).map_or(0, |text| text.lines().count());
    eventually("the record in the old file", || lines() == 2);
    vestibule.reload_by_signal();
    come();
    assert_eq!(vestibule.wait_for_records(1).len(), 1);
    assert_eq!(lines(), 2);
}

/// Runs the program with this as its standard output: what it says on standard error, and its code.
fn writing_to(output: impl Into<Stdio>, arguments: &[&str]) -> (String, Option<i32>) {
    let output = program()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .output()
        .expect("running the program");
    (stderr(&output), output.status.code())
}

#[test]
fn output_that_cannot_be_written() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("good.toml");
    fs::write(&file, GOOD).expect("a file");
    let file = file.to_str().expect("a path of ours");
    let origin = Origin::echo();
    let vestibule = Vestibule::start(tables(&origin));
    let control = vestibule.control();
    let control = control.to_str().expect("a path of ours");
    for arguments in [
        &["check", file][..],
        &["check", "--json", file],
        &["demo"],
        &["demo", "--once"],
        &["reload", "--control", control],
        &["show", "services", "--control", control],
        &["show", "services", "--json", "--control", control],
    ] {
        // A disk that is full.
        let full = fs::File::options().write(true).open("/dev/full");
        let full = full.expect("a device that is always full");
        let (said, code) = writing_to(full, arguments);
        assert_eq!(code, Some(1), "{arguments:?} {said}");
        let expected = "vestibule: cannot write standard output: No space left";
        assert!(said.starts_with(expected), "{arguments:?} {said}");
        // A reader that has had enough before anything came.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = writing_to(writer, arguments);
        assert_eq!(ended, (String::new(), Some(0)), "{arguments:?}");
    }
}

/// The directory of sockets is often made by who starts the program.
#[test]
fn a_control_socket_without_a_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let missing = directory.path().join("missing");
    let control = missing.join("control.sock");
    let file = directory.path().join("vestibule.toml");
    let origin = Origin::echo();
    let text = format!("[admin]\ncontrol = {control:?}\n{}", tables(&origin));
    fs::write(&file, text).expect("a file");
    let output = program().arg("run").arg(&file).output();
    let output = output.expect("running the program");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = format!("there is no directory {}\n", missing.display());
    assert!(said.ends_with(&expected), "{said}");
}
