//! One request, from the first datagram to the last.

use std::{
    io,
    time::{Duration, Instant},
};

use vestibule_coap::endpoint::{Acknowledge, Event, Request, RequestId, Response};

use super::{
    association::Opened,
    conversation::{Conversation, Step},
    output::Output,
    report::Outcome,
    trouble::Trouble,
    writer::Unwritten,
};

/// What is asked for.
#[derive(Debug)]
pub(super) enum Wish {
    /// A sign of life.
    Ping,
    /// An answer.
    Answer(Request),
    /// All states, or so many.
    States(Request, Option<u64>),
}

/// How it has ended.
#[derive(Debug)]
pub(super) enum End {
    /// With what was asked for, or with an answer that says why not.
    Answered,
    /// After this time there was a sign of life.
    Pong(Duration),
    /// A body could not be written.
    Unwritten(io::Error),
}

/// How long a silent observation may be before the server is asked whether it is still there. NATs that
/// forget sooner are rare.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long the server may take to take note that an observation is over.
const DEREGISTRATION: Duration = Duration::from_secs(2);

/// How long a handshake goes on after an alert that has no protection.
const AFTER_ALERT: Duration = Duration::from_secs(3);

/// How often it is looked for what does not announce itself.
const GLANCE: Duration = Duration::from_millis(20);

/// Waits until the association is open. A server that says nothing at all is given `silence` only.
///
/// # Errors
/// It does not open.
pub(super) fn open(
    conversation: &mut Conversation<'_>,
    silence: Duration,
    whole: Duration,
) -> Result<Option<Opened>, Trouble> {
    let start = Instant::now();
    loop {
        let has_heard = conversation.has_heard();
        let end = start + if has_heard { whole } else { silence.min(whole) };
        // Anybody may have sent it, but a server that did not would go on in this time.
        let given_up = conversation.alert().map(|at| at + AFTER_ALERT);
        let end = given_up.map_or(end, |given_up| given_up.min(end));
        match conversation.next(Some(end.min(Instant::now() + GLANCE)))? {
            Step::Open(opened) => return Ok(opened),
            Step::Interrupted => return Err(Trouble::Interrupted),
            Step::Due if end <= Instant::now() => {
                let heard = has_heard.then(|| conversation.last_heard());
                let time = start.elapsed();
                return Err(Trouble::Handshake(conversation.remote, time, heard));
            }
            Step::Due | Step::Event(_) => {}
        }
    }
}

/// Asks for a sign of life; how long it took.
///
/// # Errors
/// There is none.
pub(super) fn ping(
    conversation: &mut Conversation<'_>,
    until: Option<Instant>,
) -> Result<Duration, Trouble> {
    conversation.endpoint.ping(Instant::now());
    loop {
        match conversation.next(until)? {
            Step::Event(Event::Pong(time)) => return Ok(time),
            Step::Event(Event::PingFailed) | Step::Due => {
                return Err(Trouble::Silent(conversation.last_heard()));
            }
            Step::Interrupted => return Err(Trouble::Interrupted),
            _ => {}
        }
    }
}

/// Does what is asked for, until `until`.
///
/// # Errors
/// There is no answer.
pub(super) fn fulfil(
    conversation: &mut Conversation<'_>,
    wish: Wish,
    until: Option<Instant>,
    output: &mut Output<'_>,
    outcome: &mut Outcome,
) -> Result<End, Trouble> {
    match wish {
        Wish::Ping => ping(conversation, until).map(End::Pong),
        Wish::Answer(request) => answer(conversation, request, until, output, outcome),
        Wish::States(request, count) => {
            let id = conversation
                .endpoint
                .observe(Instant::now(), request, Acknowledge::AtOnce);
            let id = id.map_err(Trouble::Unsendable)?;
            states(conversation, id, count, until, output, outcome)
        }
    }
}

fn answer(
    conversation: &mut Conversation<'_>,
    request: Request,
    until: Option<Instant>,
    output: &mut Output<'_>,
    outcome: &mut Outcome,
) -> Result<End, Trouble> {
    let id = conversation.endpoint.request(Instant::now(), request);
    id.map_err(Trouble::Unsendable)?;
    loop {
        match conversation.next(until)? {
            Step::Event(Event::Response { response, .. }) => {
                return match written(output, outcome, response) {
                    Ok(()) => Ok(End::Answered),
                    Err(unwritten) => unfinished(unwritten),
                };
            }
            step => ends(conversation, &step)?,
        }
    }
}

