//! Whether a peer is where it seems to have moved to.
//!
//! It is asked by two empty confirmable messages, which every peer rejects ("CoAP ping", RFC 7252 section 4.3), under
//! message ids that it cannot know unless it has got them: the peer itself is not to be believed, because it could have us
//! send to somebody else. The ids of the endpoint do not do for that: they count up. Nor does one id: a peer that guesses
//! it in parallel, with many associations, would not need long.

use std::time::{Duration, Instant};

use vestibule_coap::{Code, Header, Message, OptionList, Token, Type, encode};
use vestibule_dtls::server::{Path, TrialId};

/// A proof that is waited for.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) trial: TrialId,
    /// Where it seems to be.
    path: Path,
    message_ids: [u16; 2],
    /// Which of them the peer has rejected.
    answered: [bool; 2],
    /// Answers to something else.
    wrong: u8,
    asked: u8,
    /// When it is asked again.
    pub(super) again: Option<Instant>,
}

/// What a payload says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is the answer, or the last part of it.
    Right,
    /// It is a part of the answer.
    Part,
    /// There were so many that were not that somebody guesses.
    Guessed,
    /// It is for the endpoint.
    None,
}

impl Proof {
    /// How often it is asked, in case the question or the answer is lost.
    const MAX_ASKED: u8 = 4;

    /// The wait before the second question. It doubles.
    const FIRST_WAIT: Duration = Duration::from_secs(2);

    /// How many answers to something else may come, most of which are for messages of the endpoint.
    const MAX_WRONG: u8 = 64;

    /// A question that was not asked yet. The ids must be random.
    pub(super) fn new(trial: TrialId, path: Path, message_ids: [u16; 2]) -> Self {
        Self {
            trial,
            path,
            message_ids,
            answered: [false; 2],
            wrong: 0,
            asked: 0,
            again: None,
        }
    }

    /// The parts of the question that are not answered, which are asked now.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.asked += 1;
        let wait = Self::FIRST_WAIT * (1 << (self.asked - 1));
        self.again = (self.asked < Self::MAX_ASKED).then(|| now + wait);
        let open = self.message_ids.iter().zip(self.answered);
        open.filter(|(_, answered)| !answered)
            .map(|(id, _)| question(*id))
            .collect()
    }

    /// Whether a payload that came by `path` is the answer.
    pub(super) fn hear(&mut self, path: Path, payload: &[u8]) -> Answer {
        if path != self.path {
            return Answer::None;
        }
        let Ok(Message { header, .. }) = Message::parse(payload) else {
            return Answer::None;
        };
        // Clients written in Go acknowledge what they should reject.
        let answers = matches!(header.kind, Type::Acknowledgement | Type::Reset);
        if !answers || header.code != Code::EMPTY {
            return Answer::None;
        }
        if let Some(at) = self.message_ids.iter().position(|id| *id == header.id) {
            self.answered[at] = true;
            return match self.answered {
                [true, true] => Answer::Right,
                _ => Answer::Part,
            };
        }
        self.wrong += 1;
        match self.wrong < Self::MAX_WRONG {
            true => Answer::None,
            false => Answer::Guessed,
        }
    }
}

fn question(id: u16) -> Vec<u8> {
    let header = Header {
        kind: Type::Confirmable,
        code: Code::EMPTY,
        id,
        token: Token::EMPTY,
    };
    let mut question = Vec::new();
    encode(header, &OptionList::new(), &[], &mut question);
    question
}

#[cfg(test)]
mod tests;
