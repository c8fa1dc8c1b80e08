//! `[[certificate]]`, and `tls.certificate` of a service.

use std::{collections::HashMap, path::PathBuf};

use crate::{
    Certificate,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Span, Table, wrong_type},
    schema,
};

/// Every `[[certificate]]` that is free of errors, and where each stands.
pub(crate) fn certificates(r: &mut Reader<'_>, root: &Table<'_>) -> Vec<(Certificate, Span)> {
    let Some(value) = root.value("certificate") else {
        return Vec::new();
    };
    let Some(items) = value.get_ref().as_array() else {
        let problem = wrong_type("a list of tables", value.get_ref());
        r.error(
            value.span(),
            problem.help("write [[certificate]] with double brackets"),
        );
        return Vec::new();
    };
    let mut certificates = Vec::with_capacity(items.len());
    let mut first: HashMap<PathBuf, Span> = HashMap::with_capacity(items.len());
    for item in items {
        let Some(table) = r.table(item, &schema::CERTIFICATE) else {
            continue;
        };
        let Some(certificate) = certificate(r, &table) else {
            continue;
        };
        let place = table.value("chain").unwrap_or(item).span();
        if let Some(first) = first.insert(certificate.chain.path.clone(), place.clone()) {
            let problem = Problem::new(Code::DuplicateValue, "this certificate is already there");
            r.conflict(
                place,
                problem.help("each [[certificate]] stands once; listeners share them"),
                &first,
                "first here",
            );
        }
        certificates.push((certificate, item.span()));
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
