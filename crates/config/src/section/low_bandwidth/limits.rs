//! `[low_bandwidth.limits]`.

use std::{ops::RangeInclusive, time::Duration};

use vestibule_lowband::mapping::format::MAX_REQUEST_LEN;

use crate::{
    LowBandwidthLimits, Profile,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{DurationKey, Reader, Table},
    schema,
    value::size,
};

/// More than any machine of today serves.
const MOST: u64 = 10_000_000;
/// More than any client asks for at a time.
const MOST_OF_ONE: u64 = 10_000;

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
/// The longest body that can travel in blocks: 2^20 of 1,024 bytes (RFC 7959, section 2.2).
const LONGEST_BODY: u64 = GIB;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn read(
    r: &mut Reader<'_>,
    gateway: &Table<'_>,
    profile: Profile,
) -> LowBandwidthLimits {
    let table = r.subtable(gateway, "limits", &schema::LOW_BANDWIDTH_LIMITS);
    let before = r.mistakes();
    let limits = strangers(r, &table, &LowBandwidthLimits::of(profile));
    let limits = bodies(r, &table, &limits);
    let limits = requests(r, &table, &limits);
    // What could not be read is not also beyond another limit.
    if r.mistakes() == before {
        within_each_other(r, &table, &limits);
        within_bodies(r, &table, &limits);
    }
    limits
}

/// Associations, and who may begin how many.
fn strangers(r: &mut Reader<'_>, t: &Table<'_>, l: &LowBandwidthLimits) -> LowBandwidthLimits {
    LowBandwidthLimits {
        associations: count(r, t, "associations", 1..=MOST, l.associations),
        associations_per_source: count(
            r,
            t,
            "associations_per_source",
            1..=MOST,
            l.associations_per_source,
        ),
        half_open: count(r, t, "half_open", 1..=MOST, l.half_open),
        half_open_per_source: count(
            r,
            t,
            "half_open_per_source",
            1..=MOST,
            l.half_open_per_source,
        ),
        handshakes_per_minute: count(
            r,
            t,
            "handshakes_per_minute",
            1..=MOST,
            l.handshakes_per_minute,
        ),
        handshake_burst: count(r, t, "handshake_burst", 1..=MOST, l.handshake_burst),
        idle_timeout: time(r, t, "idle_timeout", [SECOND, MONTH], l.idle_timeout),
        observe_idle_timeout: time(
            r,
            t,
            "observe_idle_timeout",
            [SECOND, MONTH],
            l.observe_idle_timeout,
        ),
        ..l.clone()
    }
}

/// What is kept of requests and answers.
fn bodies(r: &mut Reader<'_>, t: &Table<'_>, l: &LowBandwidthLimits) -> LowBandwidthLimits {
    let [request, response] = [MAX_REQUEST_LEN as u64, LONGEST_BODY].map(|most| KIB..=most);
    let all = 64 * KIB..=1024 * GIB;
    LowBandwidthLimits {
        request_body: bytes(r, t, "request_body", request, l.request_body),
        uploads: count(r, t, "uploads", 1..=MOST_OF_ONE, l.uploads),
        upload_idle_timeout: time(
            r,
            t,
            "upload_idle_timeout",
            [SECOND, HOUR],
            l.upload_idle_timeout,
        ),
        upload_timeout: time(
            r,
            t,
            "upload_timeout",
            [SECOND, 24 * HOUR],
            l.upload_timeout,
        ),
        response_body: bytes(r, t, "response_body", response, l.response_body),
        responses: count(r, t, "responses", 1..=MOST_OF_ONE, l.responses),
        response_idle_timeout: time(
            r,
            t,
            "response_idle_timeout",
            [SECOND, 24 * HOUR],
            l.response_idle_timeout,
        ),
        bodies: bytes(r, t, "bodies", all.clone(), l.bodies),
        waiting_bodies: bytes(r, t, "waiting_bodies", all, l.waiting_bodies),
        ..l.clone()
    }
}

