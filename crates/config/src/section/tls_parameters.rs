//! Versions, cipher suites and groups of `[listener.tls]` and of `tls` of a service.

use std::hash::Hash;

use toml::Spanned;

use crate::{
    CipherSuite, Group, TlsParameters, TlsVersion,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Table, wrong_type},
    value::tls::{self, show_version},
};

const VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

pub(super) fn parameters(r: &mut Reader<'_>, table: &Table<'_>) -> TlsParameters {
    let before = r.mistakes();
    let parameters = TlsParameters {
        min_version: version(r, table, "min_version").unwrap_or(TlsVersion::V1_2),
        max_version: version(r, table, "max_version").unwrap_or(TlsVersion::V1_3),
        cipher_suites: list(
            r,
            table,
            "cipher_suites",
            tls::cipher_suite,
            CipherSuite::name,
        )
        .unwrap_or_else(|| CipherSuite::ALL.to_vec()),
        groups: list(r, table, "groups", tls::group, Group::name)
            .unwrap_or_else(|| Group::ALL.to_vec()),
    };
    // What is wrong in a list is not also missing from it.
    if r.mistakes() == before {
        usable_versions(r, table, &parameters);
    }
    parameters
}

/// The protocols of `alpn`, each once; `None` when the key is absent or of another type.
pub(super) fn protocols(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Vec<Vec<u8>>> {
    let protocols = r.texts(table, "alpn", tls::protocol)?;
    Some(r.distinct(protocols, |protocol| tls::show_protocol(protocol)))
}

/// The version of TLS under `key`; `None` when it is absent or wrong.
pub(super) fn version(r: &mut Reader<'_>, table: &Table<'_>, key: &str) -> Option<TlsVersion> {
    let value = table.value(key)?;
    if let Some(number) = value.get_ref().as_float() {
        let problem = wrong_type("a string", value.get_ref());
        r.error(value.span(), problem.help(format!("write `\"{number}\"`")));
        return None;
    }
    r.text(table, key, tls::version)
}

fn list<T: Copy + Eq + Hash>(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, Problem>,
    show: impl Fn(T) -> &'static str,
) -> Option<Vec<T>> {
    let meaning = "leave the key out for all that there are";
    let items: Vec<Spanned<T>> = r.some_texts(table, key, meaning, parse)?;
    Some(r.distinct(items, |item| show(*item).to_owned()))
}

/// Reports versions that are allowed, but could never be agreed on.
fn usable_versions(r: &mut Reader<'_>, table: &Table<'_>, parameters: &TlsParameters) {
    let TlsParameters {
        min_version,
        max_version,
        ..
    } = *parameters;
    if max_version < min_version {
        // Each default allows every value of the other key.
        if let (Some(min), Some(max)) = (table.value("min_version"), table.value("max_version")) {
            let problem = Problem::new(
                Code::TlsVersionUnusable,
                "`max_version` is below `min_version`",
            )
            .help("swap them, or leave one out");
            r.conflict(max.span(), problem, &min.span(), "the lowest is here");
        }
        return;
    }
    let allowed = VERSIONS
        .into_iter()
        .filter(|version| (min_version..=max_version).contains(version));
    let without = match (min_version, max_version) {
        (TlsVersion::V1_2, TlsVersion::V1_3) => |version| match version {
            TlsVersion::V1_2 => "write `min_version = \"1.3\"`, or add ",
            TlsVersion::V1_3 => "write `max_version = \"1.2\"`, or add ",
        },
        _ => |_| "add ",
    };
    for version in allowed {
        let of_version = |suite: &CipherSuite| suite.version() == version;
        if !parameters.cipher_suites.iter().any(of_version) {
            let example = CipherSuite::ALL.into_iter().find(of_version);
            let example = example.map_or("", CipherSuite::name);
            never_agreed(
                r,
                table,
                "cipher_suites",
                version,
                without(version),
                example,
            );
        }
        let post_quantum = |group: &Group| *group == Group::X25519Mlkem768;
        if version == TlsVersion::V1_2 && parameters.groups.iter().all(post_quantum) {
            let example = Group::X25519.name();
            never_agreed(r, table, "groups", version, without(version), example);
        }
    }
}

fn never_agreed(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    key: &str,
    version: TlsVersion,
    instead: &str,
    example: &str,
) {
    let Some(value) = table.value(key) else {
        return;
    };
    let version = show_version(version);
    let message = format!("TLS {version} is allowed, but nothing in `{key}` is for it");
    let problem = Problem::new(Code::TlsVersionUnusable, message);
    r.error(
        value.span(),
        problem.help(format!("{instead}{}", quote(example))),
    );
}
