use rustls::server::{Accepted, Acceptor};

use crate::tls::{Hello, HelloReader, Malformed, Progress, Sni};

/// Reads `input` with rustls' acceptor too: what it accepts must be shown alike, or refused for a
/// reason with a clause of its own.
///
/// The other way round proves nothing. The acceptor also looks into extensions that are nothing to
/// us, and it wants what a server needs: signature schemes, and the null compression method.
///
/// Returns whether rustls accepts it, without which nothing is compared.
///
/// # Panics
///
/// If the two disagree.
pub fn check_against_rustls(input: &[u8]) -> bool {
    let Some(accepted) = accept(input) else {
        return false;
    };
    let mut reader = HelloReader::new();
    let progress = reader.advance(input);
    if let Err(reason) = progress {
        panic!("rustls accepts what is refused: {reason:?}");
    }
    assert_eq!(progress, Ok(Progress::Complete), "rustls accepts it");
    let mut scratch = vec![0; reader.message_len()];
    match reader.hello(input, &mut scratch) {
        Ok(hello) => compare(&hello, &accepted),
        Err(reason) => assert!(
            is_stricter(reason, &accepted),
            "rustls accepts what is refused: {reason:?}"
        ),
    }
    true
}

/// The hello as rustls sees it; `None` when it refuses it or wants more.
fn accept(input: &[u8]) -> Option<Accepted> {
    let mut acceptor = Acceptor::default();
    let mut rest = input;
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return Some(accepted);
        }
    }
    None
}

fn compare(hello: &Hello<'_>, accepted: &Accepted) {
    let theirs = accepted.client_hello();
    match (hello.sni(), theirs.server_name()) {
        (Sni::Name(ours), Some(name)) => {
            assert_eq!(ours.as_str(), name.strip_suffix('.').unwrap_or(name));
        }
        // It treats an address as if there were no name.
        (Sni::Absent | Sni::IpLiteral(_), None) => {}
        (ours, theirs) => panic!("server name {ours:?}, rustls {theirs:?}"),
    }
    let alpn = theirs.alpn().map(Iterator::collect::<Vec<_>>);
    assert_eq!(hello.alpn().collect::<Vec<_>>(), alpn.unwrap_or_default());

    let suites = theirs.cipher_suites().iter().map(|suite| u16::from(*suite));
    assert!(hello.cipher_suites().eq(suites));
    let schemes = theirs
        .signature_schemes()
        .iter()
        .map(|scheme| u16::from(*scheme));
    assert!(hello.signature_schemes().eq(schemes));
    let groups = theirs.named_groups().unwrap_or_default();
    assert!(
        hello
            .groups()
            .eq(groups.iter().map(|group| u16::from(*group)))
    );
}

/// Rules that we keep to and rustls does not.
fn is_stricter(reason: Malformed, accepted: &Accepted) -> bool {
    match reason {
        // A last label such as 0x7f makes a name an address to some resolvers.
        Malformed::SniName => accepted.client_hello().server_name().is_some_and(|name| {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let last = name.rsplit('.').next().unwrap_or_default();
            last.strip_prefix("0x")
                .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        }),
        // It ignores what follows the host name. RFC 6066 section 3 defines no other type of name,
        // and so not where one would end.
        Malformed::SniNameType => true,
        _ => false,
    }
}
