//! Stanzas as servers write them: no `>` in values and texts, no sections of character data.

use std::ops::Range;

use memchr::{memchr, memmem};

/// How long the stanza at the beginning of `text` is, with the white space before it; none if it is
/// not complete.
pub(crate) fn len(text: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let tag = at + memchr(b'<', &text[at..])?;
        let end = tag + memchr(b'>', &text[tag..])?;
        at = end + 1;
        if text[tag + 1] == b'/' {
            depth = depth.checked_sub(1)?;
        } else if text[end - 1] != b'/' {
            depth += 1;
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Appends what becomes of the stanza to `out`, if it is an IQ.
pub(crate) fn pass_on(stanza: &[u8], domain: &[u8], target: &[u8], out: &mut Vec<u8>) {
    let stanza = stanza.trim_ascii_start();
    let tag = &stanza[..memchr(b'>', stanza).unwrap_or(stanza.len())];
    let (Some(from), Some(to)) = (attribute(tag, b" from="), attribute(tag, b" to=")) else {
        return;
    };
    if !tag.starts_with(b"<iq") {
        return;
    }
    let sender = stanza[to.clone()].strip_prefix(domain);
    let sender = sender.and_then(|rest| rest.strip_prefix(b"/"));
    let answered = sender.filter(|_| &stanza[from.clone()] == target);
    let mut put = |part: Part| match (part, answered) {
        (Part::From, Some(_)) => out.extend_from_slice(domain),
        (Part::To, Some(sender)) => out.extend_from_slice(sender),
        (Part::From, None) => {
            out.extend_from_slice(domain);
            out.push(b'/');
            out.extend_from_slice(&stanza[from.clone()]);
        }
        (Part::To, None) => out.extend_from_slice(target),
        (Part::Text(range), _) => out.extend_from_slice(&stanza[range]),
    };
    let mut places = [(from.clone(), Part::From), (to.clone(), Part::To)];
    places.sort_by_key(|(range, _)| range.start);
    let mut copied = 0;
    for (range, part) in places {
        put(Part::Text(copied..range.start));
        put(part);
        copied = range.end;
    }
    put(Part::Text(copied..stanza.len()));
}

enum Part {
    From,
    Text(Range<usize>),
    To,
}

/// Where the value of the attribute stands; `name` has the white space before it and `=`.
pub(crate) fn attribute(tag: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let begin = memmem::find(tag, name)? + name.len();
    let quote = *tag.get(begin)?;
    let len = memchr(quote, &tag[begin + 1..])?;
    Some(begin + 1..begin + 1 + len)
}

#[cfg(test)]
mod tests;
