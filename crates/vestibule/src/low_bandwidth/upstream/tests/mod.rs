//! Requests to little servers on loopback.

mod budget;
mod failures;
mod harness;
mod kept;
mod secured;

use std::time::Duration;

use self::harness::{Server, on_a_thread, request};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_request_is_answered() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let request = request("GET", "/_matrix/client/versions");
        let serve = async {
            let mut peer = server.accept().await;
            let head = peer.request().await;
            assert!(
                head.starts_with("GET /_matrix/client/versions HTTP/1.1\r\n"),
                "{head}"
            );
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .await;
            peer
        };
        let (answer, _peer) = tokio::join!(client.send(&request, None, SOON), serve);
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (200, &b"{}"[..])
        );
    });
}
