//! TLS, and HTTP/2 where it is agreed on.

use std::{cell::Cell, future::poll_fn, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, body::Bytes, body::Incoming, server::conn::http2, service::service_fn,
};
use tokio::{net::TcpListener, sync::Notify, task::spawn_local};
use vestibule_lowband::sync::PollFailure;

use super::{
    SOON,
    harness::{MOST, config, on_a_thread, request, tcp},
};
use crate::{
    low_bandwidth::upstream::{Client, Homeserver, Limits, http2::io::Io, scratch::Scratch},
    relay::{Leg, Stream},
    tls::{Buffers, Turns, shake, testing::Ends},
};

/// How the server of a test behaves.
#[derive(Default)]
struct Site {
    streams: Option<u32>,
    connections: Cell<usize>,
    requests: Cell<usize>,
    /// Streams that the client has given up.
    given_up: Rc<Cell<usize>>,
    /// Says goodbye after each request.
    leaves: bool,
    changed: Rc<Notify>,
}

struct GivenUp(Rc<Cell<usize>>, Rc<Notify>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.update(|n| n + 1);
        self.1.notify_one();
    }
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, h2::Error> {
        self.requests.update(|n| n + 1);
        self.changed.notify_one();
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap_or_default().to_bytes();
        match head.uri.path() {
            "/reset" => return Err(h2::Reason::INTERNAL_ERROR.into()),
            "/refused" if self.requests.get() == 1 => {
                return Err(h2::Reason::REFUSED_STREAM.into());
            }
            "/never" => {
                let _given_up = GivenUp(Rc::clone(&self.given_up), Rc::clone(&self.changed));
                std::future::pending::<()>().await;
            }
            "/large" => return Ok(Response::new(vec![b' '; MOST + 1].into())),
            "/status" => {
                let mut response = Response::default();
                *response.status_mut() = hyper::StatusCode::from_u16(600).unwrap();
                return Ok(response);
            }
            "/slow" => tokio::time::sleep(Duration::from_millis(100)).await,
            "/five" => {
                while !self.requests.get().is_multiple_of(5) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            _ => {}
        }
        let said = format!(
            "{} {} {:?} {:?} {}",
            head.method,
            head.uri,
            head.headers.get("authorization"),
            head.headers.get("x-forwarded-for"),
            String::from_utf8_lossy(&body),
        );
        Ok(Response::new(said.into()))
    }

    async fn serve(self: Rc<Self>, leg: Leg) {
        let service = {
            let site = Rc::clone(&self);
            service_fn(move |request| {
                let site = Rc::clone(&site);
                async move { site.answer(request).await }
            })
        };
        let (io, _) = Io::new(leg, Scratch::new());
        let mut connection = http2::Builder::new(Local)
            .max_concurrent_streams(self.streams)
            .serve_connection(io, service);
        let before = self.requests.get();
        let mut is_leaving = false;
        poll_fn(|cx| {
            let done = Pin::new(&mut connection).poll(cx);
            if self.leaves && self.requests.get() > before && !is_leaving {
                is_leaving = true;
                Pin::new(&mut connection).graceful_shutdown();
                cx.waker().wake_by_ref();
            }
            done.map(drop)
        })
        .await;
    }
}

#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}

