//! Who takes part.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use vestibule_coap::Code;
use vestibule_coap::endpoint::Failure;
use vestibule_e2e::free_ports;
use vestibule_e2e::lowband::{
    Answer, LowbandGateway, LowbandSetup, MatrixClient, Watcher, read_sync,
};
use vestibule_miniature_homeserver::{Fault, Homeserver, Options};

/// A homeserver with two people in a room, and a gateway before it.
pub(crate) struct Stage {
    pub(crate) gateway: LowbandGateway,
    /// `None` while it is down.
    homeserver: Option<Homeserver>,
    room: String,
    alice: String,
    bob: String,
}

/// Somebody who sends.
pub(crate) struct Sender {
    client: MatrixClient,
    room: String,
    sent: Vec<String>,
    /// How often it had no success.
    pub(crate) failures: usize,
}

/// Somebody who asks again and again.
pub(crate) struct Poller {
    client: MatrixClient,
    next_batch: String,
    pub(crate) texts: Vec<String>,
    pub(crate) failures: usize,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|setup| setup)
    }

    /// With a gateway that is told this as well.
    pub(crate) fn with(told: impl FnOnce(LowbandSetup) -> LowbandSetup) -> Self {
        // It may stop for a while, and nobody may take its port.
        let bind = SocketAddr::from(([127, 0, 0, 1], free_ports(1)));
        let options = Options {
            bind,
            ..Options::default()
        };
        let homeserver = Homeserver::start(options).expect("a homeserver");
        let alice = homeserver.register("alice", "wonderland");
        let bob = homeserver.register("bob", "builder");
        let room = homeserver.create_room(&alice, &[&bob]);
        let gateway = LowbandGateway::setup(homeserver.address()).at_a_port_of_its_own();
        let gateway = told(gateway).start();
        Self {
            gateway,
            homeserver: Some(homeserver),
            room,
            alice,
            bob,
        }
    }

    pub(crate) fn homeserver(&self) -> &Homeserver {
        self.homeserver.as_ref().expect("a homeserver that runs")
    }

    /// Stops the homeserver for this long; it knows everything afterwards.
    pub(crate) fn restart_homeserver(&mut self, down: Duration) {
        let stopped = self.homeserver.take().expect("one that runs").stop();
        thread::sleep(down);
        self.homeserver = Some(Homeserver::start_with(stopped).expect("its old address"));
    }

    /// From now on all requests end so.
    pub(crate) fn fail(&self, fault: Fault) {
        self.homeserver().set_fault(fault);
    }

    /// A new token of Alice.
    pub(crate) fn alice(&self) -> String {
        let token = self.homeserver().log_in(&self.alice);
        token.expect("an account")
    }

    /// A new token of Bob.
    pub(crate) fn bob(&self) -> String {
        let token = self.homeserver().log_in(&self.bob);
        token.expect("an account")
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender {
            client: self.gateway.client_of(&self.alice()),
            room: self.room.clone(),
            sent: Vec::new(),
            failures: 0,
        }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher::new(self.gateway.client_of(&self.bob()))
    }

    pub(crate) fn poller(&self) -> Poller {
        let mut poller = Poller {
            client: self.gateway.client_of(&self.bob()),
            next_batch: String::new(),
            texts: Vec::new(),
            failures: 0,
        };
        poller.ask(Duration::ZERO);
        assert_eq!(poller.failures, 0);
        poller
    }

    /// The room's messages, as the homeserver has them.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.homeserver().texts(&self.room)
    }

    /// Sends by the homeserver itself.
    pub(crate) fn say(&self, text: &str) {
        let sent = self.homeserver().send_text(&self.room, &self.alice, text);
        assert!(sent.is_some());
    }

    /// Waits until all know what has been sent, and nobody anything else.
    #[track_caller]
    pub(crate) fn finish(&self, sender: &Sender, watcher: &mut Watcher, poller: &mut Poller) {
        const ENOUGH: Duration = Duration::from_secs(120);
        assert_eq!(self.texts(), sender.sent, "at the homeserver");
        watcher.wait_for(sender.sent.len(), ENOUGH);
        poller.wait_for(sender.sent.len(), ENOUGH);
        // For what is doubled.
        watcher.run_for(Duration::from_secs(2));
        poller.ask(Duration::from_millis(500));
        assert_eq!(watcher.texts(), sender.sent, "at who observes");
        assert_eq!(poller.texts, sender.sent, "at who asks");
    }
}

impl Sender {
    /// Sends the next message. It arrives, or may have arrived; the caller tries again until it
    /// has.
    pub(crate) fn try_next(&mut self) -> Result<(), Option<Answer>> {
        let text = format!("message {}", self.sent.len());
        let txn = format!("t{}", self.sent.len());
        match self.client.send_text(&self.room, &txn, &text) {
            Ok(answer) if answer.code == Code::CONTENT => {
                self.sent.push(text);
                Ok(())
            }
            Ok(answer) => {
                self.failures += 1;
                Err(Some(answer))
            }
            Err(failure) => {
                self.failures += 1;
                assert_eq!(failure, Failure::TimedOut);
                Err(None)
            }
        }
    }

    /// Sends the next message as often as it takes.
    #[track_caller]
    pub(crate) fn next(&mut self, within: Duration) {
        let start = Instant::now();
        while let Err(answer) = self.try_next() {
            assert!(start.elapsed() < within, "{answer:?}");
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Goes on as another process of the same device.
    pub(crate) fn reconnect(&mut self, gateway: &LowbandGateway) {
        let token = self.client.token().to_owned();
        self.client = gateway.client_of(&token);
    }

    pub(crate) fn sent(&self) -> &[String] {
        &self.sent
    }
}

impl Poller {
    /// Asks once; whether there was an answer.
    pub(crate) fn ask(&mut self, timeout: Duration) -> bool {
        let timeout = timeout.as_millis();
        let target = match &*self.next_batch {
            "" => format!("/7?timeout={timeout}"),
            since => format!("/7?since={since}&timeout={timeout}"),
        };
        let answer = self.client.get(&target);
        if answer.code != Code::CONTENT {
            self.failures += 1;
            return false;
        }
        let (next_batch, texts) = read_sync(&answer.body);
        self.next_batch = next_batch;
        self.texts.extend(texts);
        true
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, count: usize, within: Duration) {
        let start = Instant::now();
        while self.texts.len() < count {
            assert!(start.elapsed() < within, "{:?}", self.texts);
            if !self.ask(Duration::from_secs(2)) {
                thread::sleep(Duration::from_millis(500));
            }
        }
    }

    /// Goes on as another process of the same device.
    pub(crate) fn reconnect(&mut self, gateway: &LowbandGateway) {
        let token = self.client.token().to_owned();
        self.client = gateway.client_of(&token);
    }
}
