use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_xmpp::stanza::{Reply, Stanza};

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{Load, Meter, Progress, client_error};
use crate::peers::Service;
use crate::system::Poller;
use crate::xmpp::{BOT, COMPONENT, Client, DOMAIN, Kind, RESOURCE, USER};

/// So many requests are under way at once.
const WINDOW: usize = 50;

/// How long the way through a component may take to be there.
const WAY_TIME: Duration = Duration::from_secs(20);

/// The time between two attempts to go that way.
const WAY_INTERVAL: Duration = Duration::from_millis(50);

/// A client of a server asks another one through a component, 50 requests at once.
pub(super) struct Component {
    id: &'static str,
    title: &'static str,
    server: Kind,
}

impl Component {
    pub(super) const EJABBERD: Self = Self {
        id: "component-ejabberd",
        title: "XMPP requests, ejabberd, 50 in flight",
        server: Kind::Ejabberd,
    };
    pub(super) const PROSODY: Self = Self {
        id: "component-prosody",
        title: "XMPP requests, Prosody, 50 in flight",
        server: Kind::Prosody,
    };
}

impl Row for Component {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let to = match target.process {
            Some(_) => COMPONENT.to_owned(),
            None => format!("{BOT}@{DOMAIN}/{RESOURCE}"),
        };
        let mut clients = Clients::login(target.address, to)?;
        clients.find_way()?;
        let clients = Arc::new(Mutex::new(clients));
        let load = Load::start(1, move |meter| {
            let clients = clients.lock();
            clients.unwrap_or_else(PoisonError::into_inner).ask(meter)
        });
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, observed.done.units))
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/request"
    }

    fn beside_unit(&self) -> &'static str {
        "requests/s"
    }

    fn server(&self) -> Option<Kind> {
        Some(self.server)
    }

    fn service(&self) -> Service {
        Service::Component
    }

    fn compares_rates(&self) -> bool {
        true
    }
}

/// The client that answers and the client that asks.
struct Clients {
    bot: Client,
    user: Client,
    /// The address that is asked.
    to: String,
    /// What is told apart by its number.
    next_id: u64,
    in_flight: HashSet<u64>,
    /// Used again for every event.
    out: Vec<u8>,
    ready: Vec<usize>,
}

/// The tokens of the poller.
const BOT_TOKEN: usize = 0;
const USER_TOKEN: usize = 1;

/// What has come for the client that asks.
#[derive(Default)]
struct Answers {
    results: usize,
    /// The last error, as it came.
    error: Option<String>,
}

impl Clients {
    fn login(address: SocketAddr, to: String) -> Result<Self, Error> {
        let mut bot = Client::login(address, BOT)?;
        bot.send("<presence/>")?;
        let user = Client::login(address, USER)?;
        Ok(Self {
            bot,
            user,
            to,
            next_id: 0,
            in_flight: HashSet::new(),
            out: Vec::new(),
            ready: Vec::new(),
        })
    }

    /// It stays in its thread.
    fn poller(&self) -> Result<Poller, Error> {
        let poller = Poller::new().map_err(client_error)?;
        for (client, token) in [(&self.bot, BOT_TOKEN), (&self.user, USER_TOKEN)] {
            poller.add(&client.socket, token).map_err(client_error)?;
        }
        Ok(poller)
    }

    /// Asks one request after the other until there is a result.
    fn find_way(&mut self) -> Result<(), Error> {
        let mut poller = self.poller()?;
        let deadline = Instant::now() + WAY_TIME;
        loop {
            self.send(1)?;
            let mut answers = Answers::default();
            while !self.in_flight.is_empty() {
                self.step(&mut poller, &mut answers)?;
                if Instant::now() > deadline {
                    return Err(Error::Stalled);
                }
            }
            match answers.error {
                None => return Ok(()),
                Some(error) if Instant::now() > deadline => return Err(Error::Refused(error)),
                Some(_) => thread::sleep(WAY_INTERVAL),
            }
        }
    }

    /// Keeps the window full until the meter says stop; all that is asked then is answered.
    fn ask(&mut self, meter: &Meter) -> Result<(), Error> {
        let mut poller = self.poller()?;
        let mut progress = Progress::new();
        self.send(WINDOW)?;
        while !self.in_flight.is_empty() {
            let mut answers = Answers::default();
            let moved = self.step(&mut poller, &mut answers)?;
            progress.check(moved)?;
            if let Some(error) = answers.error {
                return Err(Error::Refused(error));
            }
            meter.add(answers.results as u64);
            if !meter.is_stopped() {
                self.send(answers.results)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, count: usize) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        self.out.clear();
        for _ in 0..count {
            let (id, to) = (self.next_id, &self.to);
            let request =
                format!("<iq type='get' id='{id}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>");
            self.out.extend_from_slice(request.as_bytes());
            self.in_flight.insert(id);
            self.next_id += 1;
        }
        self.user.send(&self.out)
    }

    /// Handles what has come, and waits for it a little; whether something has.
    fn step(&mut self, poller: &mut Poller, answers: &mut Answers) -> Result<bool, Error> {
        self.ready.clear();
        poller
            .wait(&mut self.ready, Duration::from_millis(100))
            .map_err(client_error)?;
        for index in 0..self.ready.len() {
            match self.ready[index] {
                BOT_TOKEN => self.answer()?,
                _ => self.take_answers(answers)?,
            }
        }
        Ok(!self.ready.is_empty())
    }

    fn answer(&mut self) -> Result<(), Error> {
        let out = &mut self.out;
        out.clear();
        self.bot.receive(|stanza| {
            match (stanza.tag().name(), stanza.type_name()) {
                ("iq", "get" | "set") => stanza.question().reply(Reply::Result(""), out),
                ("presence", "subscribe") => {
                    let from = stanza.from.as_deref().unwrap_or_default();
                    let approval = format!("<presence type='subscribed' to='{from}'/>");
                    out.extend_from_slice(approval.as_bytes());
                }
                _ => {}
            }
            Ok(())
        })?;
        self.bot.send(&self.out)
    }

    fn take_answers(&mut self, answers: &mut Answers) -> Result<(), Error> {
        let Self {
            user,
            in_flight,
            to,
            ..
        } = self;
        user.receive(|stanza| {
            let (name, kind) = (stanza.tag().name(), stanza.type_name());
            if name != "iq" || !matches!(kind, "error" | "result") {
                return Ok(());
            }
            if stanza.from.as_deref() != Some(to) || !in_flight.remove(&number(stanza)) {
                return Err(Error::WrongAnswer);
            }
            match kind {
                "result" => answers.results += 1,
                _ => answers.error = Some(stanza.raw().to_owned()),
            }
            Ok(())
        })
    }
}

/// The id of a request; one that no request has if it is no number.
fn number(stanza: &Stanza<'_>) -> u64 {
    let id = stanza.id.as_deref().and_then(|id| id.parse().ok());
    id.unwrap_or(u64::MAX)
}
