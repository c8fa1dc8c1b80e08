//! Components that have the same domain, and those that would ask themselves or each other.

use std::collections::HashMap;

use vestibule_xmpp::jid;

use crate::{
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span},
    section::component::Placed,
};

/// Reports each domain that stands twice, and each target in the domain of a component.
pub(crate) fn report(r: &mut Reader<'_>, components: &[Placed]) {
    let mut domains: HashMap<&str, &Span> = HashMap::with_capacity(components.len());
    let named = |placed: &&Placed| !placed.component.settings.domain.is_empty();
    for placed in components.iter().filter(named) {
        let domain = &placed.component.settings.domain;
        if let Some(first) = domains.get(domain.as_str()) {
            let message = format!("component {} is already there", quote(domain));
            let problem = Problem::new(Code::DuplicateName, message)
                .help("a server takes one link for each domain: write another one");
            r.conflict(placed.domain.clone(), problem, first, "first here");
        } else {
            domains.insert(domain, &placed.domain);
        }
    }
    for placed in components {
        let targets = placed.component.settings.targets.iter();
        for (target, span) in targets.zip(&placed.targets) {
            if let Some(domain) = domains.get(jid::domain(target)) {
                let message = format!("{} is in the domain of a component", quote(target));
                let problem = Problem::new(Code::ProxyLoop, message)
                    .help("components have no accounts: write an account of a user");
                r.conflict(span.clone(), problem, domain, "this component");
            }
        }
    }
}
