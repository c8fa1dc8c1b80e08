use std::net::SocketAddr;

use serde_json::{Value, json};
use vestibule_e2e::coap::{AiocoapClient, Told};

use super::{Ask, EXCHANGE, Format, Got, Peer, Watch, from_hex, hex, url};

/// aiocoap, without DTLS: a process for each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aiocoap {
    pub(crate) server: SocketAddr,
}

struct Watching(AiocoapClient);

impl Aiocoap {
    fn order(&self, ask: &Ask<'_>) -> Value {
        let mut order = json!({
            "url": url("coap", self.server, ask.target),
            "method": ask.method,
            "accept": Format::Cbor.number(),
            "hex": true,
        });
        if let Some(token) = ask.token {
            order["token"] = token.into();
        }
        if let Some(body) = ask.body {
            order["format"] = Format::Cbor.number().into();
            order["payload_hex"] = hex(&Format::Cbor.write(body)).into();
        }
        order
    }
}

impl Peer for Aiocoap {
    #[track_caller]
    fn ask(&self, ask: &Ask<'_>) -> Got {
        let client = AiocoapClient::start(&self.order(ask));
        let told = client.finish_within(EXCHANGE);
        let [told] = &told[..] else {
            panic!("{ask:?}: {told:?}");
        };
        assert_eq!(told.format, Some(60), "{told:?}");
        let body = body(told);
        Got {
            max_age: told.max_age,
            code: told.code.clone(),
            shown: body.to_string(),
            body,
        }
    }

    fn observe(&self, token: &str, target: &str) -> Box<dyn Watch> {
        let mut order = self.order(&Ask::get(token, target));
        order["observe"] = Value::Null;
        Box::new(Watching(AiocoapClient::start(&order)))
    }
}

impl Watch for Watching {
    fn states(&self) -> Vec<Value> {
        self.0.told().iter().map(body).collect()
    }
}

fn body(told: &Told) -> Value {
    assert!(told.end.is_none(), "the observation has ended");
    Format::Cbor.read(&from_hex(&told.hex))
}