fn states(
    conversation: &mut Conversation<'_>,
    id: RequestId,
    count: Option<u64>,
    until: Option<Instant>,
    output: &mut Output<'_>,
    outcome: &mut Outcome,
) -> Result<End, Trouble> {
    let mut silent_until = None;
    loop {
        let wake = [until, silent_until].into_iter().flatten().min();
        let (response, goes_on) = match conversation.next(wake)? {
            Step::Event(Event::Response {
                response, observed, ..
            }) => {
                // The first answer of the Go proxy is empty.
                if observed && response.payload.is_empty() {
                    conversation.note(|| "registered; there is no state yet".to_owned());
                    outcome.response = Some(response);
                    silent_until = Some(Instant::now() + KEEP_ALIVE);
                    continue;
                }
                (response, observed)
            }
            Step::Event(Event::Notification { response, .. }) => (response, true),
            Step::Event(Event::ObservationRefused { response, .. }) => (response, false),
            Step::Event(Event::Pong(_)) => {
                silent_until = Some(Instant::now() + KEEP_ALIVE);
                continue;
            }
            Step::Event(Event::PingFailed) => {
                return Err(Trouble::Silent(conversation.last_heard()));
            }
            Step::Interrupted => {
                deregister(conversation, id);
                return match outcome.response {
                    Some(_) => Ok(End::Answered),
                    None => Err(Trouble::Interrupted),
                };
            }
            Step::Due if until.is_none_or(|until| Instant::now() < until) => {
                conversation.endpoint.ping(Instant::now());
                silent_until = None;
                continue;
            }
            // With a limit of time this is how it is to end, if there was an answer.
            Step::Due if outcome.response.is_some() => {
                deregister(conversation, id);
                return Ok(End::Answered);
            }
            step => {
                ends(conversation, &step)?;
                continue;
            }
        };
        let is_success = response.code.is_success();
        if let Err(unwritten) = written(output, outcome, response) {
            deregister(conversation, id);
            return unfinished(unwritten);
        }
        let is_enough = count.is_some_and(|count| outcome.states >= count);
        match (goes_on, is_enough) {
            (true, true) => deregister(conversation, id),
            (true, false) => {
                silent_until = Some(Instant::now() + KEEP_ALIVE);
                continue;
            }
            (false, false) if is_success => return Err(Trouble::NotObserved),
            (false, _) => {}
        }
        return Ok(End::Answered);
    }
}

/// Writes an answer, and keeps it for the report.
fn written(
    output: &mut Output<'_>,
    outcome: &mut Outcome,
    response: Response,
) -> Result<(), Unwritten> {
    outcome.states += 1;
    let result = output.write(&response);
    outcome.response = Some(response);
    result
}

/// How it ends when an answer was not written.
fn unfinished(unwritten: Unwritten) -> Result<End, Trouble> {
    match unwritten {
        Unwritten::Failed(error) => Ok(End::Unwritten(error)),
        Unwritten::Stalled(stall) => Err(Trouble::Stalled(stall)),
    }
}

/// What ends any wait.
fn ends(conversation: &Conversation<'_>, step: &Step) -> Result<(), Trouble> {
    match step {
        Step::Due => Err(Trouble::TimeUp(conversation.last_heard())),
        Step::Interrupted => Err(Trouble::Interrupted),
        Step::Event(Event::RequestFailed(_, failure)) => {
            Err(Trouble::Failed(*failure, conversation.last_heard()))
        }
        Step::Event(_) | Step::Open(_) => Ok(()),
    }
}

/// Tells the server that nothing is observed any more, and waits a little until it has taken note.
/// A signal ends the wait.
fn deregister(conversation: &mut Conversation<'_>, id: RequestId) {
    let start = Instant::now();
    let until = start + DEREGISTRATION.max(conversation.endpoint.path_timeout());
    conversation.endpoint.cancel(start, id);
    while conversation.endpoint.footprint().requests > 0 {
        // That it has taken note is no event.
        let wake = until.min(Instant::now() + GLANCE);
        match conversation.next(Some(wake)) {
            Ok(Step::Due) if Instant::now() < until => {}
            Ok(Step::Event(_) | Step::Open(_)) => {}
            // Whatever is the matter with the server, there is nothing to be said to it any more.
            Ok(Step::Due | Step::Interrupted) | Err(_) => return,
        }
    }
}
