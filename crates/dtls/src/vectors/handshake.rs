//! Handshakes that somebody disturbs.

use std::{
    sync::{LazyLock, Mutex},
    time::Duration,
};

use super::{
    Kind, Pair, Way, client_settings, identity,
    pair::{Line, server_settings},
    script::Script,
};
use crate::{
    Session,
    session::Version,
    stack::{ClientSettings, Offer, Resumption, ServerSettings},
};

/// Less than any timeout.
const MOMENT: Duration = Duration::from_millis(100);

/// More than most repetitions.
const LONG: Duration = Duration::from_secs(20);

static SETTINGS: LazyLock<ServerSettings> =
    LazyLock::new(|| server_settings(&identity(Kind::P256)));

/// What clients resume, for each version.
static RESUMPTIONS: [LazyLock<Mutex<Option<Resumption>>>; 2] = [
    LazyLock::new(|| Mutex::new(ticket(Version::Dtls12))),
    LazyLock::new(|| Mutex::new(ticket(Version::Dtls13))),
];

/// Does a handshake over a line where `input` decides what becomes of each datagram: it arrives, is lost, comes twice or
/// late, is changed or cut, or something else comes in its place. Neither side panics then, both agree if both think
/// that it was a success, and another client finds the server as it was.
///
/// # Panics
/// If something does not hold.
pub fn check_handshake(input: &[u8]) {
    let mut script = Script(input);
    let first = script.byte();
    let version = match first & 1 {
        0 => Version::Dtls12,
        _ => Version::Dtls13,
    };
    let mut settings = client_settings(version);
    if first & 2 != 0 {
        settings.session = resumption(version);
    }
    let mut pair = Pair::new(&SETTINGS, &settings);
    if first & 4 != 0 {
        let offer = Offer {
            suites: &[0xc02b, 0x1301],
            connection_id: first & 8 != 0,
            p256: first & 16 != 0,
        };
        pair.reconnect_offering(&settings, &offer);
    }
    pair.skip_cookie = first & 32 != 0;
    pair.line = disturbed(script.0);
    pair.run(LONG);
    let agreements = (
        pair.client.agreement(),
        pair.server.as_ref().and_then(|server| server.agreement()),
    );
    if let (Some(client), Some(server)) = agreements {
        assert_eq!(client, server);
    }
    // What they say to each other goes the same way, as far as they do.
    let _ = pair.client.send(b"up");
    if let Some(server) = &mut pair.server {
        let _ = server.send(b"down");
        server.close();
    }
    pair.run(LONG);
    assert!(pair.at_server.iter().all(|payload| payload == b"up"));
    assert!(pair.at_client.iter().all(|payload| payload == b"down"));

    undisturbed(&mut pair, &settings);
}

/// Another client of the same server has no trouble.
pub(super) fn undisturbed(pair: &mut Pair, settings: &ClientSettings) {
    pair.line = Box::new(|_, _, datagram| vec![datagram]);
    pair.reconnect(settings);
    pair.run(MOMENT);
    assert!(pair.is_established());
    pair.client.send(b"up").expect("sent");
    pair.exchange();
    assert_eq!(pair.at_server, [b"up"]);
}

/// The line of a script. At its end it is a good one.
fn disturbed(script: &[u8]) -> Line {
    let owned = script.to_vec();
    let mut at = 0;
    let mut held: Vec<(Way, Vec<u8>)> = Vec::new();
    Box::new(move |way, _, mut datagram| {
        let mut script = Script(&owned[at..]);
        let mut arrives = Vec::new();
        match script.byte() % 12 {
            1 => {}
            2 => arrives.extend([datagram.clone(), datagram]),
            3 => held.push((way, datagram)),
            4..=6 => {
                for _ in 0..=script.byte() % 4 {
                    let (place, change) = (script.number(), script.byte());
                    let length = datagram.len();
                    datagram[place % length] ^= change;
                }
                arrives.push(datagram);
            }
            7 => {
                datagram.truncate(script.number() % datagram.len());
                arrives.push(datagram);
            }
            8 => {
                let length = usize::from(script.byte());
                arrives.push(script.bytes(length).to_vec());
                arrives.push(datagram);
            }
            9 => {
                let (place, length) = (script.number() % datagram.len(), script.byte());
                let inserted = script.bytes(usize::from(length)).iter().copied();
                datagram.splice(place..place, inserted);
                arrives.push(datagram);
            }
            _ => arrives.push(datagram),
        }
        if let Some(late) = held.iter().position(|held| held.0 == way)
            && arrives.len() == 1
        {
            arrives.push(held.remove(late).1);
        }
        at = owned.len() - script.0.len();
        arrives
    })
}

fn ticket(version: Version) -> Option<Resumption> {
    let mut pair = Pair::new(&SETTINGS, &client_settings(version));
    pair.run(LONG);
    pair.client.take_resumption()
}

fn resumption(version: Version) -> Option<Resumption> {
    let slot = &RESUMPTIONS[usize::from(version == Version::Dtls13)];
    slot.lock().ok()?.clone()
}
