use super::*;

/// A stack that panics when it is told to.
struct Fragile;

/// A session of it.
struct Shaky;

impl Accept for Fragile {
    fn handle_hello(
        &mut self,
        _: Instant,
        _: SocketAddr,
        record: &[u8],
        _: ConnectionId,
        _: bool,
    ) -> Answer {
        assert_ne!(record, b"panic", "as it was told to");
        Answer::Session(Box::new(Shaky))
    }
}

impl Session for Shaky {
    fn handle_record(&mut self, _: Instant, record: &[u8]) -> Result<(), Fault> {
        assert_ne!(record, b"panic", "as it was told to");
        Ok(())
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, _: usize) -> bool {
        out.push(1);
        true
    }

    fn receive(&mut self, _: &mut Vec<u8>) -> usize {
        0
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        assert_ne!(payload, b"panic", "as it was told to");
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(Instant::now())
    }

    fn handle_timeout(&mut self, _: Instant) {
        panic!("as it was told to");
    }

    fn is_established(&self) -> bool {
        true
    }

    fn is_newest(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        false
    }

    fn close(&mut self) {}

    fn is_closed_by_peer(&self) -> bool {
        false
    }

    fn connection_id(&self) -> Option<&[u8]> {
        None
    }

    fn overhead(&self) -> usize {
        0
    }

    fn export(&self, _: &[u8], _: &[u8], _: &mut [u8]) -> bool {
        false
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        &[]
    }

    fn agreement(&self) -> Option<Agreement> {
        None
    }

    fn footprint(&self) -> usize {
        100
    }
}

fn accept() -> ContainedAccept {
    let bound = Bound {
        held: || 0,
        most: 1000,
    };
    ContainedAccept::new(Box::new(Fragile), bound)
}

fn hello(accept: &mut ContainedAccept, record: &[u8]) -> Answer {
    let from = ([192, 0, 2, 1], 9).into();
    accept.handle_hello(Instant::now(), from, record, [0; 4], false)
}

fn session() -> Box<dyn Session> {
    match hello(&mut accept(), b"hello") {
        Answer::Session(session) => session,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hello_that_a_stack_panics_at_is_not_answered() {
    let mut accept = accept();
    assert!(matches!(hello(&mut accept, b"panic"), Answer::Nothing));
    assert!(matches!(hello(&mut accept, b"hello"), Answer::Session(_)));
}

#[test]
fn a_session_that_has_panicked_is_over() {
    type Act = fn(&mut dyn Session);
    let acts: [Act; 3] = [
        |session| {
            let taken = session.handle_record(Instant::now(), b"panic");
            assert_eq!(taken, Err(Fault::Panicked));
        },
        |session| assert_eq!(session.send(b"panic"), Err(SendError::Closed)),
        |session| session.handle_timeout(Instant::now()),
    ];
    for act in acts {
        let mut session = session();
        assert!(!session.is_over());
        act(&mut *session);
        assert!(session.is_over());
        assert_eq!(session.poll_timeout(), None);
        assert!(!session.poll_transmit(&mut Vec::new(), 1200));
        assert_eq!(session.send(b"x"), Err(SendError::Closed));
        let taken = session.handle_record(Instant::now(), b"x");
        assert_eq!(taken, Err(Fault::Panicked));
    }
}

#[test]
fn a_session_that_has_not_is_as_it_was() {
    let mut session = session();
    assert_eq!(session.handle_record(Instant::now(), b"x"), Ok(()));
    assert_eq!(session.send(b"x"), Ok(()));
    assert!(session.poll_transmit(&mut Vec::new(), 1200));
    assert!(session.is_established());
    assert!(session.footprint() >= 100);
}