/// Serves `site` by TLS, and a client of it.
async fn open(site: &Rc<Site>) -> Client {
    let ends = Ends::new(&["h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    let policy = Some(Arc::clone(&ends.client));
    let homeserver = Homeserver::new(&config, policy, tcp(), Limits::new(MOST, 10 * MOST));
    let site = Rc::clone(site);
    spawn_local(async move {
        let buffers = Buffers::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (leg, session) = (Leg::Plain(Stream::Tcp(stream)), ends.server_session());
            let buffers = Rc::clone(&buffers);
            let shaken = shake(leg, session, Vec::new(), Vec::new(), buffers, &Turns::new()).await;
            let mut shaken = shaken.map_err(|(error, _)| error).unwrap();
            shaken.stream.unread(shaken.plaintext);
            site.connections.update(|n| n + 1);
            spawn_local(Rc::clone(&site).serve(Leg::Tls(shaken.stream)));
        }
    });
    Client::new(Arc::new(homeserver))
}

async fn ask(client: &Client, method: &str, path: &str) -> Result<String, PollFailure> {
    let client_address = Some([192, 0, 2, 7].into());
    let answer = client
        .send(&request(method, path), client_address, SOON)
        .await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn one_connection_carries_all() {
    on_a_thread(async || {
        let site = Rc::new(Site::default());
        let client = open(&site).await;
        let authority = client.0.homeserver.authority.clone();
        let expected = format!(
            "POST https://{authority}/a?b=c Some(\"Bearer SECRET\") Some(\"192.0.2.7\") \
             {{\"body\":\"PRIVATE\"}}"
        );
        assert_eq!(ask(&client, "POST", "/a?b=c").await, Ok(expected));
        many(&client, 200, "/slow").await;
        assert_eq!(site.connections.get(), 1);
        assert_eq!(site.requests.get(), 201);
    });
}

async fn many(client: &Client, n: usize, path: &str) {
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..n {
        let client = client.clone();
        let path = path.to_owned();
        asked.spawn_local(async move { ask(&client, "GET", &path).await.is_ok() });
    }
    assert!(
        asked
            .join_all()
            .await
            .into_iter()
            .all(|is_answered| is_answered)
    );
}

#[test]
fn more_connections_come_when_the_server_allows_few_streams() {
    on_a_thread(async || {
        let site = Rc::new(Site {
            streams: Some(1),
            ..Site::default()
        });
        let client = open(&site).await;
        many(&client, 5, "/five").await;
        assert_eq!((site.connections.get(), site.requests.get()), (5, 5));
        many(&client, 5, "/five").await;
        assert_eq!((site.connections.get(), site.requests.get()), (5, 10));
    });
}

#[test]
fn a_connection_that_the_server_leaves_is_not_used_again() {
    on_a_thread(async || {
        let site = Rc::new(Site {
            leaves: true,
            ..Site::default()
        });
        let client = open(&site).await;
        for _ in 0..4 {
            assert!(ask(&client, "GET", "/slow").await.is_ok());
        }
        // Those that come before the server's last word are still answered.
        assert!(site.connections.get() > 1);
        assert_eq!(site.requests.get(), 4);
    });
}

#[test]
fn a_stream_that_is_reset_fails_alone() {
    on_a_thread(async || {
        let site = Rc::new(Site::default());
        let client = open(&site).await;
        assert!(ask(&client, "GET", "/").await.is_ok());
        assert_eq!(
            ask(&client, "GET", "/reset").await,
            Err(PollFailure::Unreachable)
        );
        assert_eq!(
            ask(&client, "GET", "/large").await,
            Err(PollFailure::TooLarge)
        );
        assert_eq!(
            ask(&client, "GET", "/status").await,
            Err(PollFailure::Unreachable)
        );
        assert!(ask(&client, "GET", "/").await.is_ok());
        assert_eq!((site.connections.get(), site.requests.get()), (1, 5));
    });
}

#[test]
fn a_request_that_was_refused_is_sent_again() {
    on_a_thread(async || {
        let site = Rc::new(Site::default());
        let client = open(&site).await;
        assert!(ask(&client, "POST", "/refused").await.is_ok());
        assert_eq!(site.requests.get(), 2);
    });
}

#[test]
fn a_request_that_is_dropped_resets_its_stream() {
    on_a_thread(async || {
        let site = Rc::new(Site::default());
        let client = open(&site).await;
        let waits = {
            let client = client.clone();
            spawn_local(async move { ask(&client, "GET", "/never").await })
        };
        while site.requests.get() == 0 {
            site.changed.notified().await;
        }
        waits.abort();
        while site.given_up.get() == 0 {
            site.changed.notified().await;
        }
        assert!(ask(&client, "GET", "/").await.is_ok());
        assert_eq!(site.connections.get(), 1);
    });
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    on_a_thread(async || {
        let ends = Ends::new(&["h2"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(listener.local_addr().unwrap());
        let limits = Limits {
            connect_timeout: Duration::from_millis(100),
            ..Limits::new(MOST, 10 * MOST)
        };
        let homeserver = Homeserver::new(&config, Some(ends.client), tcp(), limits);
        let client = Client::new(Arc::new(homeserver));
        assert_eq!(
            ask(&client, "GET", "/").await,
            Err(PollFailure::Unreachable)
        );
    });
}
