//! The read-only admin listener: `/metrics`, `/healthz`, `/readyz`.

use std::{
    cell::Cell, collections::VecDeque, convert::Infallible, io, net::SocketAddr, rc::Rc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, spawn_local},
};

use super::patient::Patient;
use crate::{
    component::ComponentView,
    metrics::{Readout, render},
    supervisor::{ADMIN_CONNECTIONS, Supervisor, tcp_socket},
};

/// Connections that the kernel may hold before they are accepted.
const BACKLOG: i32 = 128;

/// For a request's head.
const HEAD: Duration = Duration::from_secs(2);

/// For a request and its answer, whatever the client does. There is one exchange per connection, so
/// that idle clients keep nobody out.
const EXCHANGE: Duration = Duration::from_secs(10);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Listens on `address`; `[::]` is IPv6 only. Nothing is served yet.
///
/// # Errors
///
/// When it cannot be bound.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = tcp_socket(address, false)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves what [`bind`] answered until the runtime ends. Answers the address.
///
/// # Errors
///
/// When the runtime cannot watch the socket.
pub(crate) fn serve(
    supervisor: Rc<Supervisor>,
    socket: std::net::TcpListener,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::from_std(socket)?;
    let bound = listener.local_addr()?;
    spawn_local(accept(supervisor, listener));
    Ok(bound)
}

/// Accepts for ever. When all places are taken, the connection that has been there for longest gives
/// its place to the newcomer: a probe must be answered at once, whoever else is silent or slow.
async fn accept(supervisor: Rc<Supervisor>, listener: TcpListener) {
    // In the order in which they came.
    let mut places: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                places.retain(|place| !place.is_finished());
                if places.len() >= ADMIN_CONNECTIONS
                    && let Some(oldest) = places.pop_front()
                {
                    oldest.abort();
                }
                let supervisor = Rc::clone(&supervisor);
                let task = spawn_local(async move { converse(&supervisor, stream).await });
                places.push_back(task.abort_handle());
                // Who gave way closes, and who came is served, before others come.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tracing::debug!(%error, "cannot accept an admin connection");
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    }
}

async fn converse(supervisor: &Supervisor, stream: TcpStream) {
    let asked = Rc::new(Cell::new(false));
    let service = service_fn(|request| {
        asked.set(true);
        async move { Ok::<_, Infallible>(answer(supervisor, &request).await) }
    });
    let stream = Patient {
        stream,
        asked: Rc::clone(&asked),
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(EXCHANGE, connection).await {
        tracing::debug!(%error, "an admin connection failed");
    }
}

async fn answer(supervisor: &Supervisor, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD are served\n",
        );
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/" => text(
            StatusCode::OK,
            "Vestibule\n/metrics  counters, as Prometheus reads them\n/healthz  the process \
             lives\n/readyz   connections are accepted\n",
        ),
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => {
            let (status, body) = readiness(supervisor).await;
            text(status, body)
        }
        "/metrics" => {
            let readout = readout(supervisor).await;
            respond(StatusCode::OK, OPENMETRICS, render(readout))
        }
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz and /readyz\n",
        ),
    }
}

/// Whether the process does what it is there for, and a line for each component.
async fn readiness(supervisor: &Supervisor) -> (StatusCode, String) {
    if !supervisor.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    let components = match supervisor.components().await {
        Ok(components) => components,
        Err(unanswered) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{unanswered}\n")),
    };
    let missing = |component: &ComponentView| component.is_required && !component.is_connected;
    let (status, mut body) = match components.iter().any(missing) {
        true => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()),
        false => (StatusCode::OK, "ready\n".to_owned()),
    };
    for component in components {
        body.push_str(&component.line());
        body.push('\n');
    }
    (status, body)
}

async fn readout(supervisor: &Supervisor) -> Readout {
    let limits = supervisor.limits();
    Readout {
        plan: supervisor.plan(),
        // Without them, the rest is still worth knowing.
        components: supervisor.components().await.unwrap_or_default(),
        gateways: supervisor.gateways(),
        connections: limits.connections(),
        max_connections: limits.max_connections(),
        reloads: supervisor.reloads(),
        lost_records: supervisor.lost_records(),
        uptime: supervisor.uptime(),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    respond(status, TEXT, body)
}

fn respond(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
