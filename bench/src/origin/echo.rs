use super::{Next, Serve};

/// Sends back what it gets. Messages are short, so that a write never has to wait.
pub(super) struct Connection;

impl Serve for Connection {
    fn handle_bytes(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Next {
        answer.extend_from_slice(received);
        Next::KeepOpen
    }
}
