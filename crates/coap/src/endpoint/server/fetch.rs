//! Requests for further blocks of a body.

use std::time::Instant;

use super::{
    Server,
    incoming::{Incoming, may_be_same},
    open::{answer, refuse, tell},
    snapshots::Flying,
};
use crate::{
    BlockValue, Message, OptionNumber, Token, Type,
    endpoint::{
        link::{Content, Link},
        outbox::{Purpose, SnapshotId},
        received::{MessageKey, Received, Reply},
        refusal::Refusal,
    },
};

impl Server {
    /// A request for a later block, which is never processed as a request of its own: the body it belongs to is here,
    /// or the answer is 4.08. It is remembered only where the body is a state that is to be delivered: a late repetition
    /// must not be taken for a request for a block of the next state. Answering others again is without effect.
    pub(super) fn fetch(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
        request: &Incoming<'_>,
        block: BlockValue,
    ) {
        let asker = request.asker();
        let Some(snapshot) = self.snapshots.find(block, request, &link.config) else {
            let options = request.options.clone();
            tell(link, asker, options, Some(Refusal::MissingBlocks));
            refuse(link, asker, Refusal::MissingBlocks);
            return;
        };
        let id = snapshot.id;
        let cut = snapshot.later(now, block);
        // Only the acknowledgement of the last block says that a state was delivered.
        if snapshot.observation.is_some() && !cut.value.more {
            // Without room to remember it, it may come to be taken for another one, which costs a delivery.
            let _ = received.insert_passing(now, asker.key, &link.config);
            if asker.confirmable {
                received.set_reply(asker.key, Reply::Acknowledgement, &link.config);
                link.send_empty(Type::Acknowledgement, asker.key.id());
            }
            return self.send_block(now, link, id, block, asker.token);
        }
        let options = snapshot.block_options(&cut);
        let content = Content {
            code: snapshot.code,
            token: asker.token,
            options: &options,
            payload: &cut.payload,
        };
        let is_state = snapshot.observation.is_some();
        let datagram = answer(link, asker, content);
        if is_state
            && received
                .insert_passing(now, asker.key, &link.config)
                .is_ok()
            && let Some(datagram) = datagram
        {
            received.set_reply(asker.key, Reply::Datagram(datagram), &link.config);
        }
    }

    /// The Go library asks for the rest of a notification in its acknowledgement: type ACK, code GET, a token of its
    /// own. The block goes out as a confirmable message, and its acknowledgement asks for the next one.
    pub(in crate::endpoint) fn handle_acknowledging_request(
        &mut self,
        now: Instant,
        link: &mut Link,
        message: &Message<'_>,
        acknowledged: Option<SnapshotId>,
    ) {
        let key = MessageKey::new(message.header.id, &[]);
        let Ok(request) = Incoming::read(message, key, false, &link.config) else {
            return;
        };
        let Some(block) = request.block2.filter(|block| block.number > 0) else {
            return;
        };
        let snapshot = match acknowledged {
            Some(id) => self.snapshots.get(id),
            None => self.snapshots.find(block, &request, &link.config),
        };
        let owner = request.owner(&link.config);
        let snapshot = snapshot.filter(|snapshot| {
            block.offset() < snapshot.body.len() && may_be_same(snapshot.known_by.owner, owner)
        });
        if let Some(id) = snapshot.map(|snapshot| snapshot.id) {
            self.send_block(now, link, id, block, request.token);
        }
    }

    /// Sends a block as a confirmable message, unless this very one is on its way.
    fn send_block(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: SnapshotId,
        asked: BlockValue,
        token: Token,
    ) {
        let Some(snapshot) = self.snapshots.get(id) else {
            return;
        };
        let cut = snapshot.later(now, asked);
        if let Some(flying) = snapshot.flying {
            let same = (flying.offset, flying.token) == (cut.offset, token);
            if same && link.holds(flying.message) {
                return;
            }
            link.withdraw(Some(flying.message));
        }
        let mut options = snapshot.block_options(&cut);
        if cut.value.more {
            options.set_uint(OptionNumber::SIZE2, snapshot.body.len() as u64);
        }
        let content = Content {
            code: snapshot.code,
            token,
            options: &options,
            payload: &cut.payload,
        };
        snapshot.flying = Some(Flying {
            message: link.confirmable(content, Purpose::Block(id)),
            offset: cut.offset,
            token,
            last: !cut.value.more,
        });
    }
}
