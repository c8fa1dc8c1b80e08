//! Addresses that are not IPv4: unix sockets on both sides, and IPv6.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use vestibule_e2e::{
    Origin, PATIENCE, ProxyOrigin, ReservedPort, Setup, Vestibule, connect, exchange, try_connect,
    wait_for,
};
use vestibule_proxy_protocol::Version;

fn unix_listener(path: &Path, keys: &str, upstream: &str) -> String {
    format!(
        "[[listener]]\nname = \"in\"\nbind = \"unix:{}\"\nservice = \"s\"\n{keys}\n\
         [service.s]\nupstreams = [\"{upstream}\"]\nsend_proxy = \"v2\"\n",
        path.display()
    )
}

/// Connects, sends `bytes` and FIN, and answers what comes back.
fn ask(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(path).expect("a listener");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(bytes).expect("the question");
    stream.shutdown(Shutdown::Write).expect("FIN");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer");
    answer
}

#[test]
fn a_unix_listener_is_for_owner_and_group_and_cleans_up() {
    let (origin, directory) = (
        ProxyOrigin::echo(),
        tempfile::tempdir().expect("a directory"),
    );
    let path = directory.path().join("in.sock");
    let tables = unix_listener(&path, "", &origin.address().to_string());
    let mut vestibule = Vestibule::start(tables.clone());
    let announced = format!("unix:{}", path.display());
    assert_eq!(vestibule.addresses("in"), [announced]);
    let mode = fs::metadata(&path)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660, "{mode:o}");

    assert_eq!(ask(&path, b"hello"), b"hello");
    // A client without an IP address is sent as our own socket.
    let told = origin.told();
    assert_eq!(told.destination, Some(origin.address()));
    assert!(told.source.is_some_and(|source| source.ip().is_loopback()));
    let record = &vestibule.wait_for_records(1)[0];
    record.assert(&[("client", "unix"), ("end", "eof"), ("service", "s")]);

    // Somebody listens there: that is an error, and the first one goes on.
    let mut second = Setup::new(tables).spawn();
    assert_eq!(second.process().wait().code(), Some(1));
    second.process().wait_for_line("another process listens");
    assert_eq!(ask(&path, b"still here"), b"still here");

    assert_eq!(vestibule.terminate().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_removed_and_nothing_else_is() {
    let (origin, directory) = (
        ProxyOrigin::echo(),
        tempfile::tempdir().expect("a directory"),
    );
    let path = directory.path().join("in.sock");
    let tables = unix_listener(&path, "", &origin.address().to_string());
    drop(UnixListener::bind(&path).expect("a socket that nobody listens on"));
    assert!(path.exists());
    let vestibule = Vestibule::start(tables.clone());
    assert_eq!(ask(&path, b"hello"), b"hello");
    drop(vestibule);

    fs::remove_file(&path).expect("what a killed process left");
    fs::write(&path, "precious").expect("a file");
    let mut refused = Setup::new(tables).spawn();
    assert_eq!(refused.process().wait().code(), Some(1));
    refused.process().wait_for_line("not a socket");
    assert_eq!(fs::read(&path).expect("the file"), b"precious");
}

/// Whoever may open the socket is trusted: its mode says who that is.
#[test]
fn a_header_over_a_unix_socket_is_believed() {
    let (origin, directory) = (
        ProxyOrigin::echo(),
        tempfile::tempdir().expect("a directory"),
    );
    let path = directory.path().join("in.sock");
    let keys = "[listener.proxy_protocol]\ntrusted = [\"192.0.2.0/24\"]";
    let vestibule = Vestibule::start(unix_listener(&path, keys, &origin.address().to_string()));
    let header = b"PROXY TCP6 2001:db8::1 2001:db8::2 4000 5222\r\nhello";
    assert_eq!(ask(&path, header), b"hello");
    let told = origin.told();
    assert_eq!(
        told.source,
        Some("[2001:db8::1]:4000".parse().expect("an address"))
    );
    let record = &vestibule.wait_for_records(1)[0];
    record.assert(&[
        ("client", "[2001:db8::1]:4000"),
        ("peer", "unix"),
        ("destination", "[2001:db8::2]:5222"),
    ]);
}

#[test]
fn an_upstream_may_be_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("origin.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = stream.try_clone().expect("a descriptor");
            let mut writer = stream;
            thread::spawn(move || std::io::copy(&mut reader, &mut writer));
        }
    });
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"unix:{}\"]\n",
        path.display()
    ));
    let mut stream = connect(vestibule.address("in"));
    let bytes = vec![5; 3_000_000];
    let expected = bytes.clone();
    let mut writer = stream.try_clone().expect("a descriptor");
    let sender = thread::spawn(move || {
        writer.write_all(&bytes).expect("the bytes");
        writer.shutdown(Shutdown::Write).expect("FIN");
    });
    let (answer, _) = vestibule_e2e::read_to_end(&mut stream);
    assert!(answer == expected);
    sender.join().expect("the sender");
    let record = vestibule.record_of(stream.local_addr().expect("an address"));
    record.assert(&[
        ("upstream", &format!("unix:{}", path.display())),
        ("end", "eof"),
    ]);
}

