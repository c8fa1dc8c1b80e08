//! What goes wrong, and what of it is told.

use std::{net::IpAddr, pin::pin, time::Duration};

use vestibule_lowband::sync::PollFailure;

use super::{
    SOON,
    harness::{MOST, Server, on_a_thread, request},
};
use crate::low_bandwidth::upstream::versions::prefix;

/// What comes of an answer of these bytes, behind which the server closes.
async fn answered(bytes: impl AsRef<[u8]>) -> Result<(u16, usize), PollFailure> {
    let server = Server::new().await;
    let client = server.client();
    let request = request("POST", "/");
    let serve = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say_all(bytes).await;
    };
    let (answer, ()) = tokio::join!(client.send(&request, None, SOON), serve);
    answer.map(|answer| (answer.status.as_u16(), answer.body.len()))
}

#[test]
fn answers_are_taken_as_they_are() {
    on_a_thread(async || {
        let html = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>";
        assert_eq!(answered(html).await, Ok((502, 6)));
        let moved = "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answered(moved).await, Ok((302, 0)));
        let most = format!("HTTP/1.1 200 OK\r\nContent-Length: {MOST}\r\n\r\n");
        assert_eq!(answered(most + &"x".repeat(MOST)).await, Ok((200, MOST)));
        let most = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(MOST));
        assert_eq!(answered(most).await, Ok((200, MOST)));
    });
}

#[test]
fn broken_answers_are_failures() {
    on_a_thread(async || {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
        assert_eq!(answered(cut).await, Err(PollFailure::Unreachable));
        assert_eq!(answered("").await, Err(PollFailure::Unreachable));
        assert_eq!(answered("hello\r\n").await, Err(PollFailure::Unreachable));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(MOST));
        assert_eq!(answered(long).await, Err(PollFailure::Unreachable));
        let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", MOST + 1);
        assert_eq!(answered(large).await, Err(PollFailure::TooLarge));
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(10 * MOST));
        assert_eq!(answered(large).await, Err(PollFailure::TooLarge));
    });
}

#[test]
fn time_is_limited() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let request = request("GET", "/");
        // On a machine that is slow the time may be over before anything is sent.
        for time in [50, 500, 5_000, 50_000] {
            let mut asked = pin!(client.send(&request, None, Duration::from_millis(time)));
            let begun = async {
                let mut peer = server.accept().await;
                let is_whole = !peer.request().await.is_empty();
                peer.try_say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
                    .await;
                (peer, is_whole)
            };
            let (mut peer, is_whole) = tokio::select! {
                answer = &mut asked => {
                    assert_eq!(answer, Err(PollFailure::TimedOut));
                    continue;
                }
                begun = begun => begun,
            };
            assert_eq!(asked.await, Err(PollFailure::TimedOut));
            // The connection is closed with the request.
            assert!(peer.is_closed().await);
            if is_whole {
                return;
            }
        }
        panic!("nothing was sent");
    });
}

#[test]
fn a_request_that_is_dropped_closes_its_connection() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let request = request("GET", "/");
        let mut asked = Box::pin(client.send(&request, None, SOON));
        let mut peer = tokio::select! {
            _ = &mut asked => unreachable!(),
            peer = async {
                let mut peer = server.accept().await;
                peer.request().await;
                peer
            } => peer,
        };
        drop(asked);
        assert!(peer.is_closed().await);
    });
}

#[test]
fn who_does_not_listen_is_unreachable_and_who_comes_back_is_found() {
    on_a_thread(async || {
        // Where nobody else is meanwhile.
        let server = Server::at(([127, 0, 74, 9], 0).into()).await;
        let client = server.client();
        let address = server.close();
        let get = request("GET", "/");
        for _ in 0..3 {
            let answer = client.send(&get, None, SOON).await;
            assert_eq!(answer, Err(PollFailure::Unreachable));
        }
        let server = Server::at(address).await;
        let serve = async {
            let mut peer = server.accept().await;
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await;
            peer
        };
        let (answer, _peer) = tokio::join!(client.send(&get, None, SOON), serve);
        assert!(answer.is_ok());
    });
}

