//! Learning who the client is: from a PROXY header, where the peer may speak for others, else from
//! the socket.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::{Poll, ready},
};

use vestibule_config::ProxyProtocolMode;
use vestibule_proxy_protocol::{Decoded, Header, Version, decode};

use crate::{
    addr::{ClientAddr, Endpoint, OriginalDst, PeerAddr},
    ending::{Ending, Refusal},
    identity::{HeaderKind, Identity},
    plan::{Listener, ProxyPolicy},
    relay::{Leg, Stream},
    worker::{Connection, Interrupt, Worker},
};

/// What has come in so far beyond the PROXY header.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(super) payload: Vec<u8>,
    /// There was a header.
    behind_header: bool,
    /// The header names no client, so this may be the proxy's own check.
    maybe_check: bool,
}

impl Opening {
    /// What the client has sent.
    pub(super) fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

/// Whether this peer must send a header. Decided by its address before anything is read, because a
/// header that is searched for in the bytes of strangers can be forged.
///
/// # Errors
///
/// How the connection ends when the peer may not connect at all.
pub(crate) fn expected(
    listener: &Listener,
    peer: PeerAddr,
) -> Result<Option<&ProxyPolicy>, Ending> {
    let Some(policy) = &listener.proxy else {
        return Ok(None);
    };
    let trusted = match (&policy.trusted, peer.0) {
        (None, _) | (_, Endpoint::Unix) => true,
        (Some(networks), Endpoint::Ip(address)) => networks.contains(address.ip()),
    };
    match (trusted, policy.mode) {
        (true, _) => Ok(Some(policy)),
        (false, ProxyProtocolMode::Mixed) => Ok(None),
        (false, ProxyProtocolMode::Require) => Err(Ending::Refused(Refusal::UntrustedProxy)),
    }
}

/// The socket's own addresses say who the client is, and the kernel where it wanted to go if it was
/// intercepted.
///
/// # Errors
///
/// How the connection ends when it was not intercepted, but is meant for us.
pub(crate) fn plain(
    worker: &Worker,
    connection: &Connection,
    stream: &Stream,
) -> Result<Opening, Ending> {
    let transparent = connection.listener().transparent.is_some();
    let destination = match transparent {
        true => stream.original_destination(),
        false => connection.local(stream),
    };
    connection.identify(Identity {
        client: ClientAddr(connection.peer().0),
        destination: OriginalDst(destination),
        header: None,
    });
    if let Some(address) = destination.socket_addr().filter(|_| transparent)
        && worker.own.have(address)
    {
        return Err(Ending::Loop(address));
    }
    Ok(Opening {
        payload: Vec::new(),
        behind_header: false,
        maybe_check: false,
    })
}

/// Reads the header, within the policy's time and size.
///
/// # Errors
///
/// How the connection ends when there is no acceptable header.
pub(crate) async fn read(
    worker: &Worker,
    connection: &Connection,
    policy: &ProxyPolicy,
    stream: &mut Stream,
) -> Result<Opening, Ending> {
    let reading = pin!(read_whole(worker, connection, policy, stream));
    match connection.within(worker, policy.timeout, reading).await {
        Ok(result) => result,
        Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop)),
        Err(Interrupt::Timeout) => Err(Ending::Refused(Refusal::ProxyHeaderTimeout)),
    }
}