#[test]
fn ipv6_on_every_side() {
    let origin = Origin::echo_at("[::1]:0".parse().expect("an address"));
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"[::1]:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let mut stream = connect(vestibule.address("in"));
    exchange(&mut stream, b"hello");
    let own = stream.local_addr().expect("an address");
    drop(stream);
    let record = vestibule.record_of(own);
    record.assert(&[
        ("client", &own.to_string()),
        ("destination", &vestibule.address("in").to_string()),
        ("upstream", &origin.address().to_string()),
    ]);
}

#[test]
fn a_header_of_ipv6_goes_in_and_out() {
    for (version, name) in [(Version::V1, "v1"), (Version::V2, "v2")] {
        let origin = ProxyOrigin::echo();
        let vestibule = Vestibule::start(format!(
            "[[listener]]\nname = \"in\"\nbind = \"[::1]:0\"\nservice = \"s\"\n\
             [listener.proxy_protocol]\n\
             [service.s]\nupstreams = [\"{}\"]\nsend_proxy = \"{name}\"\n",
            origin.address()
        ));
        let mut stream = connect(vestibule.address("in"));
        stream
            .write_all(b"PROXY TCP6 2001:db8::1 2001:db8::2 4000 5222\r\n")
            .expect("a header");
        exchange(&mut stream, b"hello");
        let told = origin.told();
        assert_eq!(told.version, version);
        assert_eq!(
            told.source,
            Some("[2001:db8::1]:4000".parse().expect("an address"))
        );
        assert_eq!(
            told.destination,
            Some("[2001:db8::2]:5222".parse().expect("an address"))
        );
    }
}

/// `[::]` is IPv6 and nothing else, so that `0.0.0.0` can have the same port and its own policy.
#[test]
fn the_ipv6_wildcard_takes_no_ipv4() {
    let origin = Origin::echo();
    let reserved = ReservedPort::new();
    let port = reserved.port();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"six\"\nbind = \"[::]:{port}\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    exchange(
        &mut connect(SocketAddr::new([0, 0, 0, 0, 0, 0, 0, 1].into(), port)),
        b"six",
    );
    let four = SocketAddr::new([127, 0, 0, 1].into(), port);
    assert!(try_connect(four).is_err());
    let both = format!(
        "[[listener]]\nname = \"four\"\nbind = \"0.0.0.0:{port}\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    );
    let _four = Vestibule::start(both);
    exchange(&mut connect(four), b"four");
    let record = wait_for("the record of the first", || {
        vestibule.records().into_iter().next()
    });
    assert!(record.text("client").starts_with("[::1]:"), "{record:?}");
}
