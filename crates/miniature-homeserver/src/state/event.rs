use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

/// An event to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Draft<'a> {
    /// Its type.
    pub(crate) kind: &'a str,
    /// Of an event that is state.
    pub(crate) state_key: Option<&'a str>,
    pub(crate) content: Value,
}

/// An event of a room.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Where it stands in the stream of all that happens.
    pub(crate) position: u64,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) room: String,
    pub(crate) sender: String,
    pub(crate) state_key: Option<String>,
    pub(crate) content: Value,
    /// In milliseconds since 1970.
    pub(crate) sent_at: u64,
    /// The event by which this one was redacted.
    pub(crate) redacted_by: Option<Value>,
    /// By which device it was sent, and by which transaction.
    pub(crate) transaction: Option<(String, String)>,
}

impl Event {
    /// As clients get it outside a sync.
    pub(crate) fn to_json(&self) -> Value {
        self.written(true, None)
    }

    /// As clients get it in a sync, where the room is known. The device that sent it is told its
    /// transaction.
    pub(crate) fn to_sync_json(&self, device: &str) -> Value {
        self.written(false, Some(device))
    }

    /// As somebody gets it who is not in the room.
    pub(crate) fn to_stripped_json(&self) -> Value {
        json!({
            "type": self.kind,
            "state_key": self.state_key,
            "sender": self.sender,
            "content": self.content,
        })
    }

    fn written(&self, with_room: bool, device: Option<&str>) -> Value {
        let mut event = Map::new();
        event.insert("type".into(), self.kind.as_str().into());
        event.insert("event_id".into(), self.id.as_str().into());
        event.insert("sender".into(), self.sender.as_str().into());
        event.insert("origin_server_ts".into(), self.sent_at.into());
        event.insert("content".into(), self.content.clone());
        if with_room {
            event.insert("room_id".into(), self.room.as_str().into());
        }
        if let Some(key) = &self.state_key {
            event.insert("state_key".into(), key.as_str().into());
        }
        let mut unsigned = Map::new();
        unsigned.insert("age".into(), now().saturating_sub(self.sent_at).into());
        if let (Some((own, txn)), Some(device)) = (&self.transaction, device)
            && own == device
        {
            unsigned.insert("transaction_id".into(), txn.as_str().into());
        }
        if let Some(by) = &self.redacted_by {
            unsigned.insert("redacted_because".into(), by.clone());
        }
        event.insert("unsigned".into(), unsigned.into());
        event.into()
    }
}

/// The time, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
