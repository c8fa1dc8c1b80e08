use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Namespace, namespace};

/// A client, a router and a server: three machines, as far as the network goes. The router is the
/// test's own namespace, with `lan0` towards the client and `wan0` towards the server.
#[derive(Debug)]
pub struct Router {
    /// 10.1.0.2 and fd01::2.
    pub client: Namespace,
    /// 10.2.0.2 and fd02::2.
    pub server: Namespace,
}

/// Where the server is, by either protocol.
pub const SERVER: [&str; 2] = ["10.2.0.2", "[fd02::2]"];

/// Where the client is, in the same order.
pub const CLIENT: [&str; 2] = ["10.1.0.2", "[fd01::2]"];

/// Where the router is on the client's side, in the same order.
pub const ROUTER: [&str; 2] = ["10.1.0.1", "[fd01::1]"];

impl Router {
    /// Wires them up. The test must run in a namespace of its own.
    pub fn new() -> Self {
        let machine = |link: &str, number: u8| {
            let other = Namespace::linked(link);
            for (ours, theirs) in [
                (format!("10.{number}.0.1/24"), format!("10.{number}.0.2/24")),
                (format!("fd0{number}::1/64"), format!("fd0{number}::2/64")),
            ] {
                // Without waiting for somebody who might have the address.
                let nodad = if ours.contains(':') { " nodad" } else { "" };
                namespace::ip(&format!("addr add {ours} dev {link}{nodad}"));
                other.ip(&format!("addr add {theirs} dev there{nodad}"));
            }
            namespace::ip(&format!("link set {link} up"));
            other.ip("link set there up");
            other.ip(&format!("route add default via 10.{number}.0.1"));
            other.ip(&format!("-6 route add default via fd0{number}::1"));
            other
        };
        for key in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/{key}"), "1").expect("a namespace of the test's own");
        }
        Self {
            client: machine("lan0", 1),
            server: machine("wan0", 2),
        }
    }

    /// A server on `port` that tells each client its address, on a line, and is an echo then.
    pub fn serve(&self, port: u16) {
        for any in ["0.0.0.0", "[::]"] {
            let address = format!("{any}:{port}").parse().expect("an address");
            let listener = listen(&self.server, address);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let stream = stream.expect("accepting");
                    thread::spawn(move || tell_and_echo(stream));
                }
            });
        }
    }

    /// Runs this script on the router, as root does.
    #[track_caller]
    pub fn run(&self, script: &str) {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-e", "-c", script])
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{script}\n{output:?}");
    }
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

/// A socket belongs to the namespace of the thread that made it.
fn listen(namespace: &Namespace, address: SocketAddr) -> TcpListener {
    let there = File::open(namespace.path()).expect("the namespace of a process of ours");
    let listening = thread::spawn(move || {
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("a namespace of ours");
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).expect("a socket");
        if address.is_ipv6() {
            socket.set_only_v6(true).expect("an option");
        }
        socket.set_reuse_address(true).expect("an option");
        socket.bind(&address.into()).expect("an address");
        socket.listen(64).expect("a queue");
        TcpListener::from(socket)
    });
    listening.join().expect("a thread that does not panic")
}

fn tell_and_echo(mut stream: TcpStream) {
    let Ok(peer) = stream.peer_addr() else {
        return;
    };
    if stream.write_all(format!("{peer}\n").as_bytes()).is_err() {
        return;
    }
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..n]).is_err() {
            return;
        }
    }
}
