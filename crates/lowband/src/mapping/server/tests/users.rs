//! Several users of one association, whose requests overtake each other.

use proptest::prelude::*;

use super::super::tokens::{Carried, Tokens};
use super::*;

/// A request as a client written in Go sends it: it says its token where that is another one than that of the
/// request before, and where there is none.
#[derive(Clone, Debug)]
struct Asked {
    user: Option<&'static str>,
    /// The request that has said the token of this one: itself, or an earlier one.
    said_by: usize,
    /// 0 for what says something and is a register.
    id: u16,
    /// How many others may overtake it.
    delay: usize,
}

fn requests() -> impl Strategy<Value = Vec<Asked>> {
    let user = prop::sample::select(vec![None, Some("a"), Some("a"), Some("b"), Some("c")]);
    let one = (user, 0..6_usize, prop::bool::weighted(0.1));
    let first_id = prop::sample::select(vec![1_u16, 200, u16::MAX - 20]);
    (prop::collection::vec(one, 1..60), first_id).prop_map(|(rolled, first_id)| {
        let mut requests: Vec<Asked> = Vec::new();
        for (at, (user, delay, is_register)) in rolled.into_iter().enumerate() {
            let before = requests.last();
            let is_silent = user.is_some() && before.is_some_and(|before| before.user == user);
            let said_by = match before {
                Some(before) if is_silent => before.said_by,
                _ => at,
            };
            // 0 is left out.
            let id = first_id.checked_add(at as u16);
            let id = id.unwrap_or_else(|| first_id.wrapping_add(at as u16 + 1));
            requests.push(Asked {
                user,
                said_by,
                id: if is_register && !is_silent { 0 } else { id },
                delay,
            });
        }
        requests
    })
}

/// The order of arrival. A request does not overtake the one that has said its token: it could not be known then.
fn arrivals(requests: &[Asked]) -> Vec<usize> {
    let place = |at: usize| at + requests[at].delay;
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|&at| (place(at).max(place(requests[at].said_by)), at));
    order
}

proptest! {
    #[test]
    fn nobody_has_the_token_of_another_user(requests in requests()) {
        let mut tokens = Tokens::default();
        let now = Instant::now();
        for at in arrivals(&requests) {
            let Asked { user, said_by, id, .. } = requests[at];
            let token = user.map(|user| Token::parse(user.as_bytes()).unwrap().unwrap());
            let carried = match &token {
                _ if said_by != at => Carried::Nothing,
                Some(token) => Carried::Token(token.clone()),
                None => Carried::Anonymous,
            };
            if let Ok(found) = tokens.carry(carried, id, now) {
                prop_assert_eq!(found, token, "request {}", at);
            }
        }
    }
}
