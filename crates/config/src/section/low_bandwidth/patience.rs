//! How patient a gateway is, with clients and with the homeserver.

use std::time::Duration;

use crate::{
    Profile,
    code::Code,
    diagnostic::Problem,
    reader::{DurationKey, Reader, Table},
};

/// With clients and with the homeserver.
pub(super) struct Patience {
    pub(super) profile: Profile,
    pub(super) block_size: u16,
    pub(super) handshake_timeout: Duration,
    pub(super) ack_window: Duration,
    pub(super) request_timeout: Duration,
    pub(super) sync_timeout: Duration,
}

const HANDSHAKE_TIMEOUT: DurationKey = DurationKey {
    key: "handshake_timeout",
    default: Duration::from_secs(60),
    min: Duration::from_secs(1),
    max: Duration::from_secs(30 * 60),
};
/// Clients repeat what is not acknowledged after 2 s (RFC 7252, section 4.8).
const ACK_WINDOW: DurationKey = DurationKey {
    key: "ack_window",
    default: Duration::from_millis(1500),
    min: Duration::from_millis(10),
    max: Duration::from_secs(5),
};
const REQUEST_TIMEOUT: DurationKey = DurationKey {
    key: "request_timeout",
    default: Duration::from_secs(60),
    min: Duration::from_millis(100),
    max: Duration::from_secs(30 * 60),
};
const SYNC_TIMEOUT: DurationKey = DurationKey {
    key: "sync_timeout",
    default: Duration::from_secs(5 * 60),
    ..REQUEST_TIMEOUT
};

/// The sizes that blocks can have (RFC 7959, section 2.2).
const BLOCKS: std::ops::RangeInclusive<u64> = 16..=1024;

pub(super) fn read(r: &mut Reader<'_>, table: &Table<'_>) -> Patience {
    let profiles = [
        ("hf", Profile::Hf),
        ("satellite", Profile::Satellite),
        ("standard", Profile::Standard),
    ];
    let profile = r.choice(table, "profile", &profiles);
    let profile = profile.unwrap_or(Profile::Standard);
    let handshake = DurationKey {
        default: match profile {
            Profile::Hf => Duration::from_secs(300),
            Profile::Satellite | Profile::Standard => HANDSHAKE_TIMEOUT.default,
        },
        ..HANDSHAKE_TIMEOUT
    };
    Patience {
        profile,
        block_size: block_size(r, table),
        handshake_timeout: r.duration(table, &handshake),
        ack_window: r.duration(table, &ACK_WINDOW),
        request_timeout: r.duration(table, &REQUEST_TIMEOUT),
        sync_timeout: r.duration(table, &SYNC_TIMEOUT),
    }
}

fn block_size(r: &mut Reader<'_>, table: &Table<'_>) -> u16 {
    let size = r.integer(table, "block_size", BLOCKS);
    let size = size.and_then(|size| u16::try_from(size).ok());
    if let (Some(size), Some(value)) = (size, table.value("block_size"))
        && !size.is_power_of_two()
    {
        let below = 1 << size.ilog2();
        let message = "blocks have a power of two bytes";
        let problem =
            Problem::new(Code::OutOfRange, message).help(format!("write {below} or {}", 2 * below));
        r.error(value.span(), problem);
    }
    size.unwrap_or(1024)
}
