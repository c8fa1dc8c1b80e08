//! `"bot@example.org"`: addresses of XMPP, prepared as servers write them.

use vestibule_xmpp::{component::Requester, jid};

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// The domain of a component.
pub(crate) fn domain(text: &str) -> Result<String, Problem> {
    if text.contains(['@', '/']) {
        let problem = not(text, "a domain");
        let meant = jid::domain(text);
        return Err(problem.help(match prepared(meant) {
            Ok(meant) => format!("write `{meant}`"),
            Err(_) => DOMAIN.to_owned(),
        }));
    }
    prepared(text).map_err(|help| not(text, "a domain").help(help.unwrap_or(DOMAIN.to_owned())))
}

/// An account, whose resources answer.
pub(crate) fn account(text: &str) -> Result<String, Problem> {
    let invalid = || not(text, "an account");
    let bare = jid::bare(text);
    if !bare.contains('@') {
        return Err(invalid().help("write an account with its domain, such as `bot@example.org`"));
    }
    let prepared =
        prepared(text).map_err(|help| invalid().help(help.unwrap_or(ACCOUNT.to_owned())))?;
    match jid::bare(&prepared) {
        bare if bare.len() < prepared.len() => {
            Err(invalid().help(format!("write an account, without /resource: `{bare}`")))
        }
        _ => Ok(prepared),
    }
}

/// One entry of `allow` or `deny`.
pub(crate) fn requester(text: &str) -> Result<Requester, Problem> {
    if text == "*" {
        return Err(not(text, "an XMPP address").help("leave the key out for anyone"));
    }
    let prepared = prepared(text)
        .map_err(|help| not(text, "an XMPP address").help(help.unwrap_or(REQUESTER.to_owned())))?;
    Ok(match (prepared.contains('/'), prepared.contains('@')) {
        (true, _) => Requester::Full(prepared),
        (false, true) => Requester::Account(prepared),
        (false, false) => Requester::Domain(prepared),
    })
}

/// As it is written in a file.
pub(crate) fn show(requester: &Requester) -> String {
    let (Requester::Account(text) | Requester::Domain(text) | Requester::Full(text)) = requester;
    text.clone()
}

/// Whether everybody who is meant by `narrow` is meant by `wide`.
pub(crate) fn covers(wide: &Requester, narrow: &Requester) -> bool {
    let (Requester::Account(text) | Requester::Domain(text) | Requester::Full(text)) = narrow;
    match (wide, narrow) {
        (Requester::Domain(domain), _) => jid::domain(text) == domain,
        (Requester::Account(account), Requester::Account(_) | Requester::Full(_)) => {
            jid::bare(text) == account
        }
        (Requester::Full(full), Requester::Full(_)) => full == text,
        (Requester::Account(_) | Requester::Full(_), _) => false,
    }
}

const ACCOUNT: &str = "write an account, such as `bot@example.org`";
const DOMAIN: &str = "write it as the server has it, such as `proxy.example.org`";
const REQUESTER: &str = "write a domain or an address, such as `example.org` or `user@example.org`";

/// The address as servers write it; otherwise what would be right, if that is known.
fn prepared(text: &str) -> Result<String, Option<String>> {
    if let Some(rest) = text.strip_prefix("xmpp:") {
        return Err(Some(format!("write `{rest}`, without `xmpp:`")));
    }
    let domain = jid::domain(text);
    if domain.starts_with("*.") {
        return Err(Some(
            "write each domain itself: there are no wildcards".to_owned(),
        ));
    }
    let is_odd = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-._[]:".contains(c);
    if domain.contains(is_odd) {
        return Err(None);
    }
    jid::prepare(text).map_err(|_| None)
}

fn not(text: &str, what: &str) -> Problem {
    Problem::new(Code::InvalidJid, format!("{} is not {what}", quote(text)))
}
