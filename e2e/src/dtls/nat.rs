use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Namespace, Router};

/// A [`Router`] that translates the addresses of the client's network, and forgets how.
///
/// Each translation takes a random port, so that the server sees the client at another address
/// after each time that the router has forgotten it.
#[derive(Debug)]
pub struct Nat {
    router: Router,
}

/// Another host in the server's network, which is the router's as well.
pub const HOST: &str = "10.2.0.99";

/// The translation, and counters of what the router passes on. A datagram has its payload after
/// eight bytes.
const RULES: &str = "
    nft add table ip nat
    nft 'add chain ip nat after { type nat hook postrouting priority srcnat; }'
    nft add rule ip nat after ip saddr 10.1.0.0/24 oifname wan0 masquerade fully-random
    nft add table ip watch
    nft 'add chain ip watch forward { type filter hook forward priority filter; }'
    nft add counter ip watch datagrams
    nft add counter ip watch handshakes
    nft add rule ip watch forward meta l4proto udp counter name datagrams
    nft add rule ip watch forward meta l4proto udp @th,64,8 22 counter name handshakes
";

impl Nat {
    /// Wires it up. The test must run in a namespace of its own.
    pub fn new() -> Self {
        let router = Router::new();
        router.run(&format!("ip addr add {HOST}/24 dev wan0"));
        router.run(RULES);
        Self { router }
    }

    /// Forgets a translation after so many seconds without a datagram. Before, it takes the kernel
    /// half a minute and more.
    pub fn remember_for(&self, seconds: u32) {
        for key in [
            "nf_conntrack_udp_timeout",
            "nf_conntrack_udp_timeout_stream",
        ] {
            let file = format!("/proc/sys/net/netfilter/{key}");
            fs::write(file, seconds.to_string()).expect("a namespace of the test's own");
        }
    }

    /// Forgets every translation at once, as time does.
    pub fn forget(&self) {
        // The message IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK without a tuple: all of them.
        const REQUEST_AND_ACK: u16 = 1 | 4;
        const DELETE: u16 = (1 << 8) | 2;
        const NETFILTER: i32 = 12;
        let mut message = Vec::new();
        message.extend(20_u32.to_ne_bytes());
        message.extend(DELETE.to_ne_bytes());
        message.extend(REQUEST_AND_ACK.to_ne_bytes());
        message.extend([0; 8 + 4]);
        let domain = Domain::from(i32::from(rustix::net::AddressFamily::NETLINK.as_raw()));
        let mut socket = Socket::new(domain, Type::RAW, Some(Protocol::from(NETFILTER)))
            .expect("a netlink socket");
        socket.send(&message).expect("a message is sent");
        let mut answer = [0; 64];
        let length = socket.read(&mut answer).expect("an answer");
        assert_eq!(
            answer.get(16..20),
            Some(&[0; 4][..]),
            "{length} bytes: {answer:?}"
        );
    }

    /// How many UDP datagrams have passed in both directions that begin with a record of a
    /// handshake without protection. No handshake of any version begins without one.
    pub fn handshakes(&self) -> u64 {
        Self::counter("handshakes")
    }

    /// How many UDP datagrams have passed in both directions.
    pub fn datagrams(&self) -> u64 {
        Self::counter("datagrams")
    }

    /// The machine of the client.
    pub fn client(&self) -> &Namespace {
        &self.router.client
    }

    /// The machine of the server.
    pub fn server(&self) -> &Namespace {
        &self.router.server
    }

    fn counter(name: &str) -> u64 {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("nft")
            .args(["list", "counter", "ip", "watch", name])
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .output()
            .expect("nft; `cargo xtask setup` gets it");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut words = text
            .split_whitespace()
            .skip_while(|word| *word != "packets");
        let packets = words.nth(1).and_then(|number| number.parse().ok());
        packets.unwrap_or_else(|| panic!("{output:?}"))
    }
}

impl Default for Nat {
    fn default() -> Self {
        Self::new()
    }
}

/// A UDP socket of this machine.
pub fn udp_in(namespace: &Namespace, address: SocketAddr) -> UdpSocket {
    // A socket belongs to the namespace of the thread that made it.
    let there = File::open(namespace.path()).expect("the namespace of a process of ours");
    let binding = thread::spawn(move || {
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("a namespace of ours");
        UdpSocket::bind(address).expect("an address of that machine")
    });
    binding.join().expect("a thread that does not panic")
}