#[test]
fn a_large_request_is_refused_before_it_is_read() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let mut large = request("PUT", "/");
        large.body = vec![b' '; 20_000_000];
        let serve = async {
            let mut peer = server.accept().await;
            peer.say("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                .await;
            peer
        };
        let (answer, _peer) = tokio::join!(client.send(&large, None, SOON), serve);
        assert_eq!(answer.unwrap().status.as_u16(), 413);
    });
}

#[test]
fn many_at_once_are_answered() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let serve = async {
            loop {
                let mut peer = server.accept().await;
                tokio::task::spawn_local(async move {
                    while !peer.request().await.is_empty() {
                        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                            .await;
                    }
                });
            }
        };
        let ask = async {
            let mut asked = tokio::task::JoinSet::new();
            for _ in 0..500 {
                let client = client.clone();
                asked.spawn_local(async move {
                    client.send(&request("GET", "/"), None, SOON).await.is_ok()
                });
            }
            assert!(
                asked
                    .join_all()
                    .await
                    .into_iter()
                    .all(|is_answered| is_answered)
            );
        };
        tokio::select! {
            () = serve => unreachable!(),
            () = ask => {}
        }
    });
}

#[test]
fn the_head_says_what_it_must_and_no_more() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let peers: [Option<IpAddr>; 3] = [
            None,
            Some("192.0.2.7".parse().unwrap()),
            Some("::ffff:192.0.2.7".parse().unwrap()),
        ];
        for address in peers {
            let put = request("PUT", "/a%2Fb?c=%C3%A9");
            let serve = async {
                let mut peer = server.accept().await;
                let text = peer.request().await;
                peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                    .await;
                text
            };
            let (answer, text) = tokio::join!(client.send(&put, address, SOON), serve);
            assert!(answer.is_ok());
            let authority = &client.0.homeserver.authority;
            let forwarded = match address {
                None => "",
                Some(_) => "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: https\r\n",
            };
            let version = env!("CARGO_PKG_VERSION");
            let expected = format!(
                "PUT /a%2Fb?c=%C3%A9 HTTP/1.1\r\nhost: {authority}\r\naccept: application/json\r\n\
                 accept-encoding: identity\r\nuser-agent: vestibule/{version}\r\n\
                 authorization: Bearer SECRET\r\ncontent-type: application/json\r\n\
                 content-length: 18\r\n{forwarded}\r\n{{\"body\":\"PRIVATE\"}}"
            );
            assert_eq!(text, expected);
        }
    });
}

#[test]
fn paths_that_http_does_not_carry_are_not_sent() {
    on_a_thread(async || {
        let client = Server::new().await.client();
        for path in ["", "a", "/a b", "/a\r\nHost: x", "/é", "/a#b", "*"] {
            let mut get = request("GET", "/");
            get.path = path.to_owned();
            let answer = client.send(&get, None, SOON).await;
            assert_eq!(answer, Err(PollFailure::Unreachable), "{path:?}");
        }
    });
}

#[test]
fn nothing_shows_secrets() {
    on_a_thread(async || {
        let client = Server::new().await.client();
        let post = request("POST", "/");
        let shown = format!("{client:?} {post:?}");
        assert!(
            !shown.contains("SECRET") && !shown.contains("PRIVATE"),
            "{shown}"
        );
    });
}

#[test]
fn versions_tell_the_prefix() {
    use vestibule_lowband::mapping::paths::Prefix;
    for (body, expected) in [
        (
            r#"{"versions":["r0.0.1","r0.6.1","v1.1"]}"#,
            Some(Prefix::V3),
        ),
        (
            r#"{"versions":["v1.12"],"unstable_features":{"a":true}}"#,
            Some(Prefix::V3),
        ),
        (r#"{"versions":["r0.6.1"]}"#, Some(Prefix::R0)),
        (r#"{"versions":["vector"]}"#, Some(Prefix::R0)),
        (r#"{"versions":[]}"#, Some(Prefix::R0)),
        (r#"{"versions":[1]}"#, None),
        ("{}", None),
        ("<html>", None),
        ("", None),
    ] {
        assert_eq!(prefix(body.as_bytes()), expected, "{body}");
    }
}
