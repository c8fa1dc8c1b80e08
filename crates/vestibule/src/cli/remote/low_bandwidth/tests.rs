use super::*;
use crate::low_bandwidth::meters::Transport;

fn text(print: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_of_associations() {
    let named = AssociationView {
        gateway: "lb".to_owned(),
        id: "1-42".to_owned(),
        client: "192.0.2.1:40000".parse().unwrap(),
        version: Transport::Dtls13,
        resumed: true,
        connection_id: true,
        seconds: 3600.04,
        idle_seconds: 12.0,
        bytes_in: 5210,
        bytes_out: 18_764,
        handshake_bytes: 1_210,
        requests: 1,
        observations: 2,
        held_bytes: 0,
        user: Some("0123456789abcdef".to_owned()),
    };
    let nobody = AssociationView {
        id: "0-7".to_owned(),
        version: Transport::Plain,
        resumed: false,
        connection_id: false,
        user: None,
        ..named.clone()
    };
    assert_eq!(
        text(|out| associations(out, &[named, nobody])),
        "\
id    gateway  client           dtls   resumed  cid  user              requests  observing  held  in    out    handshake  idle  seconds
1-42  lb       192.0.2.1:40000  1.3    yes      yes  0123456789abcdef  1         2          0     5210  18764  1210       12.0  3600.0
0-7   lb       192.0.2.1:40000  plain  no       no   -                 1         2          0     5210  18764  1210       12.0  3600.0
"
    );
}

#[test]
fn a_table_of_users() {
    let user = UserView {
        gateway: "lb".to_owned(),
        user: "0123456789abcdef".to_owned(),
        associations: 1,
        observations: 1,
        requests: 12,
        errors: 2,
        notifications: 30,
        undelivered: 1,
        bytes_in: 5210,
        bytes_out: 18_764,
        body_in: 400,
        body_out: 9000,
        seconds: 3600.0,
        idle_seconds: 12.0,
    };
    assert_eq!(
        text(|out| users(out, &[user])),
        "\
user              gateway  associations  observing  requests  errors  pushed  undelivered  in    out    body in  body out  idle  seconds
0123456789abcdef  lb       1             1          12        2       30      1            5210  18764  400      9000      12.0  3600.0
"
    );
}

#[test]
fn a_table_of_nobody_has_its_heads() {
    let shown = text(|out| associations(out, &[]));
    assert_eq!(shown.lines().count(), 1, "{shown}");
}