async fn read_whole(
    worker: &Worker,
    connection: &Connection,
    policy: &ProxyPolicy,
    stream: &mut Stream,
) -> Result<Opening, Ending> {
    // Grows with what arrives, and only when the header does not come in one piece.
    let mut partial = Vec::new();
    poll_fn(|cx| {
        worker.with_scratch(|scratch| {
            loop {
                let n = match ready!(stream.poll_read(cx, scratch)) {
                    Ok(n) if n > 0 => n,
                    _ if partial.is_empty() => return Poll::Ready(Err(Ending::Empty)),
                    _ => {
                        let truncated = Refusal::ProxyHeaderTruncated;
                        return Poll::Ready(Err(Ending::Refused(truncated)));
                    }
                };
                let received = if partial.is_empty() {
                    &scratch[..n]
                } else {
                    partial.extend_from_slice(&scratch[..n]);
                    &partial[..]
                };
                match decode(received, policy.max_header) {
                    Err(reject) => return Poll::Ready(Err(Ending::Rejected(reject))),
                    Ok(Decoded::Header(header)) => {
                        let payload = received[header.len()..].to_vec();
                        return Poll::Ready(Ok(accept(
                            worker, connection, stream, &header, payload,
                        )));
                    }
                    Ok(Decoded::NeedMore(_)) if partial.is_empty() => {
                        partial.extend_from_slice(&scratch[..n]);
                    }
                    Ok(Decoded::NeedMore(_)) => {}
                }
            }
        })
    })
    .await
}

fn accept(
    worker: &Worker,
    connection: &Connection,
    stream: &Stream,
    header: &Header<'_>,
    payload: Vec<u8>,
) -> Opening {
    let named = header.stream_addresses();
    let kind = match (named, header.version()) {
        (None, _) => HeaderKind::Local,
        (Some(_), Version::V1) => HeaderKind::V1,
        (Some(_), Version::V2) => HeaderKind::V2,
    };
    let listener = connection.listener();
    listener.stats.headers[kind as usize].add(worker.id, 1);
    let (client, destination) = match named {
        Some((source, destination)) => (Endpoint::ip(source), Endpoint::ip(destination)),
        None => (connection.peer().0, connection.local(stream)),
    };
    connection.identify(Identity {
        client: ClientAddr(client),
        destination: OriginalDst(destination),
        header: Some(kind),
    });
    if listener.keeps_tlvs && header.raw_tlvs().next().is_some() {
        *connection.header.borrow_mut() = Some(header.as_bytes().into());
    }
    Opening {
        payload,
        behind_header: true,
        // HAProxy's checks name no client (v2), or the very socket that they come by (v1).
        maybe_check: kind == HeaderKind::Local || client == connection.peer().0,
    }
}

/// The client's first bytes, as far as they have come. Nothing is dialed for a connection that has
/// already ended without any; where the header named no client, which is how proxies check, its end
/// or its first byte is waited for up to `peek_timeout`.
///
/// # Errors
///
/// How the connection ends when there is nothing to carry.
pub(crate) async fn payload(
    worker: &Worker,
    connection: &Connection,
    opening: Opening,
    leg: &mut Leg,
) -> Result<Vec<u8>, Ending> {
    let Leg::Plain(stream) = leg else {
        // After a handshake it is no check.
        return Ok(opening.payload);
    };
    if !opening.payload.is_empty() {
        return Ok(opening.payload);
    }
    let arrived = poll_fn(|cx| {
        Poll::Ready(worker.with_scratch(|scratch| {
            let read = match stream.poll_read(cx, scratch) {
                Poll::Ready(read) => read,
                // The reactor has not heard yet of what came behind the header.
                Poll::Pending if opening.behind_header => stream.read_now(scratch),
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            };
            read.map(|n| scratch[..n].to_vec())
        }))
    });
    match arrived.await {
        Ok(bytes) if !bytes.is_empty() => return Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Ok(_) | Err(_) => return Err(Ending::Empty),
    }
    if !opening.maybe_check {
        return Ok(Vec::new());
    }
    let first = pin!(poll_fn(|cx| {
        worker.with_scratch(|scratch| {
            let read = ready!(stream.poll_read(cx, scratch));
            Poll::Ready(read.map(|n| scratch[..n].to_vec()))
        })
    }));
    match connection
        .within(worker, worker.peek_timeout.get(), first)
        .await
    {
        Ok(Ok(bytes)) if !bytes.is_empty() => Ok(bytes),
        Ok(_) => Err(Ending::Empty),
        // The server may speak first.
        Err(Interrupt::Timeout) => Ok(Vec::new()),
        Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop)),
    }
}
