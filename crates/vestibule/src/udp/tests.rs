use std::{
    collections::HashSet,
    future::poll_fn,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use super::*;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn socket(ip: IpAddr) -> (Arc<Socket>, u16) {
    let socket = Arc::new(Socket::bind(SocketAddr::new(ip, 0)).unwrap());
    let port = socket.local_addr().port();
    (socket, port)
}

fn peer(ip: impl Into<IpAddr>) -> UdpSocket {
    let peer = UdpSocket::bind((ip.into(), 0)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    peer
}

#[tokio::test]
async fn an_answer_leaves_from_the_address_that_was_asked() {
    let (socket, port) = socket(V4);
    let mut receiver = Receiver::new(Arc::clone(&socket)).unwrap();
    let mut batch = Batch::new();
    let peer = peer([127, 0, 0, 1]);
    for ours in [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)] {
        peer.send_to(b"question", (ours, port)).unwrap();
        poll_fn(|cx| receiver.poll_receive(cx, &mut batch))
            .await
            .unwrap();
        let [asked] = batch.iter().collect::<Vec<_>>()[..] else {
            panic!("{batch:?}");
        };
        assert_eq!(asked.bytes, Some(&b"question"[..]));
        assert_eq!(asked.local, Some(ours.into()));
        assert_eq!(asked.remote, peer.local_addr().unwrap());
        socket.send(asked.local, asked.remote, b"answer").unwrap();
        let mut answer = [0; 16];
        let (length, from) = peer.recv_from(&mut answer).unwrap();
        assert_eq!(
            (&answer[..length], from),
            (&b"answer"[..], (ours, port).into())
        );
    }
}

#[tokio::test]
async fn both_families_have_the_same_port() {
    // Somebody else may have a port in IPv4 only.
    let sockets = (0..10).find_map(|_| {
        let (v6, port) = socket(Ipv6Addr::UNSPECIFIED.into());
        let v4 = Socket::bind(SocketAddr::new(V4, port)).ok()?;
        Some((v6, port, v4))
    });
    let (v6, port, _v4) = sockets.unwrap();
    let mut receiver = Receiver::new(Arc::clone(&v6)).unwrap();
    let mut batch = Batch::new();
    let peer = peer(Ipv6Addr::LOCALHOST);
    peer.send_to(b"?", (Ipv6Addr::LOCALHOST, port)).unwrap();
    poll_fn(|cx| receiver.poll_receive(cx, &mut batch))
        .await
        .unwrap();
    let asked = batch.iter().next().unwrap();
    assert_eq!(asked.local, Some(Ipv6Addr::LOCALHOST.into()));
    v6.send(asked.local, asked.remote, b"!").unwrap();
    let mut answer = [0; 16];
    let (length, from) = peer.recv_from(&mut answer).unwrap();
    assert_eq!((length, from.port()), (1, port));
}

#[tokio::test]
async fn what_comes_together_is_received_together() {
    let (socket, port) = socket([127, 0, 0, 1].into());
    let mut receiver = Receiver::new(socket).unwrap();
    let peer = peer([127, 0, 0, 1]);
    let sizes = [1, LONGEST, 0, LONGEST + 1, 700, 20_000, 2];
    for size in sizes {
        peer.send_to(&vec![7; size], SocketAddr::from(([127, 0, 0, 1], port)))
            .unwrap();
    }
    let mut batch = Batch::new();
    let mut lengths = Vec::new();
    while lengths.len() < sizes.len() {
        poll_fn(|cx| receiver.poll_receive(cx, &mut batch))
            .await
            .unwrap();
        lengths.extend(batch.iter().map(|it| it.bytes.map(<[u8]>::len)));
    }
    let expected = sizes.map(|size| Some(size).filter(|size| *size <= LONGEST));
    assert_eq!(lengths, expected);
}

#[tokio::test]
async fn peers_that_are_gone_end_nothing() {
    let (socket, port) = socket([127, 0, 0, 1].into());
    let mut receiver = Receiver::new(Arc::clone(&socket)).unwrap();
    // One that has nobody else either.
    let gone = peer([127, 0, 74, 4]).local_addr().unwrap();
    for _ in 0..4 {
        // The kernel answers that nobody is there.
        assert_eq!(socket.send(None, gone, b"anybody?"), Ok(()));
    }
    let peer = peer([127, 0, 0, 1]);
    peer.send_to(b"here", SocketAddr::from(([127, 0, 0, 1], port)))
        .unwrap();
    let mut batch = Batch::new();
    poll_fn(|cx| receiver.poll_receive(cx, &mut batch))
        .await
        .unwrap();
    assert_eq!(batch.iter().next().unwrap().bytes, Some(&b"here"[..]));
}

#[test]
fn what_cannot_be_sent_is_lost() {
    let (socket, _) = socket([127, 0, 0, 1].into());
    let to = peer([127, 0, 0, 1]).local_addr().unwrap();
    let not_ours = Some([192, 0, 2, 1].into());
    assert_eq!(socket.send(not_ours, to, b"?"), Err(Unsent::Refused));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    assert_eq!(socket.send(None, nowhere, b"?"), Err(Unsent::Refused));
    let too_long = vec![0; 70_000];
    assert_eq!(socket.send(None, to, &too_long), Err(Unsent::Refused));
    assert_eq!(socket.send(None, to, b"!"), Ok(()));
}

#[test]
fn an_address_is_bound_once() {
    let (_one, port) = socket([127, 0, 0, 1].into());
    for other in [V4, [127, 0, 0, 1].into()] {
        let error = Socket::bind(SocketAddr::new(other, port)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    let ports: HashSet<u16> = (0..4).map(|_| socket(V4).1).collect();
    assert!(!ports.contains(&0));
}
