//! What rxml, a strict parser of XMPP's part of XML, makes of the same bytes.

use rxml::error::EndOrError;
use rxml::{Error, Event, Options, Parse, Parser, RawEvent, RawParser, WithOptions};

use super::HEADER;
use crate::stanza::{ERRORS, NAMESPACE};

/// Where the parts of a stream end, in bytes from its beginning.
#[derive(Debug, Default)]
pub(super) struct Boundaries {
    pub(super) parts: Vec<(Part, usize)>,
    /// What rxml stops at, and how many bytes it has read then.
    pub(super) error: Option<(Error, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Header,
    Stanza,
    StreamEnd,
}

/// Without regard to namespaces, so that as much as possible is accepted.
pub(super) fn boundaries(bytes: &[u8]) -> Boundaries {
    let mut found = Boundaries::default();
    let mut parser = RawParser::with_options(options(bytes.len()));
    let mut depth = 0_usize;
    for at in 0..bytes.len() {
        let mut byte = &bytes[at..=at];
        loop {
            match parser.parse(&mut byte, false) {
                Ok(Some(RawEvent::ElementHeadClose(_))) => {
                    depth += 1;
                    if depth == 1 {
                        found.parts.push((Part::Header, at + 1));
                    }
                }
                Ok(Some(RawEvent::ElementFoot(_))) => {
                    depth -= 1;
                    match depth {
                        0 => found.parts.push((Part::StreamEnd, at + 1)),
                        1 => found.parts.push((Part::Stanza, at + 1)),
                        _ => {}
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(EndOrError::NeedMoreData) => break,
                Err(EndOrError::Error(error)) => {
                    found.error = Some((error, at + 1));
                    return found;
                }
            }
        }
    }
    found
}

/// What a stanza says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Namespace and name.
    pub(super) name: (String, String),
    /// Attributes without a namespace that say where to, where from, which and what kind.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) id: Option<String>,
    pub(super) kind: Option<String>,
    /// All other attributes: namespace, name, value.
    pub(super) attributes: Vec<(String, String, String)>,
    pub(super) children: Vec<Child>,
    /// All that happens inside, as rxml tells it.
    pub(super) inside: Vec<Inside>,
}

/// An element in a stanza.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Child {
    /// Namespace and name.
    pub(super) name: (String, String),
    /// Characters that stand in it, outside of others.
    pub(super) text: String,
    /// The first element in it that is the condition of an error.
    pub(super) condition: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Start(String),
    Text(String),
    End,
}

impl Element {
    /// The first child of this name in the namespace of stanzas.
    pub(super) fn child(&self, name: &str) -> Option<&Child> {
        let mut children = self.children.iter();
        children.find(|child| child.name.0 == NAMESPACE && child.name.1 == name)
    }
}

/// The only element in `raw`, which stands in a stream; `None` when rxml does not accept it, or
/// when it is another number of elements.
pub(super) fn element(raw: &str) -> Option<Element> {
    let text = format!("{HEADER}{raw}</stream:stream>");
    let mut bytes = text.as_bytes();
    let mut parser = Parser::with_options(options(bytes.len()));
    let (mut element, mut depth, mut count) = (Element::default(), 0_usize, 0);
    while let Some(event) = parser.parse(&mut bytes, true).ok()? {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (namespace, name), attributes) => {
                let name = (namespace.as_str().to_owned(), name.as_str().to_owned());
                match depth {
                    0 => {}
                    1 => {
                        count += 1;
                        element.name = name;
                        for ((namespace, name), value) in attributes {
                            element.set(namespace.as_str(), name.as_str(), value);
                        }
                    }
                    _ => {
                        element.start(depth, name.clone());
                        let said = format!("{name:?} {attributes:?}");
                        element.inside.push(Inside::Start(said));
                    }
                }
                depth += 1;
            }
            Event::EndElement(_) => {
                depth -= 1;
                if depth > 1 {
                    element.inside.push(Inside::End);
                }
            }
            Event::Text(_, text) => {
                if depth == 1 {
                    return None;
                }
                if depth == 3 {
                    element.children.last_mut()?.text.push_str(&text);
                }
                element.inside.push(Inside::Text(text));
            }
        }
    }
    element.attributes.sort();
    (count == 1).then_some(element)
}

impl Element {
    fn set(&mut self, namespace: &str, name: &str, value: String) {
        let place = match (namespace, name) {
            ("", "from") => &mut self.from,
            ("", "id") => &mut self.id,
            ("", "to") => &mut self.to,
            ("", "type") => &mut self.kind,
            _ => {
                let (namespace, name) = (namespace.to_owned(), name.to_owned());
                self.attributes.push((namespace, name, value));
                return;
            }
        };
        *place = Some(value);
    }

    fn start(&mut self, depth: usize, name: (String, String)) {
        if depth == 2 {
            self.children.push(Child {
                name,
                ..Child::default()
            });
        } else if let (3, Some(child)) = (depth, self.children.last_mut()) {
            let is_condition = name.0 == ERRORS && name.1 != "text";
            if is_condition && child.condition.is_none() {
                child.condition = Some(name.1);
            }
        }
    }
}

/// Without a limit that would matter for so many bytes.
fn options(len: usize) -> Options {
    Options {
        // As much is allocated.
        max_token_length: len + 1,
        ..Options::default()
    }
}
