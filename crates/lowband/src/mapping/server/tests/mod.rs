mod answers;
mod captured;
mod etsi;
mod order;
mod requests;
mod tokens;
mod users;

use http::Method;
use vestibule_coap::{ContentFormat, OptionNumber};

use super::*;
use crate::keys::Keys;
use crate::mapping::token::Token;
use crate::mapping::{ACCESS_TOKEN, TABLE_VERSION};
use crate::transcode::{Limits, cbor_to_json, json_to_cbor};

/// A gateway with one association.
struct Gateway {
    session: Session,
    settings: Settings,
    now: Instant,
}

/// A request that is put together.
#[derive(Clone)]
struct Sent {
    code: Code,
    options: OptionList,
    payload: Vec<u8>,
    message_id: u16,
}

impl Gateway {
    fn new() -> Self {
        Self {
            session: Session::new(),
            settings: Settings::default(),
            now: Instant::now(),
        }
    }

    fn negotiated() -> Self {
        let mut gateway = Self::new();
        gateway.settings.cbor_keys = CborKeys::Negotiated;
        gateway
    }

    /// Opens a request that came `waited` ago.
    fn open_after(&mut self, sent: &Sent, waited: Duration) -> Result<Opened, Refusal> {
        let request = sent.request(self.now - waited);
        open(&mut self.session, &self.settings, &request, self.now)
    }

    fn open(&mut self, sent: &Sent) -> Result<HttpRequest, Refusal> {
        match self.open_after(sent, HOLD)? {
            Opened::Forward(request) => Ok(*request),
            Opened::Hold { .. } => panic!("it has waited"),
        }
    }

    fn refused(&mut self, sent: &Sent) -> Refusal {
        self.open(sent).unwrap_err()
    }

    fn refuse(&self, sent: &Sent, refusal: Refusal) -> Response {
        refuse(
            &self.session,
            &self.settings,
            &sent.request(self.now),
            refusal,
        )
    }

    fn close(&mut self, request: &HttpRequest, status: u16, body: &str) -> Response {
        let upstream = Upstream {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body: body.as_bytes(),
        };
        close(&mut self.session, &self.settings, request, &upstream)
    }
}

impl Sent {
    fn new(code: Code, path: &str) -> Self {
        let mut options = OptionList::new();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        for segment in path.split('/').skip(1) {
            options.push(OptionNumber::URI_PATH, segment).unwrap();
        }
        for item in query.split('&').filter(|item| !item.is_empty()) {
            options.push(OptionNumber::URI_QUERY, item).unwrap();
        }
        Self {
            code,
            options,
            payload: Vec::new(),
            message_id: 0,
        }
    }

    fn get(path: &str) -> Self {
        Self::new(Code::GET, path)
    }

    fn option(mut self, number: OptionNumber, value: impl AsRef<[u8]>) -> Self {
        self.options.push(number, value).unwrap();
        self
    }

    fn uint(mut self, number: OptionNumber, value: u64) -> Self {
        self.options.push_uint(number, value);
        self
    }

    fn token(self, token: &str) -> Self {
        self.option(ACCESS_TOKEN, token)
    }

    fn id(mut self, message_id: u16) -> Self {
        self.message_id = message_id;
        self
    }

    fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    fn cbor(self, json: &str) -> Self {
        let payload = cbor(json, Keys::V1);
        self.uint(OptionNumber::CONTENT_FORMAT, 60)
            .payload(&payload)
    }

    fn request(&self, received: Instant) -> Request<'_> {
        Request {
            code: self.code,
            options: &self.options,
            payload: &self.payload,
            message_id: self.message_id,
            received,
        }
    }
}

fn cbor(json: &str, keys: Keys) -> Vec<u8> {
    let mut out = Vec::new();
    json_to_cbor(json.as_bytes(), keys, &Limits::RESPONSE, &mut out).unwrap();
    out
}

/// What the body of a response says.
fn body(response: &Response) -> String {
    let format = response.options.uint(OptionNumber::CONTENT_FORMAT);
    let mut json = Vec::new();
    match format {
        Some(60) => {
            let limits = &Limits::RESPONSE;
            cbor_to_json(&response.payload, Keys::V1, limits, &mut json).unwrap();
        }
        Some(50) => json.extend(&response.payload),
        format => panic!("{format:?}"),
    }
    String::from_utf8(json).unwrap()
}

fn token_of(request: &HttpRequest) -> Option<&str> {
    request.token.as_ref().map(Token::as_str)
}

const SYNC: &str = "/7";
const VERSIONS: &str = "/0";
