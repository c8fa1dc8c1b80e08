//! Another host in the server's network that has captured what a client has sent.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use vestibule_dtls::client::Memory;
use vestibule_dtls::session::Version;
use vestibule_e2e::dtls::HOST;
use vestibule_e2e::{eventually, in_network_namespace};

use super::{Site, echo, large};

const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

struct Stranger {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Stranger {
    fn new(site: &Site) -> Self {
        let socket = UdpSocket::bind((HOST, 0)).expect("an address of the router");
        let timeout = socket.set_read_timeout(Some(Duration::from_millis(100)));
        timeout.expect("a timeout");
        let server = site.server.address();
        Self { socket, server }
    }

    fn send(&self, datagram: &[u8]) {
        let sent = self.socket.send_to(datagram, self.server);
        sent.expect("a datagram is sent");
    }

    /// What it gets.
    fn receive(&self) -> Vec<Vec<u8>> {
        let mut datagram = [0; 4096];
        let receive = || Some(self.socket.recv(&mut datagram).ok());
        std::iter::from_fn(receive)
            .map_while(|length| length.map(|length| vec![0; length]))
            .collect()
    }
}

/// Whether a datagram begins with a ClientHello: content type handshake, and its type behind the header of
/// the record.
fn is_hello(datagram: &[u8]) -> bool {
    datagram.first() == Some(&22) && datagram.get(13) == Some(&1)
}

/// Everything that a client has sent, once more, from elsewhere and from its own address.
#[test]
fn replayed_records_move_nothing() {
    if !in_network_namespace("strangers::replayed_records_move_nothing") {
        return;
    }
    let site = Site::new();
    for version in VERSIONS {
        let mut client = site.client(version, &Memory::default());
        for number in 0..20 {
            client.request(echo(&number.to_string()));
        }
        let begun = site.server.count("handshakes_begun", &[]);
        let captured = client.trace().sent.clone();
        let stranger = Stranger::new(&site);
        for datagram in &captured {
            stranger.send(datagram);
            client.inject(datagram);
        }
        // A cookie for the first hello, a short alert for the cookie of somebody else in the
        // second: that is all that there is. Hellos may have been sent again.
        let answers = stranger.receive();
        let hellos: Vec<_> = captured.iter().filter(|it| is_hello(it)).collect();
        assert!(answers.len() <= hellos.len(), "{answers:?}");
        for (answer, hello) in answers.iter().zip(hellos) {
            assert!(
                answer.len() < hello.len(),
                "{} {}",
                answer.len(),
                hello.len()
            );
        }
        assert_eq!(
            site.server.count("address_changes", &[("result", "tried")]),
            0
        );
        assert_eq!(site.server.count("handshakes_begun", &[]), begun);
        assert!(site.server.moved().is_empty());
        assert!(site.server.closed().is_empty());
        for number in 0..20 {
            let body = number.to_string();
            assert_eq!(client.request(echo(&body)).payload, body);
        }
    }
}

/// The stranger is faster than the client: its copy of a record is the first that comes. So it gets
/// what an address gets that nobody has proven, and no more.
#[test]
fn records_that_a_stranger_brings_first_move_nothing() {
    if !in_network_namespace("strangers::records_that_a_stranger_brings_first_move_nothing") {
        return;
    }
    let site = Site::new();
    for (at, version) in VERSIONS.into_iter().enumerate() {
        let mut client = site.client(version, &Memory::default());
        client.request(echo("at home"));
        for (request, length) in [(echo("small"), 5), (large(900), 900)] {
            let stranger = Stranger::new(&site);
            client.withhold();
            let id = client.begin(request);
            let record = client.take_withheld().remove(0);
            let mut forged = record.clone();
            *forged.last_mut().expect("a record") ^= 1;
            stranger.send(&forged);
            assert!(stranger.receive().is_empty());
            stranger.send(&record);
            let mut answers = stranger.receive();
            stranger.send(&record);
            // The client repeats its request, for it has no answer.
            assert_eq!(client.answer(id).payload.len(), length);
            client.inject(&record);
            let body = "still there";
            assert_eq!(client.request(echo(body)).payload, body);
            answers.extend(stranger.receive());
            let bytes: usize = answers.iter().map(Vec::len).sum();
            let (sent, most) = (record.len(), 3 * record.len());
            assert!(bytes <= most, "{bytes} bytes for {sent}");
        }
        let tried = [("result", "tried")];
        eventually("the addresses that were tried", || {
            site.server.count("address_changes", &tried) == 2 * (at as u64 + 1)
        });
        assert!(site.server.moved().is_empty());
        assert!(site.server.closed().is_empty());
        assert_eq!(site.server.count("handshakes_begun", &[]), at as u64 + 1);
    }
}

/// Records of nobody: what comes back is never longer than what came.
#[test]
fn records_of_unknown_associations() {
    if !in_network_namespace("strangers::records_of_unknown_associations") {
        return;
    }
    let site = Site::new();
    for version in VERSIONS {
        let mut client = site.client(version, &Memory::default());
        client.request(echo("at home"));
        let record = client.trace().sent.last().expect("a request").clone();
        let stranger = Stranger::new(&site);
        for id in 0..=255_u8 {
            let mut datagram = record.clone();
            let at = match version {
                // Behind content type, version, epoch and number; or behind the first byte.
                Version::Dtls12 => 11,
                Version::Dtls13 => 1,
            };
            datagram[at..at + 4].copy_from_slice(&[id, !id, id, !id]);
            stranger.send(&datagram);
        }
        let answers = stranger.receive();
        assert!(answers.iter().all(|it| it.len() <= record.len()));
        assert!(answers.len() <= 50 * 4, "{} alerts", answers.len());
        assert_eq!(client.request(echo("still there")).payload, "still there");
    }
}
