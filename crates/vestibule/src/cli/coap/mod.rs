//! `vestibule coap`: a curl for CoAP over DTLS.

mod arguments;
mod association;
mod conversation;
mod exchange;
mod explain;
mod format;
mod header;
mod interrupt;
mod log;
mod meter;
mod output;
mod report;
mod request;
mod target;
mod trouble;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    io::ErrorKind,
    net::{SocketAddr, ToSocketAddrs},
    process::ExitCode,
    time::{Duration, Instant},
};

use vestibule_coap::{
    BlockSize,
    endpoint::{Config, Dialect, Tokens},
};

pub(super) use self::arguments::{Arguments, FLAGS};
use self::{
    association::{Association, Dtls, Opened, Plain},
    conversation::Conversation,
    exchange::{End, Wish},
    interrupt::{INTERRUPTED, Interrupt},
    log::Log,
    meter::Meter,
    output::Output,
    report::{Outcome, Report},
    target::Place,
    trouble::Trouble,
    writer::Stall,
};
use super::streams::{print, say};

/// The ports of RFC 7252 section 6, with and without DTLS.
const DEFAULT_PORTS: (u16, u16) = (5684, 5683);

/// How long an address may say nothing at all when there is another one.
const SILENCE: Duration = Duration::from_secs(5);

/// The largest body of an answer, in bytes.
const LARGEST_BODY: usize = 256 << 20;

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let wish = match request::wish(arguments) {
        Ok(wish) => wish,
        Err(message) => return super::fail(message),
    };
    let start = Instant::now();
    let mut log = Log::new(arguments.verbose, start);
    let mut meter = Meter::new(start);
    let mut outcome = Outcome::default();
    if let Wish::Answer(request) | Wish::States(request, _) = &wish {
        outcome.sent = request.payload.len();
    }
    let place = place(arguments);
    let result = resolve(place, arguments.plain()).and_then(|addresses| {
        log.note(Instant::now(), || {
            let found: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            format!("{place} is {}", found.join(", "))
        });
        perform(
            arguments,
            addresses,
            wish,
            &mut log,
            &mut meter,
            &mut outcome,
        )
    });
    let is_stalled = matches!(result, Err(Trouble::Stalled(_)));
    let code = finish(arguments, &outcome, result);
    let report = Report::new(&meter, &outcome, Instant::now());
    for line in report.summary() {
        log.note(Instant::now(), || line);
    }
    if arguments.json {
        say(report.json());
    }
    // Who does not take the body would not take this.
    let told = arguments.write_out.as_ref().filter(|_| !is_stalled);
    let told = told.map(|template| print(report.fill(template).as_bytes()));
    match told {
        Some(told) if told != ExitCode::SUCCESS => told,
        _ => code,
    }
}

/// Tries the addresses of the server one after the other, until there is somebody.
fn perform(
    arguments: &Arguments,
    addresses: Vec<SocketAddr>,
    wish: Wish,
    log: &mut Log,
    meter: &mut Meter,
    outcome: &mut Outcome,
) -> Result<End, Trouble> {
    let interrupt = Interrupt::new().map_err(Trouble::Threads)?;
    let until = arguments.max_time().map(|time| meter.start + time);
    let mut output = Output::new(arguments, &interrupt, until).map_err(Trouble::Threads)?;
    let mut rest = addresses.into_iter().peekable();
    while let Some(remote) = rest.next() {
        outcome.remote = Some(remote);
        log.forget();
        let attempt = Attempt {
            arguments,
            remote,
            is_last: rest.peek().is_none(),
            until,
        };
        let mut conversation = match attempt.begin(&interrupt, log, meter, outcome) {
            Ok(conversation) => conversation,
            Err(trouble) if trouble.is_of_address() && attempt.leaves_time_for_another() => {
                continue;
            }
            Err(trouble) => return Err(trouble),
        };
        let result = exchange::fulfil(&mut conversation, wish, until, &mut output, outcome);
        conversation.close();
        return result;
    }
    Err(Trouble::NoAddress(place(arguments).host.clone()))
}

/// One of the addresses of the server.
struct Attempt<'a> {
    arguments: &'a Arguments,
    remote: SocketAddr,
    /// Whether there is no other one to be tried.
    is_last: bool,
    until: Option<Instant>,
}

