use tokio::{runtime::LocalOptions, task::spawn_local};

use super::*;
use crate::coaps;

fn reply(messages: &Messages<Message<u8>>) -> Reply<u8> {
    Reply {
        client: 7,
        ask: AskId::default(),
        messages: messages.clone(),
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build_local(LocalOptions::default())
        .unwrap();
    runtime.block_on(test);
}

#[test]
fn who_asked_hears_of_a_mistake() {
    run(async {
        let (messages, mut inbox) = coaps::messages();
        let reply = reply(&messages);
        spawn_local(reply.tell(async { panic!("a mistake of ours") }));
        let Some(Message::Answered { client, answer, .. }) = inbox.recv().await else {
            panic!("nothing was told");
        };
        assert_eq!(client, 7);
        assert!(matches!(answer, Err(PollFailure::Unreachable)));
        assert!(inbox.try_recv().is_err());
    });
}

#[test]
fn what_comes_of_it_is_told_once() {
    run(async {
        let (messages, mut inbox) = coaps::messages();
        let asked = async { Err(PollFailure::TimedOut) };
        reply(&messages).tell(asked).await;
        let told = inbox.recv().await;
        assert!(matches!(
            told,
            Some(Message::Answered {
                answer: Err(PollFailure::TimedOut),
                ..
            })
        ));
        assert!(inbox.try_recv().is_err());
    });
}

#[test]
fn nothing_is_told_of_what_is_cancelled() {
    run(async {
        let (messages, mut inbox) = coaps::messages();
        let task = spawn_local(reply(&messages).tell(std::future::pending()));
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(inbox.try_recv().is_err());
    });
}
