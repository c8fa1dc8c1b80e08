//! Services of kind `http`: the reverse proxy. Requests by HTTP/1.1 or HTTP/2 from clients, one
//! after the other by HTTP/1.1 to servers.
//!
//! A connection to a server is used for one client connection only, so what is said of the client by a
//! PROXY header or by the source address is true of all its requests.

mod answer;
mod body;
mod drive;
mod exchange;
mod fields;
mod forwarded;
mod front;
mod head;
mod io;
mod link;
mod upgrade;
mod watch;

use std::{cell::RefCell, future::poll_fn, pin::pin, rc::Rc, sync::Arc, task::Poll};

use vestibule_config::{Http, ServiceKind};

use self::{
    drive::{drive_http1, drive_http2},
    front::Front,
    io::{Flow, Io},
};
use crate::{
    ending::{Ending, Party},
    plan::Service,
    relay::Leg,
    worker::{Connection, Interrupt, Worker},
};

/// The longest head of a request or response, in bytes, and what hyper may hold of a body.
const MAX_HEAD: usize = 64 * 1024;

/// The most fields of a head.
const MAX_FIELDS: usize = 100;

/// How a client that speaks HTTP/2 begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Answers the requests of the client at `leg`, of which `received` was read already, until the
/// connection ends.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    service: Arc<Service>,
    mut leg: Leg,
    mut received: Vec<u8>,
) -> Ending {
    let config = match &service.config.kind {
        ServiceKind::Http(config) => config.clone(),
        ServiceKind::Connect(_) | ServiceKind::Tcp => return Ending::InternalError,
    };
    connection.received.set(received.len() as u64);
    service.stats.received.add(worker.id, received.len() as u64);
    let agreed = connection
        .terminated
        .get()
        .map(|terminated| terminated.alpn.as_deref() == Some(b"h2"));
    let is_h2 = match agreed {
        Some(is_h2) => is_h2,
        None => match has_preface(
            worker,
            connection,
            &service,
            &config,
            &mut leg,
            &mut received,
        )
        .await
        {
            Ok(is_h2) => is_h2,
            Err(ending) => return ending,
        },
    };
    let flow = Flow::new(worker, connection, &service, Party::Client);
    if !is_h2 {
        flow.watch_heads(&received);
    }
    let front = Rc::new(Front::new(
        worker,
        connection,
        service,
        &config,
        &leg,
        Rc::clone(&flow),
    ));
    let io = Io::new(leg, flow, received, Vec::new());
    match is_h2 {
        true => drive_http2(&front, &config, io).await,
        false => Box::pin(drive_http1(front, &config, io)).await,
    }
}

/// Whether the client begins with the preface of HTTP/2. As much is read as it takes to know.
async fn has_preface(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    config: &Http,
    leg: &mut Leg,
    received: &mut Vec<u8>,
) -> Result<bool, Ending> {
    let limit = match received.is_empty() {
        true => config.keep_alive_timeout,
        false => config.request_timeout,
    };
    let received = RefCell::new(received);
    let reading = pin!(poll_fn(|cx| {
        let mut received = received.borrow_mut();
        if worker.is_leaving() && received.is_empty() {
            return Poll::Ready(Err(Ending::Eof(Party::Vestibule)));
        }
        loop {
            let seen = received.len().min(PREFACE.len());
            if received[..seen] != PREFACE[..seen] {
                return Poll::Ready(Ok(false));
            }
            if seen == PREFACE.len() {
                return Poll::Ready(Ok(true));
            }
            let read = worker.with_scratch(|scratch| {
                leg.poll_read(cx, scratch).map_ok(|n| {
                    received.extend_from_slice(&scratch[..n]);
                    n
                })
            });
            match std::task::ready!(read) {
                // Whatever it is, it is not that.
                Ok(0) if !received.is_empty() => return Poll::Ready(Ok(false)),
                Ok(0) => return Poll::Ready(Err(Ending::Eof(Party::Client))),
                Ok(n) => {
                    let n = n as u64;
                    connection.received.set(connection.received.get() + n);
                    service.stats.received.add(worker.id, n);
                }
                Err(error) => return Poll::Ready(Err(Ending::Reset(Party::Client, error))),
            }
        }
    }));
    match connection.within(worker, limit, reading).await {
        Ok(known) => known,
        Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop)),
        Err(Interrupt::Timeout) => Err(Ending::IdleTimeout(Party::Client)),
    }
}
