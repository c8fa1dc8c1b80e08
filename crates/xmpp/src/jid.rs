//! Addresses (RFC 7622), as servers write them in stanzas.
//!
//! A server has prepared what it writes, so that equal addresses are equal texts; what comes from
//! elsewhere, such as a configuration, is [prepared](prepare) first.

use memchr::memchr;

/// The longest address in bytes: three parts of 1,023, `@` and `/` (RFC 7622 section 3.1).
pub const MAX_LEN: usize = 3071;

/// The longest part of an address in bytes.
pub const MAX_PART_LEN: usize = 1023;

/// The parts of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What stands before `@`; `None` where there is none.
    pub local: Option<&'a str>,
    /// The host.
    pub domain: &'a str,
    /// What stands behind `/`; `None` where there is none.
    pub resource: Option<&'a str>,
}

/// Cuts an address into its parts (RFC 7622 section 3.1). `None`: a part is empty or too long.
pub fn parts(jid: &str) -> Option<Parts<'_>> {
    let (bare, resource) = match split(jid, b'/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (jid, None),
    };
    let (local, domain) = match split(bare, b'@') {
        Some((local, domain)) => (Some(local), domain),
        None => (None, bare),
    };
    let is_good = |part: &str| (1..=MAX_PART_LEN).contains(&part.len());
    let all_good = is_good(domain)
        && memchr(b'@', domain.as_bytes()).is_none()
        && local.is_none_or(is_good)
        && resource.is_none_or(is_good);
    all_good.then_some(Parts {
        local,
        domain,
        resource,
    })
}

/// The address without its resource.
pub fn bare(jid: &str) -> &str {
    split(jid, b'/').map_or(jid, |(bare, _)| bare)
}

/// The domain of an address.
pub fn domain(jid: &str) -> &str {
    let bare = bare(jid);
    split(bare, b'@').map_or(bare, |(_, domain)| domain)
}

/// What stands before and behind the first `separator`, which is ASCII.
fn split(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = memchr(separator, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// The form in which servers write this address: case folded, characters composed (RFC 6122, as
/// servers in use still prepare).
///
/// # Errors
///
/// Why it is none, in words.
pub fn prepare(jid: &str) -> Result<String, jid::Error> {
    // The crate does not always take the dot of the root away, and then knows the parts wrongly.
    let (bare, resource) = jid.split_at(bare(jid).len());
    let prepared = match bare.strip_suffix('.') {
        Some(bare) if bare.ends_with('.') => return Err(jid::Error::Idna),
        Some(bare) => jid::Jid::new(&format!("{bare}{resource}")),
        None => jid::Jid::new(jid),
    };
    prepared.map(|prepared| prepared.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_three_parts() {
        let all = |local, domain, resource| {
            Some(Parts {
                local,
                domain,
                resource,
            })
        };
        assert_eq!(parts("b.example"), all(None, "b.example", None));
        assert_eq!(parts("a@b"), all(Some("a"), "b", None));
        assert_eq!(parts("b/c"), all(None, "b", Some("c")));
        assert_eq!(parts("a@b/c@d/e f"), all(Some("a"), "b", Some("c@d/e f")));
        let long = "x".repeat(MAX_PART_LEN + 1);
        for jid in [
            "",
            "@b",
            "a@",
            "b/",
            "a@b@c",
            "/c",
            &long,
            &format!("b/{long}"),
        ] {
            assert_eq!(parts(jid), None, "{jid}");
        }
        assert_eq!((bare("a@b/c/d"), bare("b")), ("a@b", "b"));
        assert_eq!((domain("a@b/c@d"), domain("b/c@d")), ("b", "b"));
    }

    #[test]
    fn addresses_of_people_become_those_of_servers() {
        assert_eq!(
            prepare("Some-User@Some-Domain.Example/Abc").as_deref(),
            Ok("some-user@some-domain.example/Abc")
        );
        for jid in [
            "example.org.",
            "a@example.org.",
            "a@example.org./b.",
            "Example.org.",
        ] {
            assert_eq!(prepare(jid), prepare(&jid.replacen("g.", "g", 1)), "{jid}");
        }
        for jid in ["", "@b", "a@", "a b@c", "b/", ".", "b..", "a@b../c"] {
            assert!(prepare(jid).is_err(), "{jid}");
        }
    }
}
