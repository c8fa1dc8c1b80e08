//! Names of listeners and services, users and groups.

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// The longest name of a listener or service.
const LONGEST: usize = 64;

/// The name of a listener or service: it becomes a word in logs and a label in metrics.
pub(crate) fn label(text: &str) -> Result<String, Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !text.is_empty() && text.len() <= LONGEST && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    let message = format!("{} is not a usable name", quote(text));
    let mended: String = text
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    let mended = mended.trim_matches('-');
    let rule = format!("a name has 1 to {LONGEST} letters (a-z, A-Z), digits, `.`, `_` or `-`");
    Err(Problem::new(Code::InvalidName, message).help(
        if mended.is_empty() || mended.len() > LONGEST {
            rule
        } else {
            format!("write `{mended}`: {rule}")
        },
    ))
}

/// The name or number of a user or group of the system.
pub(crate) fn account(text: &str) -> Result<String, Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // useradd(8) ends names at 32 characters; some directories allow a `$` at the end.
    let plain = text.strip_suffix('$').unwrap_or(text);
    if plain.starts_with(first) && text.len() <= 256 && plain.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(Problem::new(
        Code::InvalidName,
        format!("{} is not a name of an account", quote(text)),
    )
    .help("write the name as in /etc/passwd or /etc/group, such as \"vestibule\""))
}
