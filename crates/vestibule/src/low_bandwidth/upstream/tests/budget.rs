//! What the bodies of all answers may have together.

use std::sync::Arc;

use vestibule_lowband::{answer::Body, gateway::HttpAnswer, sync::PollFailure};

use super::{
    SOON,
    harness::{MOST, Peer, Server, on_a_thread, request},
};
use crate::low_bandwidth::upstream::{
    Client, Limits, answer::Collected, budget::Budget, failure::Failure,
};

async fn ask(client: &Client) -> Result<HttpAnswer, PollFailure> {
    client.send(&request("POST", "/"), None, SOON).await
}

/// Takes a request, and says that `MOST` bytes come.
async fn promise(server: &Server) -> Peer {
    let mut peer = server.accept().await;
    peer.request().await;
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {MOST}\r\n\r\n");
    peer.say(head).await;
    peer
}

#[test]
fn two_large_answers_do_not_find_room_for_one() {
    on_a_thread(async || {
        let server = Server::new().await;
        let client = server.client_with(Limits::new(MOST, MOST + MOST / 2));
        let bodies = Arc::clone(&client.0.homeserver.bodies);
        let serve = async {
            let (mut first, mut second) = (promise(&server).await, promise(&server).await);
            // Whose answer finds no room closes the connection.
            first.say_all(vec![b'x'; MOST]).await;
            second.say_all(vec![b'x'; MOST]).await;
        };
        let (one, other, ()) = tokio::join!(ask(&client), ask(&client), serve);
        let (answer, failure) = match (one, other) {
            (Ok(answer), Err(failure)) | (Err(failure), Ok(answer)) => (answer, failure),
            both => panic!("{both:?}"),
        };
        assert_eq!(failure, PollFailure::Overloaded);
        assert_eq!((answer.body.len(), bodies.held()), (MOST, MOST));

        // It is held as long as somebody has something of it.
        let part = answer.body.slice(..1);
        drop(answer);
        let refuse = async {
            let mut peer = promise(&server).await;
            peer.say_all(vec![b'x'; MOST]).await;
        };
        let (refused, ()) = tokio::join!(ask(&client), refuse);
        assert_eq!(refused, Err(PollFailure::Overloaded));
        drop(part);
        assert_eq!(bodies.held(), 0);
        let serve = async {
            let mut peer = promise(&server).await;
            peer.say_all(vec![b'x'; MOST]).await;
        };
        let (answer, ()) = tokio::join!(ask(&client), serve);
        assert_eq!(answer.unwrap().body.len(), MOST);
        assert_eq!(bodies.held(), 0);
    });
}

#[test]
fn what_is_held_is_what_there_is_room_for() {
    let budget = Budget::new(1_000);
    let mut body = Collected::new(600, &budget);
    assert_eq!(budget.held(), 0);
    for (bytes, held) in [(100, 100), (1, 200), (150, 400), (200, 600)] {
        body.push(&vec![0; bytes]).unwrap();
        assert_eq!(budget.held(), held);
    }
    assert!(matches!(body.push(&[0; 200]), Err(Failure::TooLarge)));
    let bytes = body.into_bytes();
    assert_eq!((bytes.len(), budget.held()), (451, 451));

    let mut body = Collected::new(600, &budget);
    assert!(matches!(body.expect(601), Err(Failure::TooLarge)));
    assert!(matches!(body.expect(550), Err(Failure::NoRoom)));
    assert_eq!(budget.held(), 451);
    drop(bytes);
    body.expect(550).unwrap();
    assert_eq!(budget.held(), 550);
    body.push(&[0; 550]).unwrap();
    drop(body);
    assert_eq!(budget.held(), 0);

    let empty = Collected::new(600, &budget).into_bytes();
    assert_eq!((empty.len(), budget.held()), (0, 0));
}
