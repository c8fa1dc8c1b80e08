//! Whose requests are let through, which, and how many.

use toml::Spanned;
use vestibule_xmpp::component::{Rate, Requester, Settings};

use crate::{
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table, wrong_type},
    value::{jid, namespace, rate},
};

const LEAST_STANZA: u64 = 10 << 10;
const MOST_STANZA: u64 = 10 << 20;
const MOST_PENDING: u64 = 10_000_000;
const LEAST_PENDING_BYTES: u64 = 64 << 10;
const MOST_PENDING_BYTES: u64 = 64 << 30;

/// `settings`, with what `table` says; `name` is whose it is.
pub(super) fn read(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    name: &str,
    settings: Settings,
) -> Settings {
    let meaning = "an empty list lets nobody in: leave it out for anyone";
    let allow = r.some_texts(table, "allow", meaning, jid::requester);
    let deny = r.texts(table, "deny", jid::requester);
    let meaning = "an empty list lets nothing in: leave it out for any";
    let namespaces = r.some_texts(table, "namespaces", meaning, namespace::parse);
    let allow = r.distinct(allow.unwrap_or_default(), jid::show);
    let deny = r.distinct(deny.unwrap_or_default(), jid::show);
    let namespaces: Vec<Spanned<String>> = namespaces.unwrap_or_default();
    nobody_left(r, table, name, &allow, &deny);
    let max_stanza = r.size(table, "max_stanza", LEAST_STANZA..=MOST_STANZA);
    let pending = r.integer(table, "max_pending", 1..=MOST_PENDING);
    let each = r.integer(table, "max_pending_per_requester", 1..=MOST_PENDING);
    let bytes = r.size(
        table,
        "max_pending_bytes",
        LEAST_PENDING_BYTES..=MOST_PENDING_BYTES,
    );
    let settings = Settings {
        allow,
        deny,
        namespaces: r.distinct(namespaces, Clone::clone),
        rate: read_rate(r, table),
        max_stanza: number(max_stanza, settings.max_stanza),
        max_pending: number(pending, settings.max_pending),
        max_pending_per_requester: number(each, settings.max_pending_per_requester),
        max_pending_bytes: number(bytes, settings.max_pending_bytes),
        ..settings
    };
    within_each_other(r, table, &settings);
    settings
}

fn read_rate(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Rate> {
    let value = table.value("rate")?;
    if let Some(number) = value.get_ref().as_integer() {
        let problem = wrong_type("a rate as text", value.get_ref());
        let help = format!("write `\"{}/s\"` for each second", number.as_str());
        r.error(value.span(), problem.help(help));
        return None;
    }
    r.text(table, "rate", rate::parse)
}

/// Warns of limits that others make useless.
fn within_each_other(r: &mut Reader<'_>, table: &Table<'_>, settings: &Settings) {
    if let Some(value) = table.value("max_pending_per_requester")
        && settings.max_pending_per_requester > settings.max_pending
    {
        let message = "`max_pending_per_requester` is above `max_pending`";
        let problem = Problem::new(Code::ClientLimitUnreachable, message).help(format!(
            "no requester can have more than the {} of all: write less",
            settings.max_pending
        ));
        r.warning(value.span(), problem);
    }
    if let Some(value) = table.value("max_pending_bytes")
        && settings.max_pending_bytes < settings.max_stanza
    {
        let message = "`max_pending_bytes` is below `max_stanza`";
        let problem = Problem::new(Code::OutOfRange, message).help(format!(
            "a single request may have {} bytes: write more",
            settings.max_stanza
        ));
        r.error(value.span(), problem);
    }
}

/// Warns of a `deny` that takes away all that is allowed.
fn nobody_left(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    name: &str,
    allow: &[Requester],
    deny: &[Requester],
) {
    let denied = |allowed| deny.iter().any(|deny| jid::covers(deny, allowed));
    let nobody = !allow.is_empty() && allow.iter().all(denied);
    if let Some(value) = table.value("deny").filter(|_| nobody) {
        let message = format!("{name} denies all that it allows");
        let problem = Problem::new(Code::AllowsNothing, message)
            .help("write what is narrower than `allow`, or leave it out");
        r.warning(value.span(), problem);
    }
}

/// A number that was checked to be small.
fn number(number: Option<u64>, default: usize) -> usize {
    number
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(default)
}
