mod ledger;
mod plan;

use std::time::{Duration, Instant};

use self::ledger::Ledger;
use self::plan::Plan;
use super::{HEADER, oracle};
use crate::component::{Component, Settings};
use crate::framer::{Frame, Framer};
use crate::jid;
use crate::stanza::{Kind, Stanza};
use crate::token::{Key, Tokens};

const DOMAIN: &str = "p.example";
const TARGETS: [&str; 2] = ["bot@b.example", "b@p.b.example"];
const USERS: [&str; 4] = [
    "user@a.example/abc",
    "user@a.example/<&'>",
    "c.example",
    "bot@b.example/r1",
];

/// A timer that is due again at once, so often, never ends.
const MANY: usize = 10_000;

/// Takes `input` as a plan of what happens to a component: settings, then stanzas, the link and
/// time. What it sends is well-formed and its own to send, it answers nothing twice and no answers,
/// and in the end all who have asked have their answers and nothing is kept.
///
/// # Panics
///
/// If something does not hold.
pub fn check_component(input: &[u8]) {
    let mut plan = Plan::new(input);
    let settings = plan.settings();
    let tokens = Tokens::new(DOMAIN, &[Key::new([1; 32])]);
    let mut course = Course {
        is_roomy: settings.max_stanza > 100_000,
        component: Component::new(settings, tokens, [7; 32]),
        now: Instant::now(),
        is_linked: false,
        asked: Vec::new(),
        ledger: Ledger::default(),
    };
    course.establish();
    while !plan.is_empty() {
        course.step(&mut plan);
    }
    course.end(plan.is_odd());
}

/// A component and what has happened to it.
struct Course {
    component: Component,
    now: Instant,
    is_linked: bool,
    /// What resources were asked, as it was sent, the latest last.
    asked: Vec<String>,
    ledger: Ledger,
    /// No answer is too large to be sent.
    is_roomy: bool,
}

impl Course {
    fn step(&mut self, plan: &mut Plan<'_>) {
        match plan.byte() % 16 {
            0 => self.lose(),
            1 => self.establish(),
            2 => self.pass(Duration::from_millis(125) * u32::from(plan.byte())),
            3 | 4 => self.hand_over(&plan.presence()),
            5 => self.hand_over(&plan.subscription()),
            6..=8 => {
                let request = plan.request(&self.asked);
                self.hand_over(&request);
            }
            9..=11 => {
                if let Some(answer) = plan.answer(&self.asked) {
                    self.hand_over(&answer);
                }
            }
            12 => self.hand_over(&plan.other()),
            13 => {
                let raw = plan.raw();
                self.hand_over(raw);
            }
            14 => {
                let request = plan.request(&self.asked);
                self.hand_over_too_large(&request);
            }
            _ => self.reconfigure(plan.settings()),
        }
    }

    /// Time goes on until nothing can wait any longer, or the process ends.
    fn end(&mut self, is_stopped: bool) {
        self.establish();
        if is_stopped {
            self.component.handle_leaving();
            self.component.handle_stopped(self.now);
            self.take_output();
        } else {
            self.pass(Duration::from_secs(120));
        }
        assert_eq!(self.component.pending(), 0);
        let mut resources = self.component.resources();
        assert!(resources.all(|resource| resource.outstanding == 0));
        if self.is_roomy {
            self.ledger.check_all_answered();
        }
    }

    fn establish(&mut self) {
        if !self.is_linked {
            self.is_linked = true;
            self.component.handle_established(self.now);
            self.take_output();
        }
    }

    fn lose(&mut self) {
        if self.is_linked {
            self.is_linked = false;
            self.component.handle_lost(self.now);
            let mut out = Vec::new();
            self.component.take_output(&mut out);
            assert!(out.is_empty(), "there is no link");
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut count = 0;
        while let Some(due) = self.component.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.component.handle_timeout(self.now);
            self.take_output();
            count += 1;
            assert!(count < MANY, "a timer is due for ever");
        }
        self.now = until;
    }

    fn reconfigure(&mut self, settings: Settings) {
        self.is_roomy &= settings.max_stanza > 100_000;
        let tokens = Tokens::new(DOMAIN, &[Key::new([2; 32]), Key::new([1; 32])]);
        self.component.reconfigure(self.now, settings, tokens);
        self.take_output();
    }

    /// Hands over the stanzas in `text`, those that a server could have written.
    fn hand_over(&mut self, text: &str) {
        if !self.is_linked {
            return;
        }
        let mut framer = framer();
        framer.receive(text.as_bytes());
        while let Ok(Some(Frame::Stanza(raw))) = framer.next_frame() {
            if oracle::element(raw).is_none() {
                return;
            }
            let stanza = Stanza::parse(raw).expect("rxml has read it");
            self.ledger.ask(&stanza);
            self.component.handle_stanza(self.now, &stanza);
            self.take_output();
        }
    }

    fn hand_over_too_large(&mut self, text: &str) {
        if self.is_linked {
            let stanza = Stanza::parse(text).ok();
            if let Some(stanza) = &stanza {
                self.ledger.ask(stanza);
            }
            self.component.handle_too_large(self.now, stanza.as_ref());
            self.component.handle_too_large(self.now, None);
            self.take_output();
        }
    }

    /// Looks at all that is sent.
    fn take_output(&mut self) {
        while self.component.poll_event().is_some() {}
        assert!(self.component.targets().count() <= TARGETS.len());
        let mut out = Vec::new();
        self.component.take_output(&mut out);
        assert!(self.is_linked || out.is_empty(), "there is no link");
        let mut framer = framer();
        framer.receive(&out);
        let mut len = 0;
        while let Some(frame) = framer.next_frame().expect("well-formed") {
            let Frame::Stanza(raw) = frame else {
                panic!("{frame:?} is sent");
            };
            len += raw.len();
            assert!(oracle::element(raw).is_some(), "not well-formed: {raw}");
            self.check_sent(raw);
        }
        assert_eq!(len, out.len(), "half a stanza is sent");
    }

    fn check_sent(&mut self, raw: &str) {
        let stanza = Stanza::parse(raw).expect("well-formed");
        let from = stanza.from.as_deref().expect("from");
        let to = stanza.to.as_deref().expect("to");
        assert_eq!(jid::domain(from), DOMAIN, "{raw}");
        match (stanza.kind, stanza.type_name()) {
            (Kind::Iq | Kind::Message | Kind::Presence, "error") | (Kind::Iq, "result") => {
                self.ledger.answer(&stanza);
            }
            (Kind::Iq, "get" | "set") => {
                assert!(TARGETS.contains(&jid::bare(to)), "{raw}");
                self.asked.push(raw.to_owned());
            }
            (Kind::Presence, _) => assert!(TARGETS.contains(&jid::bare(to)), "{raw}"),
            _ => panic!("{raw} is sent"),
        }
    }
}

fn framer() -> Framer {
    let mut framer = Framer::new(1 << 20);
    framer.receive(HEADER.as_bytes());
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::Header(_)))));
    framer
}
