//! The log of keys, for those who look at captured datagrams.

use std::fmt::Write;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;
use vestibule_dtls::client::{Memory, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::Authority;
use vestibule_e2e::dtls::{CoapsClient, CoapsServer, client_config, openssl_dtls};

use super::{NAME, PROGRAM, assert_talks};

#[test]
fn the_keys_are_those_that_the_clients_have() {
    let authority = Authority::new();
    let directory = TempDir::new().expect("a temporary directory");
    let ours = directory.path().join("ours");
    let theirs = directory.path().join("theirs");
    fs::write(&ours, "# kept\n").expect("a temporary file");
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o644)).expect("a file of ours");
    let mut command = Command::new(PROGRAM);
    command
        .args(["--bind", "127.0.0.1:0"])
        .env("SSLKEYLOGFILE", &ours);
    let server = CoapsServer::run(&mut command, &authority.server(&[NAME]), "");

    // DTLS 1.2: the same line as OpenSSL's.
    let mut client = openssl_dtls(
        server.address(),
        &format!("-keylogfile {}", theirs.display()),
    );
    assert_talks(&mut client);
    let theirs = fs::read_to_string(&theirs).expect("the keys of OpenSSL");
    let line = theirs
        .lines()
        .find(|line| line.starts_with("CLIENT_RANDOM "));
    let line = line.expect("a line with the keys").to_ascii_lowercase();
    let lines = || {
        let text = fs::read_to_string(&ours).expect("the keys of the server");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let has = |wanted: &str| {
        lines()
            .iter()
            .any(|line| line.to_ascii_lowercase() == wanted)
    };
    assert!(has(&line), "{line}: {:?}", lines());

    // DTLS 1.3: a line for each of its secrets, under the random of the client's hello.
    let mut config = client_config(&authority, NAME);
    config.versions = Versions::Only(Version::Dtls13);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut client = CoapsClient::connect(socket, server.address(), config, Memory::default());
    client.ping();
    // After the headers of the record and of the message, and the version.
    let random = client.trace().sent[0][27..59].iter();
    let random = random.fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text grows");
        text
    });
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        let begin = format!("{label} {random} ");
        assert!(
            lines().iter().any(|line| line.starts_with(&begin)),
            "{begin}: {:?}",
            lines()
        );
    }
    assert_eq!(lines()[0], "# kept");
    let mode = fs::metadata(&ours).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
