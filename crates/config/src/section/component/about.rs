//! What a component says of itself.

use toml::Spanned;
use vestibule_xmpp::component::{About, Answerer};

use crate::{
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table},
    value::namespace,
};

/// The longest name in bytes.
const LONGEST_NAME: usize = 256;

pub(super) fn read(r: &mut Reader<'_>, table: &Table<'_>) -> About {
    let defaults = About::default();
    let features = r.texts(table, "features", namespace::parse);
    let features: Vec<Spanned<String>> = features.unwrap_or_default();
    About {
        disco: answerer(r, table, "disco").unwrap_or(defaults.disco),
        version: answerer(r, table, "version").unwrap_or(defaults.version),
        ping: answerer(r, table, "ping").unwrap_or(defaults.ping),
        name: r.text(table, "name", name).unwrap_or(defaults.name),
        features: r.distinct(features, Clone::clone),
        software: defaults.software,
    }
}

fn answerer(r: &mut Reader<'_>, table: &Table<'_>, key: &str) -> Option<Answerer> {
    let words = [("forward", Answerer::Forward), ("local", Answerer::Local)];
    r.choice(table, key, &words)
}

fn name(text: &str) -> Result<String, Problem> {
    // None of these can stand in XML.
    let odd = |c: char| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    match (1..=LONGEST_NAME).contains(&text.len()) && !text.contains(odd) {
        true => Ok(text.to_owned()),
        false => {
            let message = format!("a name has 1 to {LONGEST_NAME} bytes and no control characters");
            let problem = Problem::new(Code::OutOfRange, message);
            Err(problem.help("write what people should see, such as `Example's service`"))
        }
    }
}
