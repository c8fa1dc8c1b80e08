//! `[[component]]`.

mod about;
mod limits;
mod requests;

use std::net::{Ipv4Addr, SocketAddr};

use toml::{Spanned, de::DeValue};
use vestibule_xmpp::component::{Mode, Settings};

use super::{
    secret::{Kind, secret},
    upstream_tls::component_tls,
};
use crate::{
    Component, FileRef, Secret, Upstream,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span, Table, wrong_type},
    schema,
    value::{jid, path, upstream},
};

/// A component, and where the file has it.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) component: Component,
    pub(crate) domain: Span,
    /// In the order of its targets.
    pub(crate) targets: Vec<Span>,
}

/// Where Prosody takes components by default.
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5347);

/// The longest secret in bytes.
const LONGEST_SECRET: usize = 1024;

const SECRET: Kind = Kind {
    what: "secret",
    schema: &schema::COMPONENT_SECRET,
    parse: text_secret,
};

/// Every `[[component]]`.
pub(crate) fn components(r: &mut Reader<'_>, root: &Table<'_>) -> Vec<Placed> {
    let tables = r.tables(root, "component", &schema::COMPONENT);
    tables.iter().map(|table| component(r, table)).collect()
}

fn component(r: &mut Reader<'_>, table: &Table<'_>) -> Placed {
    if !table.has("domain") {
        let problem = Problem::new(Code::MissingKey, "this component has no `domain`");
        let help = "write it as the server has it, such as `domain = \"proxy.example.org\"`";
        r.missing(table, &["domain"], problem.help(help));
    }
    let domain = r.text(table, "domain", jid::domain).unwrap_or_default();
    let place = table
        .value("domain")
        .map_or_else(|| table.span().clone(), Spanned::span);
    let name = match domain.is_empty() {
        true => "this component".to_owned(),
        false => format!("component {}", quote(&domain)),
    };
    let (targets, spans) = targets(r, table, &name);
    let server = r.text(table, "server", upstream::server);
    let server = server.unwrap_or(Upstream::Address(SERVER));
    let is_unix = matches!(server, Upstream::Unix(_));
    let tls = component_tls(r, table, is_unix);
    let secret = own_secret(r, table, &name);
    let (mode, key_file) = jat(r, table);
    let settings = Settings {
        domain,
        targets,
        mode,
        about: about::read(r, table),
        ..Settings::default()
    };
    let settings = requests::read(r, table, settings);
    let settings = limits::read(r, table, &name, settings);
    let component = Component {
        settings,
        server,
        tls,
        secret,
        key_file,
        required: r.boolean(table, "required").unwrap_or(false),
    };
    Placed {
        component,
        domain: place,
        targets: spans,
    }
}

/// The accounts, and where each stands.
fn targets(r: &mut Reader<'_>, table: &Table<'_>, name: &str) -> (Vec<String>, Vec<Span>) {
    let key = match table.has("target") {
        true => "target",
        false => "target_address",
    };
    match (table.value("target"), table.value("target_address")) {
        (Some(target), Some(synonym)) => {
            let message = "`target` and `target_address` mean the same";
            let problem = Problem::new(Code::DuplicateValue, message);
            let help = "keep one of them: it may be a list";
            r.conflict(
                synonym.span(),
                problem.help(help),
                &target.span(),
                "the other one",
            );
        }
        (None, None) => {
            let problem = Problem::new(Code::MissingKey, format!("{name} has no `target`"));
            let help = "write the account that answers, such as `target = \"bot@example.org\"`";
            r.missing(table, &["target", "target_address"], problem.help(help));
        }
        _ => {}
    }
    let meaning = "write at least one account, such as \"bot@example.org\"";
    let all = r.some_texts(table, key, meaning, jid::account);
    let all = all.unwrap_or_default();
    let places: Vec<_> = all
        .iter()
        .map(|target| (target.get_ref().clone(), target.span()))
        .collect();
    let kept = r.distinct(all, Clone::clone);
    // The first place of each.
    let spans = kept.iter().filter_map(|target| {
        let (_, span) = places.iter().find(|(other, _)| other == target)?;
        Some(span.clone())
    });
    let spans = spans.collect();
    (kept, spans)
}

fn own_secret(r: &mut Reader<'_>, table: &Table<'_>, name: &str) -> Secret {
    let Some(value) = table.value("secret") else {
        let problem = Problem::new(Code::MissingKey, format!("{name} has no `secret`"));
        let help = "write what the server knows it by, such as `secret = { file = \"FILE\" }`";
        r.missing(table, &["secret"], problem.help(help));
        return Secret::Text(String::new());
    };
    secret(r, value, &SECRET).unwrap_or_else(|| Secret::Text(String::new()))
}

fn text_secret(text: &str) -> Result<String, Problem> {
    let fits = (1..=LONGEST_SECRET).contains(&text.len()) && !text.contains(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => {
            let message =
                format!("a secret has 1 to {LONGEST_SECRET} bytes and no control characters");
            let problem = Problem::new(Code::OutOfRange, message);
            Err(problem.help("write the same as in the configuration of the server"))
        }
    }
}

/// What addresses look like, and the file of keys where these are needed.
fn jat(r: &mut Reader<'_>, component: &Table<'_>) -> (Mode, Option<FileRef>) {
    let value = component.value("jat");
    let table = value.and_then(|value| {
        if value.get_ref().is_str() {
            let problem = wrong_type("a table", value.get_ref());
            let help = "write for example `jat = { mode = \"compat\" }`";
            r.error(value.span(), problem.help(help));
            return None;
        }
        r.table(value, &schema::JAT)
    });
    let table = table.unwrap_or_else(|| Table::absent(&schema::JAT));
    let modes = [
        ("compat", Mode::Compat),
        ("escaped", Mode::Escaped),
        ("opaque", Mode::Opaque),
    ];
    let mode = r.choice(&table, "mode", &modes).unwrap_or_default();
    let key_file = r.file(&table, "key_file");
    if mode == Mode::Opaque {
        let place = value.map_or_else(|| component.span().clone(), Spanned::span);
        let default = || r.file_ref(&place, path::DEFAULT_KEYS.into());
        return (mode, Some(key_file.unwrap_or_else(default)));
    }
    if let (Some(file), Some(mode)) = (table.value("key_file"), table.value("mode")) {
        let message = "`key_file` is for opaque addresses: others need no keys";
        let problem = Problem::new(Code::WithoutEffect, message);
        let help = "leave it out, or write `mode = \"opaque\"`";
        r.conflict(
            file.span(),
            problem.help(help),
            &mode.span(),
            "this is the mode",
        );
    }
    (mode, None)
}

/// Whether `value` is `false`.
fn is_off(value: &DeValue<'_>) -> bool {
    value.as_bool() == Some(false)
}
