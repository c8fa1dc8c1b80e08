//! Addresses that cannot be listened on at the same time.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    path::Path,
};

use crate::{
    Bind, code::Code, describe::show_bind, diagnostic::Problem, reader::Reader, section::Endpoint,
};

/// Reports each address that overlaps an earlier one. All are of TCP and unix sockets, or all of UDP.
pub(crate) fn report(r: &mut Reader<'_>, endpoints: &[Endpoint]) {
    let mut by_port: HashMap<u16, Vec<(SocketAddr, &Endpoint)>> = HashMap::new();
    let mut told = HashSet::new();
    let mut by_path: HashMap<&Path, &Endpoint> = HashMap::new();
    for endpoint in endpoints {
        let earlier = match &endpoint.bind {
            Bind::Tcp(address) if address.port() == 0 => None,
            Bind::Tcp(address) => {
                let same_port = by_port.entry(address.port()).or_default();
                let earlier = same_port
                    .iter()
                    .find(|(other, _)| overlap(*address, *other));
                let earlier = earlier.map(|(_, endpoint)| *endpoint);
                same_port.push((*address, endpoint));
                earlier
            }
            Bind::Unix(path) => by_path.insert(path, endpoint),
        };
        let told_of_datagrams =
            |earlier: &&Endpoint| endpoint.is_beside_datagrams && earlier.is_beside_datagrams;
        let earlier = earlier.filter(|earlier| !told_of_datagrams(earlier));
        if let Some(earlier) = earlier {
            // Addresses of both families may stand at one place.
            if told.insert((endpoint.span.start, earlier.span.start)) {
                conflict(r, endpoint, earlier);
            }
        }
    }
}

/// Both have the same port.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    if one.is_ipv4() != other.is_ipv4() {
        // `::` is IPv6 only.
        return false;
    }
    one == other || one.ip().is_unspecified() || other.ip().is_unspecified()
}

fn conflict(r: &mut Reader<'_>, endpoint: &Endpoint, earlier: &Endpoint) {
    let (here, there) = (show_bind(&endpoint.bind), show_bind(&earlier.bind));
    let owner = &earlier.owner;
    let problem = if endpoint.bind == earlier.bind {
        Problem::new(
            Code::AddressOverlap,
            format!("`{here}` is already taken by {owner}"),
        )
        .help("each address stands once in the whole file")
    } else {
        let message = format!("`{here}` overlaps `{there}` of {owner}");
        Problem::new(Code::AddressOverlap, message)
            .help("`0.0.0.0` and `::` are every address of their kind: write another port or each address")
    };
    let problem = match endpoint.is_beside_datagrams {
        true => problem.help(
            "because of `advertise`, HTTP is served by TCP where DTLS is by UDP: write `tcp_bind` for \
             another address",
        ),
        false => problem,
    };
    if endpoint.span == earlier.span {
        r.error(endpoint.span.clone(), problem);
    } else {
        r.conflict(
            endpoint.span.clone(),
            problem,
            &earlier.span,
            &format!("{there} is taken here"),
        );
    }
}
