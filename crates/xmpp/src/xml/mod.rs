//! Just as much of XML as it takes to look into stanzas. Whatever is read stays where it is.

mod content;
mod escape;
mod tag;

pub use content::{Content, Token};
pub use escape::{escape_into, unescape, write_attribute};
pub use tag::{Attribute, Attributes, Tag};

#[cfg(test)]
mod tests;
