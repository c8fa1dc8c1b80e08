//! What low bandwidth gateways say of themselves, as tables.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::table;
use crate::low_bandwidth::meters::{AssociationView, UserView};

/// A line for each association.
pub(super) fn associations(
    out: &mut impl Write,
    associations: &[AssociationView],
) -> io::Result<()> {
    let rows = associations.iter().map(|it| {
        vec![
            it.id.clone(),
            it.gateway.clone(),
            it.client.to_string(),
            it.version.name().to_owned(),
            yes_or_no(it.resumed),
            yes_or_no(it.connection_id),
            it.user.clone().unwrap_or_else(|| "-".into()),
            it.requests.to_string(),
            it.observations.to_string(),
            it.held_bytes.to_string(),
            it.bytes_in.to_string(),
            it.bytes_out.to_string(),
            it.handshake_bytes.to_string(),
            format!("{:.1}", it.idle_seconds),
            format!("{:.1}", it.seconds),
        ]
    });
    let heads = [
        "id",
        "gateway",
        "client",
        "dtls",
        "resumed",
        "cid",
        "user",
        "requests",
        "observing",
        "held",
        "in",
        "out",
        "handshake",
        "idle",
        "seconds",
    ];
    table(out, &heads, rows.collect())
}

/// A line for each user.
pub(super) fn users(out: &mut impl Write, users: &[UserView]) -> io::Result<()> {
    let rows = users.iter().map(|it| {
        vec![
            it.user.clone(),
            it.gateway.clone(),
            it.associations.to_string(),
            it.observations.to_string(),
            it.requests.to_string(),
            it.errors.to_string(),
            it.notifications.to_string(),
            it.undelivered.to_string(),
            it.bytes_in.to_string(),
            it.bytes_out.to_string(),
            it.body_in.to_string(),
            it.body_out.to_string(),
            format!("{:.1}", it.idle_seconds),
            format!("{:.1}", it.seconds),
        ]
    });
    let heads = [
        "user",
        "gateway",
        "associations",
        "observing",
        "requests",
        "errors",
        "pushed",
        "undelivered",
        "in",
        "out",
        "body in",
        "body out",
        "idle",
        "seconds",
    ];
    table(out, &heads, rows.collect())
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
