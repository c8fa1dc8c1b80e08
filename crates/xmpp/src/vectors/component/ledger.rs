//! Who has asked what, and who was answered.

use std::collections::HashMap;

use super::DOMAIN;
use crate::jid;
use crate::stanza::{Kind, Stanza};

/// What a question and its answer have in common: the kind of stanza, who asks, the address that is
/// asked, the id.
type Name = (Kind, String, String, String);

/// Questions that were not answered.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<Name, Open>);

#[derive(Debug, Default)]
struct Open {
    /// May be answered.
    may: usize,
    /// Of these, those that must be.
    must: usize,
}

impl Ledger {
    /// A stanza comes.
    pub(super) fn ask(&mut self, stanza: &Stanza<'_>) {
        let kind = stanza.type_name();
        let is_answer = kind == "error" || (stanza.kind == Kind::Iq && kind == "result");
        if is_answer || stanza.kind == Kind::Other {
            return;
        }
        let (from, to) = (text(&stanza.from), text(&stanza.to));
        let is_request = stanza.kind == Kind::Iq && matches!(kind, "get" | "set");
        let is_ours = jid::parts(to).is_some_and(|parts| parts.domain == DOMAIN);
        let must = is_request && is_ours && jid::parts(from).is_some();
        let name = (stanza.kind, from.to_owned(), to.to_owned(), id(stanza));
        let open = self.0.entry(name).or_default();
        open.may += 1;
        open.must += usize::from(must);
    }

    /// An answer is sent.
    pub(super) fn answer(&mut self, stanza: &Stanza<'_>) {
        let (from, to) = (text(&stanza.from), text(&stanza.to));
        let name = (stanza.kind, to.to_owned(), from.to_owned(), id(stanza));
        let open = self.0.get_mut(&name).filter(|open| open.may > 0);
        let open = open.unwrap_or_else(|| panic!("nobody has asked for {}", stanza.raw()));
        open.may -= 1;
        open.must = open.must.saturating_sub(1);
    }

    pub(super) fn check_all_answered(&self) {
        let open: Vec<_> = self.0.iter().filter(|(_, open)| open.must > 0).collect();
        assert!(open.is_empty(), "not answered: {open:?}");
    }
}

fn text<'a>(value: &'a Option<std::borrow::Cow<'_, str>>) -> &'a str {
    value.as_deref().unwrap_or_default()
}

fn id(stanza: &Stanza<'_>) -> String {
    text(&stanza.id).to_owned()
}
