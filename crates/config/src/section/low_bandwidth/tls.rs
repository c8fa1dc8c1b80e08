//! What a gateway shows to clients, and which DTLS it speaks.

use super::super::{certificate::certificate, tls_parameters::version};
use crate::{
    Certificate, FileRef, TlsVersion,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table, wrong_type},
    schema,
};

pub(super) fn own_certificate(r: &mut Reader<'_>, table: &Table<'_>) -> Certificate {
    const HELP: &str = "write for example `certificate = { chain = \"lb.pem\", key = \"lb.key\" }`";
    let read = match table.value("certificate") {
        None => {
            let problem = Problem::new(Code::MissingKey, "this gateway has no `certificate`");
            r.missing(table, &["certificate"], problem.help(HELP));
            None
        }
        Some(value) if !value.get_ref().is_table() => {
            let problem = wrong_type("a table", value.get_ref());
            r.error(value.span(), problem.help(HELP));
            None
        }
        Some(value) => {
            let table = r.table(value, &schema::LOW_BANDWIDTH_CERTIFICATE);
            table.and_then(|table| certificate(r, &table))
        }
    };
    read.unwrap_or_else(|| Certificate {
        chain: FileRef::unnamed(""),
        key: FileRef::unnamed(""),
    })
}

/// The lowest and the highest version of DTLS.
pub(super) fn versions(r: &mut Reader<'_>, table: &Table<'_>) -> (TlsVersion, TlsVersion) {
    let min = version(r, table, "min_version").unwrap_or(TlsVersion::V1_2);
    let max = version(r, table, "max_version").unwrap_or(TlsVersion::V1_3);
    // Each default allows every value of the other key.
    if let (true, Some(min), Some(max)) = (
        max < min,
        table.value("min_version"),
        table.value("max_version"),
    ) {
        let message = "`max_version` is below `min_version`";
        let problem =
            Problem::new(Code::TlsVersionUnusable, message).help("swap them, or leave one out");
        r.conflict(max.span(), problem, &min.span(), "the lowest is here");
    }
    (min, max)
}
