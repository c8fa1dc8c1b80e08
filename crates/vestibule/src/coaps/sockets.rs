//! Where a server listens.

use std::{net::SocketAddr, sync::Arc};

use super::Error;
use crate::udp::Socket;

/// Sockets that listen, for one server after the other.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    /// What was asked for.
    wanted: Vec<SocketAddr>,
    pub(crate) sockets: Arc<[Arc<Socket>]>,
}

impl Sockets {
    /// Binds these addresses. Port 0 is a free one, `[::]` is IPv6 only.
    ///
    /// # Errors
    ///
    /// When there is no address, one is in use, or the system refuses something else.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, Error> {
        Self::default().rebind(addresses, &[])
    }

    /// Binds these addresses, but for those that these sockets were bound to, or `others` by a port that
    /// was named: they are taken as they are. What comes to them meanwhile is not lost.
    ///
    /// # Errors
    ///
    /// As [`Self::bind`].
    pub fn rebind(&self, addresses: &[SocketAddr], others: &[&Self]) -> Result<Self, Error> {
        if addresses.is_empty() || addresses.len() > usize::from(u16::MAX) {
            return Err(Error::NoAddress);
        }
        let mut sockets: Vec<Arc<Socket>> = Vec::with_capacity(addresses.len());
        for address in addresses {
            // Any port that somebody else has is not the one that was meant.
            let others = others.iter().filter(|_| address.port() != 0).copied();
            let known = std::iter::once(self).chain(others);
            let mut known = known.flat_map(|it| it.bound_to(*address));
            let taken = known.find(|it| !contains(&sockets, it)).cloned();
            sockets.push(match taken {
                Some(socket) => socket,
                None => {
                    Arc::new(Socket::bind(*address).map_err(|error| Error::Bind(*address, error))?)
                }
            });
        }
        Ok(Self {
            wanted: addresses.to_vec(),
            sockets: sockets.into(),
        })
    }

    /// Where it listens: an address for each of those that were asked for, in their order, with its
    /// port.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let sockets = self.sockets.iter();
        sockets.map(|socket| socket.local_addr()).collect()
    }

    /// Whether one of these sockets is one of `other`, so that only one of two servers can have them.
    pub(crate) fn share(&self, other: &Self) -> bool {
        self.sockets.iter().any(|it| contains(&other.sockets, it))
    }

    /// Those that were made when this address was asked for.
    fn bound_to(&self, address: SocketAddr) -> impl Iterator<Item = &Arc<Socket>> {
        let all = self.wanted.iter().zip(&*self.sockets);
        let those = all.filter(move |(wanted, _)| **wanted == address);
        those.map(|(_, socket)| socket)
    }
}

fn contains(sockets: &[Arc<Socket>], socket: &Arc<Socket>) -> bool {
    sockets.iter().any(|it| Arc::ptr_eq(it, socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_stays_keeps_its_socket() {
        // Nobody else takes a port of it when it is free for a moment.
        let any = SocketAddr::from(([127, 0, 74, 5], 0));
        let other = SocketAddr::from(([127, 0, 0, 2], 0));
        let first = Sockets::bind(&[any]).unwrap();
        let second = first.rebind(&[other, any], &[]).unwrap();
        let [new, kept] = second.local_addrs()[..] else {
            panic!("{second:?}");
        };
        assert_eq!([kept], first.local_addrs()[..]);
        assert_eq!(new.ip(), other.ip());
        // Nobody else gets it as long as one of them is there.
        assert!(matches!(Sockets::bind(&[kept]), Err(Error::Bind(at, _)) if at == kept));
        drop(first);
        assert!(matches!(Sockets::bind(&[kept]), Err(Error::Bind(..))));
        drop(second);
        Sockets::bind(&[kept]).unwrap();
        assert!(matches!(Sockets::bind(&[]), Err(Error::NoAddress)));
    }

    #[test]
    fn an_address_goes_from_one_to_another_by_its_port() {
        let any = SocketAddr::from(([127, 0, 74, 6], 0));
        let first = Sockets::bind(&[any, any]).unwrap();
        let again = first.rebind(&[any, any, any], &[]).unwrap();
        assert_eq!(again.local_addrs()[..2], first.local_addrs());
        assert_ne!(again.local_addrs()[2], first.local_addrs()[1]);
        let stranger = Sockets::default().rebind(&[any], &[&first]).unwrap();
        assert!(!stranger.share(&first) && again.share(&first) && first.share(&again));

        let named = stranger.local_addrs();
        drop(stranger);
        let named = Sockets::bind(&named).unwrap();
        let wanted = named.local_addrs();
        let taken = Sockets::default().rebind(&wanted, &[&first, &named]);
        assert!(taken.unwrap().share(&named));
    }
}