/// What is asked of the homeserver.
fn requests(r: &mut Reader<'_>, t: &Table<'_>, l: &LowBandwidthLimits) -> LowBandwidthLimits {
    const LEAST: Duration = Duration::from_millis(100);
    let mut each = |key, default| count(r, t, key, 1..=MOST_OF_ONE, default);
    let l = LowBandwidthLimits {
        requests_per_association: each("requests_per_association", l.requests_per_association),
        syncs_per_association: each("syncs_per_association", l.syncs_per_association),
        observers_per_association: each("observers_per_association", l.observers_per_association),
        observations_per_token: each("observations_per_token", l.observations_per_token),
        ..l.clone()
    };
    LowBandwidthLimits {
        requests: count(r, t, "requests", 1..=MOST, l.requests),
        queue_per_association: count(
            r,
            t,
            "queue_per_association",
            1..=MOST_OF_ONE,
            l.queue_per_association,
        ),
        queue_timeout: time(r, t, "queue_timeout", [LEAST, HOUR], l.queue_timeout),
        requests_per_minute: count(r, t, "requests_per_minute", 0..=MOST, l.requests_per_minute),
        polls: count(r, t, "polls", 1..=MOST, l.polls),
        observations: count(r, t, "observations", 1..=MOST, l.observations),

        long_poll: time(r, t, "long_poll", [SECOND, 50 * SECOND], l.long_poll),
        poll_spacing: time(r, t, "poll_spacing", [LEAST, HOUR], l.poll_spacing),
        orphan_timeout: time(r, t, "orphan_timeout", [SECOND, MONTH], l.orphan_timeout),
        ..l
    }
}

/// Warns of limits that others make useless.
fn within_each_other(r: &mut Reader<'_>, table: &Table<'_>, l: &LowBandwidthLimits) {
    let of_one = [
        (
            "associations_per_source",
            l.associations_per_source,
            "associations",
            l.associations,
        ),
        (
            "half_open_per_source",
            l.half_open_per_source,
            "half_open",
            l.half_open,
        ),
        (
            "requests_per_association",
            l.requests_per_association,
            "requests",
            l.requests,
        ),
        (
            "syncs_per_association",
            l.syncs_per_association,
            "polls",
            l.polls,
        ),
        (
            "observers_per_association",
            l.observers_per_association,
            "observations",
            l.observations,
        ),
        (
            "observations_per_token",
            l.observations_per_token,
            "observations",
            l.observations,
        ),
    ];
    for (key, number, all, most) in of_one {
        let value = table.value(key).filter(|_| number > most);
        if let Some(value) = value {
            let message = format!("`{key}` is above `{all}`");
            let problem = Problem::new(Code::ClientLimitUnreachable, message).help(format!(
                "there are never more than the {most} of all: write less"
            ));
            r.warning(value.span(), problem);
        }
    }
    let useless = |key: &'static str, other: &'static str, is_useless: bool, why: &'static str| {
        let value = table.value(key).or(table.value(other));
        value.filter(|_| is_useless).map(|value| {
            let problem = Problem::new(Code::LimitUnreachable, why);
            let help = format!(
                "write less for {}, or more for {}",
                quote(key),
                quote(other)
            );
            (value.span(), problem.help(help))
        })
    };
    let found = [
        useless(
            "observations",
            "polls",
            l.observations > l.polls,
            "not every observation can have its poll of the homeserver",
        ),
        useless(
            "upload_idle_timeout",
            "upload_timeout",
            l.upload_idle_timeout > l.upload_timeout,
            "an upload ends before it can be idle for that long",
        ),
        useless(
            "idle_timeout",
            "observe_idle_timeout",
            l.idle_timeout > l.observe_idle_timeout,
            "who observes is forgotten before who does not",
        ),
    ];
    for (span, problem) in found.into_iter().flatten() {
        r.warning(span, problem);
    }
}

/// Reports bodies that are allowed, but never find room.
fn within_bodies(r: &mut Reader<'_>, table: &Table<'_>, l: &LowBandwidthLimits) {
    let kept = [
        ("request_body", l.request_body, "bodies", l.bodies),
        ("response_body", l.response_body, "bodies", l.bodies),
        (
            "request_body",
            l.request_body,
            "waiting_bodies",
            l.waiting_bodies,
        ),
    ];
    for (key, one, all_key, all) in kept {
        let Some(value) = table
            .value(all_key)
            .or(table.value(key))
            .filter(|_| one > all)
        else {
            continue;
        };
        let message = format!("`{all_key}` is below `{key}`");
        let problem = Problem::new(Code::OutOfRange, message).help(format!(
            "a single body may have {}: write as much for `{all_key}`, or less for `{key}`",
            size::show(one)
        ));
        r.error(value.span(), problem);
    }
}

fn count<T: TryFrom<u64>>(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    key: &str,
    range: RangeInclusive<u64>,
    default: T,
) -> T {
    let number = r.integer(table, key, range);
    number
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or(default)
}

fn bytes(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    key: &str,
    range: RangeInclusive<u64>,
    default: usize,
) -> usize {
    let size = r.size(table, key, range);
    size.and_then(|size| usize::try_from(size).ok())
        .unwrap_or(default)
}

fn time(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    key: &'static str,
    [min, max]: [Duration; 2],
    default: Duration,
) -> Duration {
    let key = DurationKey {
        key,
        default,
        min,
        max,
    };
    r.duration(table, &key)
}
