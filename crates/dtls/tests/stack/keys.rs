//! Secrets for others: exporters and the key log.

use vestibule_dtls::{
    Session,
    session::Version,
    stack::{ClientSettings, ServerSettings},
    vectors::{Keys, Pair, client_settings},
    wire::Hello,
};

use crate::setup::{VERSIONS, ecdsa, established, resumed, settle};

#[test]
fn exporters_agree() {
    for version in VERSIONS {
        for pair in [established(version), resumed(version).0] {
            let server = pair.server.as_ref().unwrap();
            let mut seen = Vec::new();
            for (label, context) in [
                (&b"EXPORTER-one"[..], &b""[..]),
                (b"EXPORTER-two", b""),
                (b"EXPORTER-one", b"context"),
            ] {
                let (mut ours, mut theirs) = ([0; 40], [0; 40]);
                assert!(pair.client.export(label, context, &mut ours));
                assert!(server.export(label, context, &mut theirs));
                assert_eq!(ours, theirs);
                assert!(!seen.contains(&ours) && ours != [0; 40]);
                seen.push(ours);
            }
        }
        let (one, other) = (established(version), established(version));
        let export = |pair: &Pair| {
            let mut out = [0; 32];
            assert!(pair.client.export(b"EXPORTER-one", b"", &mut out));
            out
        };
        assert_ne!(export(&one), export(&other));
    }
}

#[test]
fn both_sides_log_the_same() {
    for version in VERSIONS {
        let (at_client, at_server) = (Keys::new(), Keys::new());
        let server = ServerSettings {
            key_log: Some(at_server.clone()),
            ..ecdsa()
        };
        let client = ClientSettings {
            key_log: Some(at_client.clone()),
            ..client_settings(version)
        };
        let mut pair = Pair::new(&server, &client);
        settle(&mut pair);
        let sorted = |keys: &Keys| {
            let mut all = keys.all();
            all.sort_by(|a, b| a.label.cmp(&b.label));
            all
        };
        let secrets = sorted(&at_client);
        assert_eq!(secrets, sorted(&at_server));
        let labels: Vec<&str> = secrets.iter().map(|it| it.label.as_str()).collect();
        match version {
            Version::Dtls12 => {
                assert_eq!(labels, ["CLIENT_RANDOM"]);
                assert_eq!(secrets[0].secret.len(), 48);
            }
            Version::Dtls13 => {
                let expected = [
                    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                    "CLIENT_TRAFFIC_SECRET_0",
                    "EXPORTER_SECRET",
                    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                    "SERVER_TRAFFIC_SECRET_0",
                ];
                assert_eq!(labels, expected);
            }
        }
        // Lines are found by the random of the hello.
        let random = Hello::peek(&pair.sent[0].1).unwrap().random;
        assert!(secrets.iter().all(|it| Some(it.client_random) == random));
    }
}

/// What nobody has asked for is nowhere written.
#[test]
fn cookies_log_nothing() {
    for version in VERSIONS {
        let keys = Keys::new();
        let server = ServerSettings {
            key_log: Some(keys.clone()),
            ..ecdsa()
        };
        let mut pair = Pair::new(&server, &client_settings(version));
        pair.line = Box::new(|_, number, datagram| match number {
            0 => vec![datagram],
            _ => Vec::new(),
        });
        pair.exchange();
        assert_eq!(pair.replies, 1);
        assert!(keys.all().is_empty());
    }
}
