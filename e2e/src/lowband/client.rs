use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use vestibule_coap::endpoint::{Acknowledge, Failure, Request, RequestId, Response};
use vestibule_coap::{Code, OptionNumber};

use super::{from_cbor, to_cbor};
use crate::coap::coap_request;
use crate::dtls::CoapsClient;

/// A client of Matrix over CoAP that does as it should. It says its token until it has seen that it
/// has arrived.
pub struct MatrixClient {
    coaps: CoapsClient,
    token: String,
    says_token: bool,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The code.
    pub code: Code,
    /// The body.
    pub body: Value,
}

const TOKEN: OptionNumber = OptionNumber(256);

impl MatrixClient {
    /// Somebody who has this token.
    pub fn new(coaps: CoapsClient, token: &str) -> Self {
        Self {
            coaps,
            token: token.to_owned(),
            says_token: true,
        }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What carries it.
    pub fn coaps(&mut self) -> &mut CoapsClient {
        &mut self.coaps
    }

    /// GET.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Answer {
        self.call(Code::GET, target, None)
    }

    /// Sends a message of text.
    ///
    /// # Errors
    /// Why there is no answer.
    #[track_caller]
    pub fn send_text(&mut self, room: &str, txn: &str, text: &str) -> Result<Answer, Failure> {
        let target = format!("/9/{room}/m.room.message/{txn}");
        let body = json!({"msgtype": "m.text", "body": text});
        self.try_call(Code::PUT, &target, Some(&body))
    }

    /// Asks.
    #[track_caller]
    pub fn call(&mut self, code: Code, target: &str, body: Option<&Value>) -> Answer {
        self.try_call(code, target, body)
            .unwrap_or_else(|failure| panic!("no answer to {target}: {failure:?}"))
    }

    /// As [`Self::call`].
    ///
    /// # Errors
    /// Why there is no answer.
    #[track_caller]
    pub fn try_call(
        &mut self,
        code: Code,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let id = self.begin(code, target, body);
        let answer = Answer::of(&self.coaps.try_answer(id)?);
        self.says_token &= answer.code.class() != 2;
        Ok(answer)
    }

    /// Asks; the answer is for [`CoapsClient::answer`].
    pub fn begin(&mut self, code: Code, target: &str, body: Option<&Value>) -> RequestId {
        let request = self.request(code, target, body);
        self.coaps.begin(request)
    }

    /// Registers for what is new behind `since`, which must be allowed.
    #[track_caller]
    pub fn observe(
        &mut self,
        since: Option<&str>,
        acknowledge: Acknowledge,
    ) -> (RequestId, Answer) {
        let target = since.map_or("/7".to_owned(), |since| format!("/7?since={since}"));
        let request = self.request(Code::GET, &target, None);
        let (id, response, observed) = self.coaps.register(request, acknowledge);
        let answer = Answer::of(&response);
        assert!(observed, "not observed: {answer:?}");
        self.says_token = false;
        (id, answer)
    }

    /// A request with what goes with each.
    pub fn request(&self, code: Code, target: &str, body: Option<&Value>) -> Request {
        let payload = body.map(to_cbor).unwrap_or_default();
        let mut request = coap_request(code, target, payload);
        request.deadline = Duration::from_secs(60);
        if body.is_some() {
            request.options.push_uint(OptionNumber::CONTENT_FORMAT, 60);
        }
        if self.says_token {
            let pushed = request.options.push(TOKEN, self.token.as_bytes());
            pushed.expect("a short token");
        }
        request
    }
}

impl Answer {
    /// Reads a response.
    #[track_caller]
    pub fn of(response: &Response) -> Self {
        Self {
            code: response.code,
            body: from_cbor(&response.payload),
        }
    }

    /// The Matrix error.
    pub fn errcode(&self) -> &str {
        self.body["errcode"].as_str().unwrap_or_default()
    }
}

impl fmt::Debug for MatrixClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatrixClient")
            .field("coaps", &self.coaps)
            .finish_non_exhaustive()
    }
}
