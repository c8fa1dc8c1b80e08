use std::time::{Duration, Instant};

use vestibule_coap::{Code, Header, Message, OptionList, Token, Type, encode};

use crate::error::Error;

/// After this long without an answer a question is repeated: ACK_TIMEOUT (RFC 7252 section 4.8).
const ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// What a client says on its association: one question after another.
pub(crate) trait Dialogue: Send {
    /// Asks, when the question before was answered.
    ///
    /// # Errors
    ///
    /// [`Error::WrongAnswer`] when there is nothing that could be asked.
    fn ask(&mut self, now: Instant) -> Result<(), Error>;

    /// Takes a message; whether the question was answered by it.
    ///
    /// # Errors
    ///
    /// [`Error::WrongAnswer`].
    fn receive(&mut self, now: Instant, message: &[u8]) -> Result<bool, Error>;

    /// Repeats what was lost.
    fn handle_timeout(&mut self, now: Instant);

    /// Appends the next message that is to be sent to `out`; whether there was one.
    fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool;
}

/// Asks for `/`, whose answer has a payload of any kind.
pub(super) struct Index {
    state: State,
    /// The id of the last question.
    message_id: u16,
    is_due: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Answered,
    /// A question was sent then.
    Asked(Instant),
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            state: State::Answered,
            message_id: 0,
            is_due: false,
        }
    }

    fn token(&self) -> Token {
        // Two bytes fit a token.
        Token::try_from(&self.message_id.to_be_bytes()[..]).unwrap_or_default()
    }
}

impl Dialogue for Index {
    fn ask(&mut self, now: Instant) -> Result<(), Error> {
        self.message_id = self.message_id.wrapping_add(1);
        self.state = State::Asked(now);
        self.is_due = true;
        Ok(())
    }

    /// Whether it is the answer to the last question, and not a repetition of an earlier one.
    fn receive(&mut self, _: Instant, message: &[u8]) -> Result<bool, Error> {
        let answer = Message::parse(message).map_err(|_| Error::WrongAnswer)?;
        let (header, token) = (answer.header, self.token());
        if header.kind != Type::Acknowledgement
            || header.code != Code::CONTENT
            || answer.payload.is_empty()
        {
            return Err(Error::WrongAnswer);
        }
        let is_first = matches!(self.state, State::Asked(_));
        if !is_first || header.id != self.message_id || header.token != token {
            return Ok(false);
        }
        self.state = State::Answered;
        Ok(true)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Asked(at) if now.duration_since(at) > ACK_TIMEOUT) {
            self.state = State::Asked(now);
            self.is_due = true;
        }
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        if self.is_due {
            let header = Header {
                kind: Type::Confirmable,
                code: Code::GET,
                id: self.message_id,
                token: self.token(),
            };
            encode(header, &OptionList::new(), &[], out);
        }
        std::mem::take(&mut self.is_due)
    }
}
