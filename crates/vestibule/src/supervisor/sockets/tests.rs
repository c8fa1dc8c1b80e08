use std::{
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
};

use super::*;

fn plan(listeners: &[(&str, &str)]) -> Plan {
    let mut text = "[service.s]\nupstreams = [\"127.0.0.1:1\"]\n".to_owned();
    for (name, bind) in listeners {
        text += &format!("[[listener]]\nname = \"{name}\"\nbind = \"{bind}\"\nservice = \"s\"\n");
    }
    let loaded = vestibule_config::parse("test.toml", &text);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
    Plan::first(config, 2)
}

fn port(sockets: &Sockets, listener: &str) -> u16 {
    let all = sockets.listening();
    let found = all.iter().find(|l| l.listener == listener).unwrap();
    found.address.parse::<SocketAddr>().unwrap().port()
}

#[test]
fn every_worker_gets_a_socket_of_the_same_port() {
    let mut sockets = Sockets::new(2);
    let change = sockets.prepare(&plan(&[("a", "127.0.0.1:0")])).unwrap();
    assert_eq!(change.add.len(), 2);
    let ports: Vec<_> = change
        .add
        .iter()
        .map(|add| match &add[0].1 {
            Socket::Tcp(socket) => socket.local_addr().unwrap().port(),
            Socket::Unix(_) => panic!("a TCP address"),
        })
        .collect();
    assert_eq!(ports[0], ports[1]);
    assert_eq!(ports[0], port(&sockets, "a"));
}

#[test]
fn a_reload_keeps_what_it_can_and_opens_and_closes_the_rest() {
    let mut sockets = Sockets::new(2);
    // Nobody else listens there when `a` does no more.
    let first = plan(&[("a", "127.0.74.8:0"), ("b", "127.0.0.1:0")]);
    let old = sockets.prepare(&first).unwrap();
    assert_eq!((old.keep.len(), old.opened.len()), (0, 2));
    let (a, b) = (port(&sockets, "a"), port(&sockets, "b"));
    let change = sockets
        .prepare(&plan(&[("b", "127.0.0.1:0"), ("c", "127.0.0.1:0")]))
        .unwrap();
    assert_eq!(change.keep.len(), 1);
    assert_eq!(change.opened[0].listener, "c");
    assert_eq!(change.closed[0].address, format!("127.0.74.8:{a}"));
    assert_eq!(port(&sockets, "b"), b);
    drop(old);
    assert!(TcpStream::connect(("127.0.74.8", a)).is_err());
    assert!(TcpStream::connect(("127.0.0.1", b)).is_ok());
}

#[test]
fn an_address_in_use_is_refused_and_nothing_changes() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let mut sockets = Sockets::new(2);
    sockets.prepare(&plan(&[("a", "127.0.0.1:0")])).unwrap();
    let error = sockets
        .prepare(&plan(&[("x", "127.0.0.1:0"), ("busy", &taken)]))
        .unwrap_err();
    assert!(
        error.contains("\"busy\"") && error.contains(&taken),
        "{error}"
    );
    let names: Vec<_> = sockets
        .listening()
        .into_iter()
        .map(|l| l.listener)
        .collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn a_second_process_is_refused_although_ports_are_shared_among_workers() {
    let mut ours = Sockets::new(2);
    ours.prepare(&plan(&[("a", "127.0.0.1:0")])).unwrap();
    let address = format!("127.0.0.1:{}", port(&ours, "a"));
    let error = Sockets::new(2)
        .prepare(&plan(&[("a", &address)]))
        .unwrap_err();
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn a_wider_address_can_replace_a_narrower_one() {
    let mut sockets = Sockets::new(2);
    sockets.prepare(&plan(&[("a", "127.0.0.1:0")])).unwrap();
    let wide = format!("127.0.0.0:{}", port(&sockets, "a")).replace("127.0.0.0", "0.0.0.0");
    let change = sockets.prepare(&plan(&[("a", &wide)])).unwrap();
    assert_eq!((change.opened.len(), change.closed.len()), (1, 1));
}

#[test]
fn another_address_of_a_known_port_is_still_probed() {
    let mut sockets = Sockets::new(2);
    sockets.prepare(&plan(&[("a", "127.0.0.1:0")])).unwrap();
    let port = port(&sockets, "a");
    let _other = TcpListener::bind(("127.0.0.2", port)).unwrap();
    let (old, new) = (format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}"));
    let error = sockets
        .prepare(&plan(&[("a", &old), ("b", &new)]))
        .unwrap_err();
    assert!(error.contains(&new), "{error}");
}

#[test]
fn unix_sockets_are_shared_by_workers_and_removed_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in.sock");
    let bind = format!("unix:{}", path.display());
    let mut sockets = Sockets::new(2);
    let change = sockets.prepare(&plan(&[("u", &bind)])).unwrap();
    assert_eq!(change.add.len(), 2);
    UnixStream::connect(&path).unwrap();
    let error = Sockets::new(1).prepare(&plan(&[("u", &bind)])).unwrap_err();
    assert!(error.contains("another process listens on it"), "{error}");
    sockets.close();
    assert!(!path.exists());
}