impl Attempt<'_> {
    /// Opens an association, or finds out without DTLS whether somebody is there.
    fn begin<'a>(
        &self,
        interrupt: &'a Interrupt,
        log: &'a mut Log,
        meter: &'a mut Meter,
        outcome: &mut Outcome,
    ) -> Result<Conversation<'a>, Trouble> {
        let association = self.association()?;
        let config = config(self.arguments);
        let mut conversation =
            Conversation::new(self.remote, association, config, interrupt, log, meter)?;
        match self.open(&mut conversation, outcome) {
            Ok(()) => Ok(conversation),
            Err(trouble) => {
                conversation.close();
                if !self.is_last {
                    conversation.note(|| trouble.to_string());
                }
                Err(trouble)
            }
        }
    }

    fn open(
        &self,
        conversation: &mut Conversation<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Trouble> {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = self.arguments.connect_timeout;
        let whole = left.map_or(timeout, |left| left.min(timeout));
        let silence = if self.is_last { whole } else { SILENCE };
        outcome.opened = exchange::open(conversation, silence, whole)?;
        match &outcome.opened {
            Some(opened) => conversation.note(|| about(opened)),
            // A request must not be sent to two addresses; a ping does no harm.
            None if !self.is_last => {
                exchange::ping(conversation, Some(Instant::now() + silence.min(whole)))?;
            }
            None => {}
        }
        Ok(())
    }

    fn leaves_time_for_another(&self) -> bool {
        !self.is_last && self.until.is_none_or(|until| Instant::now() < until)
    }

    fn association(&self) -> Result<Box<dyn Association>, Trouble> {
        if self.arguments.plain() {
            return Ok(Box::new(Plain::new()));
        }
        Ok(Box::new(Dtls::new(self.arguments, self.remote.port())?))
    }
}

/// Where datagrams go to.
fn place(arguments: &Arguments) -> &Place {
    arguments
        .connect
        .as_ref()
        .unwrap_or(&arguments.target.place)
}

/// The addresses of a place, as the system prefers them.
fn resolve(place: &Place, plain: bool) -> Result<Vec<SocketAddr>, Trouble> {
    let (with_dtls, without) = DEFAULT_PORTS;
    let port = place
        .port
        .unwrap_or(if plain { without } else { with_dtls });
    let found = (place.host.as_str(), port).to_socket_addrs();
    let found = found.map_err(|error| Trouble::Resolve(place.host.clone(), error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn config(arguments: &Arguments) -> Config {
    Config {
        block_size: arguments.block_size.unwrap_or(BlockSize::MAX),
        max_response_body: LARGEST_BODY,
        // Nothing else keeps somebody beside the path from answering.
        tokens: match arguments.plain() {
            true => Tokens::Random,
            false => Tokens::Counted,
        },
        dialect: match arguments.observe {
            true => Dialect::Go,
            false => Dialect::Standard,
        },
        // A peer that asks us is refused.
        max_exchanges: 0,
        ..Config::default()
    }
}

/// What was agreed on, for `-v`.
fn about(opened: &Opened) -> String {
    let agreement = &opened.agreement;
    let how = match agreement.resumed {
        true => "an earlier session was resumed",
        false => "full handshake",
    };
    let version = agreement.version.name();
    let suite = explain::suite(agreement.suite);
    let mut text = format!("DTLS {version}, {suite}, {how}");
    if let Some(digest) = &opened.fingerprint {
        text += &format!("; the certificate is sha256:{digest}");
    }
    text
}

/// Says how it has ended, and how the program is to end.
fn finish(arguments: &Arguments, outcome: &Outcome, result: Result<End, Trouble>) -> ExitCode {
    let trouble = match result {
        Ok(End::Answered) => return judged(arguments, outcome),
        Ok(End::Pong(time)) => {
            let place = place(arguments);
            return print(
                format!("{place}: pong in {:.1} ms\n", time.as_secs_f64() * 1e3).as_bytes(),
            );
        }
        Ok(End::Unwritten(error)) if error.kind() == ErrorKind::BrokenPipe => {
            return judged(arguments, outcome);
        }
        Ok(End::Unwritten(error)) => match arguments.output.as_deref() {
            Some(path) => {
                let name = super::printable::path(path);
                return super::fail(format_args!("cannot write {name}: {error}"));
            }
            None => return super::fail(format_args!("cannot write standard output: {error}")),
        },
        Err(trouble) => trouble,
    };
    if matches!(
        trouble,
        Trouble::Interrupted | Trouble::Stalled(Stall::Interrupted)
    ) {
        return ExitCode::from(INTERRUPTED);
    }
    let port_was_told = place(arguments).port.is_some();
    match trouble.is_absence() && !port_was_told {
        true => super::fail(format_args!(
            "{trouble}. No port was given; gateways of Matrix mostly have 8008"
        )),
        false => super::fail(trouble),
    }
}

/// A success if the answer is one. Else it says which code that had, unless that was shown with it.
fn judged(arguments: &Arguments, outcome: &Outcome) -> ExitCode {
    match &outcome.response {
        Some(response) if response.code.is_success() => ExitCode::SUCCESS,
        Some(response) if !arguments.include => super::fail(explain::named(response.code)),
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}
