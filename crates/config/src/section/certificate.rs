//! `[[certificate]]`, and `certificate` of other tables.

use std::{collections::HashMap, path::PathBuf};

use toml::Spanned;

use crate::{
    Certificate,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Span, Table},
    schema,
};

/// Every `[[certificate]]` that is free of errors, and where each stands.
pub(crate) fn certificates(r: &mut Reader<'_>, root: &Table<'_>) -> Vec<(Certificate, Span)> {
    let tables = r.tables(root, "certificate", &schema::CERTIFICATE);
    let mut certificates = Vec::with_capacity(tables.len());
    let mut first: HashMap<PathBuf, Span> = HashMap::with_capacity(tables.len());
    for table in tables {
        let Some(certificate) = certificate(r, &table) else {
            continue;
        };
        let place = table
            .value("chain")
            .map_or_else(|| table.span().clone(), Spanned::span);
        if let Some(first) = first.insert(certificate.chain.path.clone(), place.clone()) {
            let problem = Problem::new(Code::DuplicateValue, "this certificate is already there");
            r.conflict(
                place,
                problem.help("each [[certificate]] stands once; listeners share them"),
                &first,
                "first here",
            );
        }
        certificates.push((certificate, table.span().clone()));
    }
    certificates
}

/// The chain and key of `table`.
pub(super) fn certificate(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Certificate> {
    let chain = r.required_file(
        table,
        "chain",
        "this certificate",
        "write the PEM file with the certificate and those that lead to its CA, such as \
         `chain = \"chat.pem\"`",
    );
    let key = r.required_file(
        table,
        "key",
        "this certificate",
        "write the PEM file with the private key, such as `key = \"chat.key\"`",
    );
    Some(Certificate {
        chain: chain?,
        key: key?,
    })
}
