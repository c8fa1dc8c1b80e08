use vestibule_coap::Type;
use vestibule_dtls::server::Local;

use super::*;

/// An empty message.
fn empty(kind: Type, id: u16) -> Vec<u8> {
    let header = Header {
        kind,
        code: Code::EMPTY,
        id,
        token: Token::EMPTY,
    };
    let mut message = Vec::new();
    encode(header, &OptionList::new(), &[], &mut message);
    message
}

fn path(port: u16) -> Path {
    Path {
        remote: ([192, 0, 2, 1], port).into(),
        local: Local::default(),
    }
}

/// Where the peer seems to be.
const THERE: u16 = 4000;

fn proof() -> Proof {
    Proof::new(TrialId::default(), path(THERE), [0x1234, 7])
}

#[test]
fn two_pings_are_sent_and_both_rejections_taken() {
    for kind in [Type::Reset, Type::Acknowledgement] {
        let mut proof = proof();
        let asked = proof.ask(Instant::now());
        assert_eq!(asked, [[0x40, 0, 0x12, 0x34], [0x40, 0, 0, 7]]);
        let mut hear = |id| proof.hear(path(THERE), &empty(kind, id));
        assert_eq!(hear(7), Answer::Part);
        assert_eq!(hear(7), Answer::Part, "the same again is not the other");
        assert_eq!(hear(0x1234), Answer::Right);
    }
}

#[test]
fn what_is_no_answer_is_for_the_endpoint() {
    let mut proof = proof();
    proof.ask(Instant::now());
    let others: [&[u8]; 5] = [
        b"",
        b"hello",
        &empty(Type::Confirmable, 7),
        &empty(Type::NonConfirmable, 7),
        // A response in an acknowledgement.
        &[0x60, 0x45, 0, 7],
    ];
    for other in others.iter().cycle().take(100) {
        assert_eq!(proof.hear(path(THERE), other), Answer::None);
    }
    assert_eq!(
        proof.hear(path(THERE), &empty(Type::Reset, 7)),
        Answer::Part
    );
}

#[test]
fn an_answer_from_elsewhere_is_none() {
    let mut proof = proof();
    proof.ask(Instant::now());
    for _ in 0..100 {
        for id in [7, 0x1234, 99] {
            let heard = proof.hear(path(THERE + 1), &empty(Type::Reset, id));
            assert_eq!(heard, Answer::None);
        }
    }
}

#[test]
fn who_guesses_is_found_out() {
    let mut proof = proof();
    proof.ask(Instant::now());
    let guesses = (0x8000..).map(|id| proof.hear(path(THERE), &empty(Type::Reset, id)));
    let heard: Vec<_> = guesses.take(64).collect();
    assert_eq!(heard[..63], [Answer::None; 63]);
    assert_eq!(heard[63], Answer::Guessed);
}

#[test]
fn a_question_is_repeated_at_growing_distances_as_far_as_it_is_open() {
    let mut now = Instant::now();
    let mut proof = proof();
    let mut waits = Vec::new();
    proof.ask(now);
    proof.hear(path(THERE), &empty(Type::Reset, 7));
    while let Some(again) = proof.again {
        waits.push((again - now).as_secs());
        now = again;
        assert_eq!(proof.ask(now), [[0x40, 0, 0x12, 0x34]]);
    }
    assert_eq!(waits, [2, 4, 8]);
}
