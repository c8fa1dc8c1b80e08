//! What the component answers itself.

use std::time::Instant;

use super::{Answerer, Component, Outcome};
use crate::{
    jid,
    stanza::{Condition, ErrorKind, Payload, Reply, Stanza},
    xml::write_attribute,
};

/// The namespace of the question for whom an address stands. Only who was given the address may ask:
///
/// ```xml
/// <iq type='get' id='1' to='proxy.example'>
///   <lookup xmlns='https://github.com/vestibule-proxy/vestibule/jat/0' address='proxy.example/TOKEN'/>
/// </iq>
/// <iq type='result' id='1' from='proxy.example'>
///   <lookup xmlns='https://github.com/vestibule-proxy/vestibule/jat/0' address='proxy.example/TOKEN'
///           sender='user@example.org/abc' asked='proxy.example'/>
/// </iq>
/// ```
pub const LOOKUP: &str = "https://github.com/vestibule-proxy/vestibule/jat/0";

const DISCO: &str = "http://jabber.org/protocol/disco#info";
const PING: &str = "urn:xmpp:ping";
const VERSION: &str = "jabber:iq:version";

impl Component {
    /// The answer to a question about the component itself; `None`: a resource answers it.
    pub(super) fn about(&self, to: &str, payload: &Payload<'_>) -> Option<String> {
        let about = &self.settings.about;
        let is_ours = |answerer| to == self.settings.domain && answerer == Answerer::Local;
        match (payload.namespace.as_ref(), payload.name) {
            // Nodes are the service's own.
            (DISCO, "query")
                if is_ours(about.disco)
                    && payload.tag.attribute("node").is_ok_and(|it| it.is_none()) =>
            {
                Some(self.disco())
            }
            (PING, "ping") if is_ours(about.ping) => Some(String::new()),
            (VERSION, "query") if is_ours(about.version) => {
                let mut out = format!("<query xmlns='{VERSION}'>").into_bytes();
                let (name, version) = &about.software;
                for (element, text) in [("name", name), ("version", version)] {
                    out.extend_from_slice(format!("<{element}>").as_bytes());
                    crate::xml::escape_into(text, &mut out);
                    out.extend_from_slice(format!("</{element}>").as_bytes());
                }
                out.extend_from_slice(b"</query>");
                Some(into_text(out))
            }
            _ => None,
        }
    }

    /// Somebody asks for whom an address stands. Only the target that was given it is told.
    pub(super) fn look_up(
        &mut self,
        now: Instant,
        stanza: &Stanza<'_>,
        payload: &Payload<'_>,
        addresses: (&str, &str),
    ) {
        let holder = jid::bare(addresses.0);
        let address = payload.tag.attribute("address").ok().flatten();
        let parts = address.as_deref().and_then(jid::parts);
        let of_ours = parts.filter(|parts| parts.domain == self.settings.domain);
        let resource = of_ours.and_then(|parts| parts.resource);
        let origin = resource.map(|it| self.translation.origin(now, holder, it));
        let (Some(address), Some(Ok(origin))) = (address, origin) else {
            let reply = Reply::Error(
                ErrorKind::Cancel,
                Condition::ItemNotFound,
                "This address was not given to you.",
            );
            self.answer(stanza, Some(reply));
            return self.record_local(stanza, addresses, LOOKUP, Outcome::Local);
        };
        let mut out = format!("<lookup xmlns='{LOOKUP}'").into_bytes();
        write_attribute("address", &address, &mut out);
        write_attribute("sender", &origin.sender, &mut out);
        write_attribute("asked", &origin.asked, &mut out);
        out.extend_from_slice(b"/>");
        self.answer(stanza, Some(Reply::Result(&into_text(out))));
        self.record_local(stanza, addresses, LOOKUP, Outcome::Local);
    }

    /// XEP-0030 section 3.
    fn disco(&self) -> String {
        let about = &self.settings.about;
        let mut out =
            format!("<query xmlns='{DISCO}'><identity category='component' type='generic'")
                .into_bytes();
        write_attribute("name", &about.name, &mut out);
        out.extend_from_slice(b"/>");
        let own = [DISCO, PING, VERSION];
        let others = about.features.iter().map(String::as_str);
        let others = others.filter(|feature| !own.contains(feature));
        for feature in own.into_iter().chain(others) {
            out.extend_from_slice(b"<feature");
            write_attribute("var", feature, &mut out);
            out.extend_from_slice(b"/>");
        }
        out.extend_from_slice(b"</query>");
        into_text(out)
    }
}

/// It was written as text.
fn into_text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_default()
}
