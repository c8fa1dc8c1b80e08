//! What must hold for any input.
//!
//! For tests only, here and in what uses this crate: the fuzz targets call these functions, and so
//! does the replay of their corpora.

mod component;
mod framer;
mod oracle;
mod stanza;
mod token;

pub use component::check_component;
pub use framer::check_framer;
pub use stanza::check_stanza;
pub use token::check_token;

/// The beginning of a component's stream, as a server sends it.
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' id='3' from='b.example'>";
