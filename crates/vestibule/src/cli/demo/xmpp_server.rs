//! A minimal XMPP server, just enough to host one component (XEP-0114): it takes any secret, approves
//! every subscription, has one account with two resources, and lets a scenario speak for everybody.

use std::{cell::RefCell, future::poll_fn, io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_local,
};
use vestibule_xmpp::{
    framer::{Frame, Framer},
    stanza::{Kind, Stanza},
};

use super::table::{Missed, PATIENCE};

/// The component's domain.
pub(super) const DOMAIN: &str = "proxy.example.org";

/// The account whose resources answer.
pub(super) const TARGET: &str = "bot@example.org";

/// Its resources.
pub(super) const RESOURCES: [&str; 2] = ["a", "b"];

/// The server.
#[derive(Debug)]
pub(super) struct XmppServer {
    address: SocketAddr,
    to_component: UnboundedSender<String>,
    requests: RefCell<UnboundedReceiver<String>>,
}

impl XmppServer {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (to_component, sent) = unbounded_channel();
        let (received, requests) = unbounded_channel();
        let answers = to_component.clone();
        spawn_local(async move {
            // One component, and one link of it.
            if let Ok((stream, _)) = listener.accept().await {
                let (read, write) = stream.into_split();
                spawn_local(write_all(write, sent));
                let _ = host(read, &answers, &received).await;
            }
        });
        Ok(Self {
            address,
            to_component,
            requests: RefCell::new(requests),
        })
    }

    /// Where components connect to.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has the server deliver a stanza to the component.
    pub(super) fn deliver(&self, stanza: impl Into<String>) {
        let _ = self.to_component.send(stanza.into());
    }

    /// The next request, answer or message that the component sends.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub(super) async fn next(&self) -> Result<String, Missed> {
        let next = poll_fn(|cx| self.requests.borrow_mut().poll_recv(cx));
        match tokio::time::timeout(PATIENCE / 2, next).await {
            Ok(Some(stanza)) => Ok(stanza),
            _ => Err(Missed::Failed("the component has sent nothing".into())),
        }
    }

    /// Whether the component has sent nothing that [`Self::next`] has not answered.
    pub(super) fn is_quiet(&self) -> bool {
        self.requests.borrow().is_empty()
    }
}

async fn write_all(mut write: OwnedWriteHalf, mut stanzas: UnboundedReceiver<String>) {
    while let Some(stanza) = stanzas.recv().await {
        if write.write_all(stanza.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Takes what the component sends until it goes.
async fn host(
    mut read: OwnedReadHalf,
    answers: &UnboundedSender<String>,
    received: &UnboundedSender<String>,
) -> io::Result<()> {
    let mut framer = Framer::new(1 << 20);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = read.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        framer.receive(&buffer[..n]);
        while let Ok(Some(frame)) = framer.next_frame() {
            match frame {
                Frame::Header(_) => {
                    let _ = answers.send(
                        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                         xmlns:stream='http://etherx.jabber.org/streams' id='demo'>"
                            .to_owned(),
                    );
                }
                Frame::Stanza(raw) => take(raw, answers, received),
                Frame::StreamEnd | Frame::TooLarge(_) => return Ok(()),
            }
        }
    }
}

/// Presence is answered, what the component says to itself comes back, and everything else is for the scenario.
fn take(raw: &str, answers: &UnboundedSender<String>, received: &UnboundedSender<String>) {
    let Ok(stanza) = Stanza::parse(raw) else {
        return;
    };
    match (stanza.kind, stanza.type_name()) {
        (Kind::Presence, "subscribe") => {
            let _ = answers.send(format!(
                "<presence type='subscribed' from='{TARGET}' to='{DOMAIN}'/>"
            ));
        }
        (Kind::Presence, "probe") => {
            for resource in RESOURCES {
                let _ = answers.send(format!(
                    "<presence from='{TARGET}/{resource}' to='{DOMAIN}'/>"
                ));
            }
        }
        (Kind::Presence, _) => {}
        (Kind::Other, _) if stanza.tag().name() == "handshake" => {
            let _ = answers.send("<handshake/>".to_owned());
        }
        // It asks itself whether the server is there.
        _ if [&stanza.from, &stanza.to].map(Option::as_deref) == [Some(DOMAIN); 2] => {
            let _ = answers.send(raw.to_owned());
        }
        _ => {
            let _ = received.send(raw.to_owned());
        }
    }
}
