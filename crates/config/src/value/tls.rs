//! `"1.3"`, `"ECDHE-RSA-AES256-GCM-SHA384"`, `"X25519"`, `"xmpp-client"`: what TLS is made of.

#[cfg(test)]
mod tests;

use crate::{
    CipherSuite, Code, Group, TlsVersion,
    diagnostic::{Problem, quote},
    suggest,
};

const VERSIONS: [(&str, TlsVersion); 2] = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];

/// Further names of groups: those of NIST.
const SYNONYMS: [(&str, Group); 2] = [("P-256", Group::Secp256r1), ("P-384", Group::Secp384r1)];

/// The longest name of a protocol, in bytes (RFC 7301, section 3.1).
const LONGEST_PROTOCOL: usize = 255;

/// `min_version` or `max_version`.
pub(crate) fn version(text: &str) -> Result<TlsVersion, Problem> {
    if let Some((_, version)) = VERSIONS.iter().find(|(name, _)| *name == text) {
        return Ok(*version);
    }
    let number = text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || " _-".contains(c));
    let problem = Problem::new(
        Code::UnknownValue,
        format!("unknown version of TLS {}", quote(text)),
    );
    Err(match number.replace('_', ".").as_str() {
        meant @ ("1.2" | "1.3") => problem.help(format!("write `{meant}`")),
        _ => problem.help("write `1.2` or `1.3`: older versions are broken (RFC 8996)"),
    })
}

/// As it is written in a file.
pub(crate) fn show_version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    }
}

/// One entry of `cipher_suites`, by its name in the IANA registry or in OpenSSL.
pub(crate) fn cipher_suite(text: &str) -> Result<CipherSuite, Problem> {
    let known = CipherSuite::ALL
        .into_iter()
        .find(|suite| suite.name() == text || suite.openssl_name() == text);
    known.ok_or_else(|| {
        let problem = Problem::new(
            Code::UnknownValue,
            format!("unknown cipher suite {}", quote(text)),
        );
        if text.contains([':', '!', '+', ',']) {
            return problem
                .help("write a list with one name of a suite in each string, best first");
        }
        let names = || CipherSuite::ALL.into_iter().map(CipherSuite::name);
        let openssl = CipherSuite::ALL.into_iter().map(CipherSuite::openssl_name);
        match suggest::nearest(text, names().chain(openssl)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("write one of {}", suggest::listed(names()))),
        }
    })
}

/// One entry of `groups`.
pub(crate) fn group(text: &str) -> Result<Group, Problem> {
    let known = Group::ALL.into_iter().map(|group| (group.name(), group));
    let mut known = known.chain(SYNONYMS);
    if let Some((_, group)) = known.find(|(name, _)| *name == text) {
        return Ok(group);
    }
    let names = || Group::ALL.into_iter().map(Group::name);
    let problem = Problem::new(Code::UnknownValue, format!("unknown group {}", quote(text)));
    let meant = match text.to_ascii_lowercase().as_str() {
        "prime256v1" | "p256" => Some(Group::Secp256r1.name()),
        "p384" => Some(Group::Secp384r1.name()),
        // One digit away from `P-256` and from secp256r1 and secp384r1, but another group.
        "p-521" | "secp521r1" => None,
        _ => suggest::nearest(text, names()),
    };
    Err(match meant {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("write one of {}", suggest::listed(names()))),
    })
}

/// One entry of `alpn`: the name of a protocol (RFC 7301), whose case counts.
pub(crate) fn protocol(text: &str) -> Result<Vec<u8>, Problem> {
    if (1..=LONGEST_PROTOCOL).contains(&text.len()) {
        return Ok(text.as_bytes().to_vec());
    }
    let problem = Problem::new(
        Code::InvalidAlpn,
        format!("{} is not the name of a protocol", quote(text)),
    );
    Err(problem.help(format!(
        "write 1 to {LONGEST_PROTOCOL} bytes, such as `xmpp-client` or `http/1.1`"
    )))
}

/// As it is written in a file.
pub(crate) fn show_protocol(protocol: &[u8]) -> String {
    String::from_utf8_lossy(protocol).into_owned()
}
