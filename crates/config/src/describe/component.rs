//! What is done as a component, in words.

use std::fmt::{self, Formatter};

use vestibule_xmpp::component::{About, Answerer, Balance, Mode, PolicyKey, RetrySets, Settings};

use super::{joined, line, show_upstream, tls};
use crate::{
    Component,
    value::{duration, jid, rate, size},
};

pub(super) fn component(f: &mut Formatter<'_>, component: &Component) -> fmt::Result {
    let settings = &component.settings;
    writeln!(f, "component {}", settings.domain)?;
    line(f, "server", &show_upstream(&component.server))?;
    if let Some(tls) = &component.tls {
        tls::server(f, tls)?;
    }
    line(f, "targets", &joined(settings.targets.iter().cloned()))?;
    line(f, "balance", show_balance(settings))?;
    line(f, "requests", &show_requests(settings))?;
    line(f, "addresses", &show_addresses(component))?;
    let allowed = match settings.allow.is_empty() {
        true => "anyone".to_owned(),
        false => joined(settings.allow.iter().map(jid::show)),
    };
    line(f, "allows", &allowed)?;
    if !settings.deny.is_empty() {
        line(f, "but not", &joined(settings.deny.iter().map(jid::show)))?;
    }
    if !settings.namespaces.is_empty() {
        line(
            f,
            "namespaces",
            &joined(settings.namespaces.iter().cloned()),
        )?;
    }
    line(f, "limits", &show_limits(settings))?;
    line(f, "itself", &show_about(&settings.about))?;
    if component.required {
        line(f, "required", "/readyz fails while the link is down")?;
    }
    writeln!(f)
}

fn show_balance(settings: &Settings) -> &'static str {
    match (settings.balance, settings.policy_key) {
        (Balance::LeastOutstanding, _) => "least outstanding",
        (Balance::Priority, _) => "highest priority",
        (Balance::Random, _) => "random",
        (Balance::RoundRobin, _) => "round robin",
        (Balance::Sticky, PolicyKey::Bare) => "sticky for each account",
        (Balance::Sticky, PolicyKey::Full) => "sticky for each full address",
    }
}

fn show_requests(settings: &Settings) -> String {
    let timeout = duration::show(settings.timeout);
    if settings.attempts == 1 {
        return format!("answered within {timeout}, by one resource");
    }
    let sets = match &settings.retry_sets {
        RetrySets::All => "as are sets".to_owned(),
        RetrySets::Namespaces(namespaces) => {
            format!("as are sets of {}", joined(namespaces.iter().cloned()))
        }
        RetrySets::Never => "sets of one".to_owned(),
    };
    let (attempts, each) = (settings.attempts, duration::show(settings.attempt_timeout));
    format!(
        "answered within {timeout}; gets are asked of up to {attempts} resources, {each} each, {sets}"
    )
}

fn show_addresses(component: &Component) -> String {
    match (component.settings.mode, &component.key_file) {
        (Mode::Compat, _) => "compat: full addresses as resources".to_owned(),
        (Mode::Escaped, _) => "escaped (XEP-0106)".to_owned(),
        (Mode::Opaque, None) => "opaque".to_owned(),
        (Mode::Opaque, Some(file)) => format!("opaque, keys of {}", file.path.display()),
    }
}

fn show_limits(settings: &Settings) -> String {
    let rate = match &settings.rate {
        Some(rate) => format!("{} and ", rate::show(rate)),
        None => String::new(),
    };
    let (each, all) = (settings.max_pending_per_requester, settings.max_pending);
    let [bytes, stanza] = [settings.max_pending_bytes, settings.max_stanza].map(size::show);
    format!(
        "{rate}{each} pending per requester; {all} pending in all, {bytes}; stanzas of {stanza}"
    )
}

fn show_about(about: &About) -> String {
    let asked = [
        ("disco#info", about.disco),
        ("version", about.version),
        ("ping", about.ping),
    ];
    let of = |wanted| {
        let words = asked.iter().filter(|(_, answerer)| *answerer == wanted);
        joined(words.map(|(word, _)| (*word).to_owned()))
    };
    let (local, forwarded) = (of(Answerer::Local), of(Answerer::Forward));
    match (local.is_empty(), forwarded.is_empty()) {
        (true, _) => format!("forwards {forwarded}"),
        (false, true) => format!("answers {local} as {}", about.name),
        (false, false) => format!("answers {local} as {}; forwards {forwarded}", about.name),
    }
}
