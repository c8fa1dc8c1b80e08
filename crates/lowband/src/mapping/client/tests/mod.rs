mod answers;
mod pair;
mod requests;
mod tokens;

use std::time::Duration;

use http::StatusCode;
use vestibule_coap::endpoint::Response;

use super::*;
use crate::transcode::cbor_to_json;

/// A companion with one association.
struct Companion {
    session: Session,
    settings: Settings,
    now: Instant,
}

/// A request of HTTP that is put together.
#[derive(Clone)]
struct Sent {
    method: Method,
    target: String,
    token: Option<String>,
    body: String,
}

impl Companion {
    fn new() -> Self {
        Self {
            session: Session::new(),
            settings: Settings::default(),
            now: Instant::now(),
        }
    }

    fn open(&mut self, sent: &Sent) -> Result<CoapRequest, UseHttp> {
        let authorization = sent.token.as_ref().map(|token| format!("Bearer {token}"));
        let request = Request {
            method: &sent.method,
            path_and_query: &sent.target,
            authorization: authorization.as_deref(),
            body: sent.body.as_bytes(),
        };
        open(&mut self.session, &self.settings, &request, self.now)
    }

    fn close(&mut self, request: &CoapRequest, code: Code, payload: &[u8]) -> Outcome {
        self.close_with(request, code, OptionList::new(), payload)
    }

    fn close_with(
        &mut self,
        request: &CoapRequest,
        code: Code,
        options: OptionList,
        payload: &[u8],
    ) -> Outcome {
        let response = Response {
            code,
            options,
            payload: Bytes::copy_from_slice(payload),
        };
        close(
            &mut self.session,
            &self.settings,
            &request.exchange,
            &response,
        )
    }

    fn answer(&mut self, request: &CoapRequest, code: Code, payload: &[u8]) -> (u16, String) {
        match self.close(request, code, payload) {
            Outcome::Answer(answer) => (
                answer.status.as_u16(),
                String::from_utf8(answer.body).unwrap(),
            ),
            Outcome::Again => panic!("it is answered"),
        }
    }
}

impl Sent {
    fn new(method: Method, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            token: None,
            body: String::new(),
        }
    }

    fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    fn sync() -> Self {
        Self::get("/_matrix/client/v3/sync")
    }

    fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }
}

fn cbor(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    json_to_cbor(json.as_bytes(), Keys::V1, &Limits::RESPONSE, &mut out).unwrap();
    out
}

/// The options of this number, as text.
fn texts(request: &CoapRequest, number: OptionNumber) -> Vec<&str> {
    let options = request.options.all(number);
    options
        .map(|value| str::from_utf8(value).unwrap())
        .collect()
}

/// What a request says of its token: nothing, that there is none, or the token.
fn said(request: &CoapRequest) -> Option<&str> {
    texts(request, ACCESS_TOKEN).first().copied()
}
