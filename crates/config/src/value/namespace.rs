//! `"jabber:iq:version"`: namespaces of XML.

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// The longest in bytes.
const LONGEST: usize = 1024;

/// A namespace, compared byte by byte.
pub(crate) fn parse(text: &str) -> Result<String, Problem> {
    // Neither can stand in XML.
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    if (1..=LONGEST).contains(&text.len()) && !text.contains(odd) {
        return Ok(text.to_owned());
    }
    let message = format!("{} is not a namespace", quote(text));
    Err(Problem::new(Code::InvalidName, message).help(format!(
        "a namespace has 1 to {LONGEST} bytes and no white space, such as `jabber:iq:version`"
    )))
}
