//! XMPP components (XEP-0114), without input or output: [`stream`] is the stream to the server,
//! [`framer`] cuts it into stanzas, [`stanza`] tells what a stanza says about itself and gives it
//! other addresses, [`token`] makes the addresses that stand for others, and [`component`] decides
//! what happens to each stanza.
//!
//! Stanzas are never rebuilt. What is not an address stays as it came, byte for byte: prefixes,
//! entities, white space and sections of character data as much as extensions that nobody knows.
//!
//! ```
//! use vestibule_xmpp::framer::{Frame, Framer};
//! use vestibule_xmpp::stanza::{Addresses, Stanza};
//!
//! let mut framer = Framer::new(65_536);
//! framer.receive(b"<stream:stream xmlns='jabber:component:accept' id='3'>");
//! assert!(matches!(framer.next_frame(), Ok(Some(Frame::Header(_)))));
//! framer.receive(b"<iq type='get' id='1' to='b.example'><ping xmlns='urn:xmpp:ping'/></iq>");
//! let Ok(Some(Frame::Stanza(raw))) = framer.next_frame() else { panic!() };
//! let stanza = Stanza::parse(raw)?;
//! assert_eq!(stanza.payload()?.unwrap().namespace, "urn:xmpp:ping");
//! let mut out = Vec::new();
//! stanza.readdress(&Addresses { from: "b.example/x", to: "c@d.example/e", id: None }, &mut out);
//! # Ok::<_, vestibule_xmpp::Malformed>(())
//! ```
#![forbid(unsafe_code)]

pub mod component;
pub mod framer;
pub mod jid;
mod malformed;
pub mod stanza;
pub mod stream;
pub mod token;
#[cfg(any(test, feature = "test-vectors"))]
pub mod vectors;
pub mod xml;

pub use malformed::Malformed;
