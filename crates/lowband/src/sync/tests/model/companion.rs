//! Between the path and the client: a receiver, and the calls of the client.

use super::*;

pub(super) struct Companion {
    receiver: Receiver,
    registration: Option<(RegistrationId, Registration)>,
    call: Option<CallId>,
    next_call: Duration,
}

impl Companion {
    /// When something is to be done.
    pub(super) fn due(&self, start: Instant) -> Option<Duration> {
        let timer = self.receiver.poll_timeout();
        let timer = timer.map(|due| due.saturating_duration_since(start));
        let call = self.call.is_none().then_some(self.next_call);
        [timer, call].into_iter().flatten().min()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.registration.is_none()
    }

    /// The `since` of the register that is to be sent.
    pub(super) fn since(&self) -> Option<String> {
        let (_, registration) = self.registration.as_ref()?;
        registration.since().map(str::to_owned)
    }

    /// The client restarts, with or without the companion.
    pub(super) fn restart(&mut self, now: Duration, random: &mut SmallRng) {
        if random.random() {
            *self = Self::default();
        }
        if let Some(call) = self.call.take() {
            self.receiver.handle_gone(call);
        }
        self.next_call = now;
    }
}

impl Default for Companion {
    fn default() -> Self {
        // Room for little, so that it is full now and then.
        let settings = ReceiverSettings {
            idle: Duration::from_secs(60),
            max_bodies: 2,
            ..ReceiverSettings::default()
        };
        Self {
            receiver: Receiver::new(settings, 7),
            registration: None,
            call: None,
            next_call: Duration::ZERO,
        }
    }
}

impl World {
    /// The companion takes a message, an error where there is no body. Whether it is acknowledged.
    pub(super) fn hand_over(&mut self, body: Option<&Body>) -> bool {
        let now = self.start + self.now;
        let Some(companion) = &mut self.companion else {
            return false;
        };
        let Some((id, _)) = companion.registration else {
            return false;
        };
        let receipt = match body {
            Some(body) => companion.receiver.handle_body(now, id, body.clone()),
            None => {
                let refusal = Refusal {
                    status: 500,
                    retry_after: None,
                    body: "{}".into(),
                };
                companion.receiver.handle_refused(id, &refusal);
                Receipt::Reject
            }
        };
        if receipt == Receipt::Reject {
            companion.registration = None;
        }
        receipt == Receipt::Acknowledge
    }

    /// The register was not answered, or nothing was heard for too long.
    pub(super) fn lose(&mut self) {
        let now = self.start + self.now;
        if let Some(companion) = &mut self.companion
            && let Some((id, _)) = companion.registration.take()
        {
            companion.receiver.handle_lost(now, id);
        }
    }

    /// The companion does what is due, and the client calls.
    pub(super) fn drive_companion(&mut self) {
        let now = self.start + self.now;
        let Some(companion) = &mut self.companion else {
            return;
        };
        if companion
            .receiver
            .poll_timeout()
            .is_some_and(|due| due <= now)
        {
            companion.receiver.handle_timeout(now);
        }
        if companion.call.is_none() && companion.next_call <= self.now {
            let since = self.client.state.since.as_ref();
            let since = since.map(|since| format!("since={since}"));
            let registration = Registration::from_query(since.as_deref());
            let timeout = Duration::from_secs(30);
            companion.call = Some(companion.receiver.handle_call(now, registration, timeout));
        }
        while let Some(action) = self
            .companion
            .as_mut()
            .and_then(|companion| companion.receiver.poll_action())
        {
            self.act_for_client(action);
        }
    }

    fn act_for_client(&mut self, action: ReceiverAction) {
        let is_healed = self.is_healed();
        let Some(companion) = &mut self.companion else {
            return;
        };
        match action {
            ReceiverAction::Register { id, registration } => {
                companion.registration = Some((id, registration));
                self.begin(0);
            }
            ReceiverAction::Cancel(id) => {
                companion.registration.take_if(|(active, _)| *active == id);
            }
            ReceiverAction::Answer { call, .. } | ReceiverAction::Refuse { call, .. }
                if companion.call != Some(call) => {}
            ReceiverAction::Answer { body, .. } => {
                let wait = match self.random.random_range(0..8) {
                    0 if !is_healed => self.random.random_range(0..100_000),
                    _ => self.random.random_range(0..2_000),
                };
                companion.call = None;
                companion.next_call = self.now + Duration::from_millis(wait);
                // The answer may be lost as well, as far as the client can tell.
                if is_healed || !self.random.random_ratio(1, 16) {
                    self.client.take(&body, self.dropped > 0);
                }
            }
            ReceiverAction::Refuse { .. } => {
                companion.call = None;
                companion.next_call = self.now + Duration::from_secs(5);
            }
        }
    }
}
