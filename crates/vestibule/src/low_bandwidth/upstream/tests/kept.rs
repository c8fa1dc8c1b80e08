//! Connections that are kept, and what happens when the server does not keep them.

use super::{
    SOON,
    harness::{Server, on_a_thread, request},
};
use vestibule_lowband::sync::PollFailure;

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn kept_connections_are_used_again() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client();
        let serve = async {
            let mut peer = server.accept().await;
            for _ in 0..3 {
                peer.request().await;
                peer.say(EMPTY).await;
            }
            peer
        };
        let ask = async {
            for method in ["GET", "POST", "PUT"] {
                let answer = client.send(&request(method, "/"), None, SOON).await;
                assert!(answer.unwrap().body.is_empty());
            }
        };
        tokio::join!(serve, ask);
    });
}

/// What becomes of a request with this method on a connection that the server closes when it comes.
async fn closed_when_asked(method: &str) -> Result<u16, PollFailure> {
    let server = Server::new().await;
    let client = server.client();
    let serve = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say(EMPTY).await;
        peer.request().await;
        drop(peer);
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            .await;
        std::future::pending::<()>().await;
    };
    let ask = async {
        client.send(&request("GET", "/"), None, SOON).await.unwrap();
        let answer = client.send(&request(method, "/"), None, SOON).await;
        answer.map(|answer| answer.status.as_u16())
    };
    tokio::select! {
        () = serve => unreachable!(),
        answer = ask => answer,
    }
}

#[test]
fn what_may_be_repeated_is_repeated_once() {
    on_a_thread(async || {
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(closed_when_asked(method).await, Ok(201), "{method}");
        }
        assert_eq!(
            closed_when_asked("POST").await,
            Err(PollFailure::Unreachable)
        );
    });
}
