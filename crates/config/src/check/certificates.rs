//! Certificates that no listener shows.

use crate::{
    Certificate, ListenerTls,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Span},
    section::listener::Placed,
};

/// Reports every certificate when no listener terminates TLS.
pub(crate) fn unused(
    r: &mut Reader<'_>,
    certificates: &[(Certificate, Span)],
    listeners: &[Placed],
) {
    let terminates = |placed: &Placed| match &placed.listener.tls {
        Some(tls) => matches!(tls, ListenerTls::Terminate(_)),
        // What is wrong with it was told; it may be meant to terminate.
        None => placed.has_tls,
    };
    if r.is_broken() || listeners.iter().any(terminates) {
        return;
    }
    for (_, span) in certificates {
        let problem = Problem::new(
            Code::UnusedCertificate,
            "no listener shows this certificate",
        )
        .help("write `mode = \"terminate\"` in [listener.tls], or take it out");
        r.warning(span.clone(), problem);
    }
}
