use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::Refusal;
use crate::{
    server::{Present, Shared},
    state::{Room, State},
};

/// Longest wait for news.
const LONGEST: Duration = Duration::from_secs(600);

/// Looks for news of a user, again whenever there may be some, until there are or the time is over.
/// `look` gets whether it is the last time.
pub(super) async fn wait<T>(
    shared: &Shared,
    user: &str,
    timeout: Duration,
    mut look: impl FnMut(&mut State, bool) -> Result<Option<T>, Refusal>,
) -> Result<Option<T>, Refusal> {
    let end = Instant::now() + timeout.min(LONGEST);
    let known = shared.state().user(user).map(|user| Arc::clone(&user.news));
    let known = known.ok_or(Refusal::UnknownToken)?;
    let mut waiting = None;
    loop {
        // From here on no news are missed, from whatever thread they come.
        let mut news = pin!(known.notified());
        news.as_mut().enable();
        let is_last = Instant::now() >= end;
        let (found, next) = {
            let mut state = shared.state();
            let next = expire(&mut state, user);
            (look(&mut state, is_last)?, next)
        };
        if found.is_some() || is_last {
            return Ok(found);
        }
        waiting.get_or_insert_with(|| Waiting::new(shared, user));
        let _ = timeout_at(next.map_or(end, |next| next.min(end)), news).await;
    }
}

/// Forgets those who do not type any more in rooms of this user, and says when to look again.
fn expire(state: &mut State, user: &str) -> Option<Instant> {
    let known = state.user(user)?;
    let of = |room: &str| Some((room.to_owned(), state.room(room)?.typing_until()?));
    let typing: Vec<_> = known.joined().filter_map(of).collect();
    for (room, _) in &typing {
        state.expire_typing(room);
    }
    let rooms = typing.iter().filter_map(|(room, _)| state.room(room));
    rooms.filter_map(Room::typing_until).min().map(Into::into)
}

/// A sync that waits, counted.
struct Waiting<'a> {
    shared: &'a Shared,
    user: String,
    _present: Present<'a>,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared, user: &str) -> Self {
        if let Some(user) = shared.state().user_mut(user) {
            user.waiting += 1;
        }
        Self {
            shared,
            user: user.to_owned(),
            _present: Present::new(&shared.counters.waiting),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(user) = self.shared.state().user_mut(&self.user) {
            user.waiting -= 1;
        }
    }
}
