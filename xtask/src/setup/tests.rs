use super::debian::{names_debian, runs};
use super::peer::PEERS;
use super::python::ENVIRONMENTS;

#[test]
fn debian_and_its_descendants_are_recognised() {
    assert!(names_debian("PRETTY_NAME=\"Debian\"\nID=debian\n"));
    assert!(names_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
    assert!(!names_debian("ID=fedora\nPRETTY_NAME=\"not debian\"\n"));
    assert!(!names_debian(""));
}

#[test]
fn a_running_service_is_recognised_by_its_command_line() {
    assert!(runs(
        b"/usr/sbin/haproxy\0-W\0-f\0/etc/haproxy.cfg\0",
        "haproxy"
    ));
    assert!(runs(b"lua5.4\0/usr/bin/prosody\0-F\0", "prosody"));
    assert!(runs(
        b"nginx: master process /usr/sbin/nginx -g daemon on;",
        "nginx"
    ));
    assert!(runs(
        b"/usr/lib/erlang/erts-13.1.5/bin/beam.smp\0-K\0true\0--\0-noinput\0-s\0ejabberd\0",
        "ejabberd"
    ));
    assert!(runs(b"/usr/bin/epmd\0-daemon\0", "epmd"));
    assert!(!runs(b"beam.smp\0-s\0rabbit\0boot\0", "ejabberd"));
    assert!(!runs(b"vim\0-n\0/etc/haproxy\0", "haproxy"));
    assert!(!runs(b"apt-get\0install\0nginx\0", "nginx"));
    assert!(!runs(b"", "nginx"));
}

#[test]
fn each_peer_has_its_own_name_and_package() {
    for (index, peer) in PEERS.iter().enumerate() {
        assert!(!peer.package.is_empty());
        assert!(
            PEERS[index + 1..]
                .iter()
                .all(|other| other.name != peer.name),
            "{peer:?}"
        );
    }
}

#[test]
fn each_environment_is_pinned_and_has_its_own_place() {
    for (index, environment) in ENVIRONMENTS.iter().enumerate() {
        assert_eq!(environment.unpinned(), [""; 0], "{}", environment.what);
        assert!(
            ENVIRONMENTS[index + 1..]
                .iter()
                .all(|other| other.directory != environment.directory)
        );
    }
}
