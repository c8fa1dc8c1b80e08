use std::time::Duration;

use super::*;
use crate::endpoint::received::MessageKey;

struct Fixture {
    snapshots: Snapshots,
    config: Config,
    budget: Budget,
    now: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self {
            snapshots: Snapshots::default(),
            config: Config {
                max_snapshot_bytes: 1000,
                owner: |options| options.uint(OptionNumber(256)).map(Owner),
                sticky: vec![OptionNumber(256)],
                ..Config::default()
            },
            budget: Budget::new(1000),
            now: Instant::now(),
        }
    }

    fn keep(&mut self, token: u8, path: &str, length: usize) -> Result<SnapshotId, Refusal> {
        let request = request(token, path);
        let known_by = KnownBy {
            token: request.token,
            body_key: request.body_key(&self.config),
            path_key: request.path_key(),
            owner: request.owner(&self.config),
        };
        let body = (0..length).map(|at| at as u8).collect();
        let content = (known_by, Code::CONTENT, OptionList::new());
        let (config, budget) = (&self.config, &self.budget);
        let size = BlockSize::at_most(64);
        let kept = self
            .snapshots
            .keep(self.now, body, size, content, config, budget);
        kept.map(|(id, _)| id)
    }

    fn find(&mut self, token: u8, path: &str, offset: u32) -> Option<SnapshotId> {
        let request = request(token, path);
        let block = asked(offset / 16, BlockSize::MIN);
        let found = self.snapshots.find(block, &request, &self.config);
        found.map(|snapshot| snapshot.id)
    }
}

/// A request to a path, perhaps with a query behind it, and the number of its owner.
fn request(token: u8, path: &str) -> Incoming<'static> {
    let mut options = OptionList::new();
    let (path, owner) = path.split_once('@').unwrap_or((path, ""));
    if let Ok(owner) = owner.parse() {
        options.push_uint(OptionNumber(256), owner);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    options.push(OptionNumber::URI_PATH, path).unwrap();
    if !query.is_empty() {
        options.push(OptionNumber::URI_QUERY, query).unwrap();
    }
    Incoming {
        key: MessageKey::new(1, &[]),
        confirmable: true,
        code: Code::GET,
        token: Token::try_from(&[token][..]).unwrap(),
        options,
        payload: &[],
        block1: None,
        block2: None,
    }
}

fn asked(number: u32, size: BlockSize) -> BlockValue {
    BlockValue {
        number,
        more: true,
        size,
    }
}

#[test]
fn every_byte_can_be_asked_for_in_every_size() {
    let mut fixture = Fixture::new();
    let id = fixture.keep(1, "a", 200).unwrap();
    let now = fixture.now;
    let snapshot = fixture.snapshots.get(id).unwrap();
    for bytes in [16, 32, 64, 128, 1024] {
        let size = BlockSize::at_most(bytes);
        let mut body = snapshot.body.slice(..0).to_vec();
        while body.len() < 200 {
            // A larger size than that of the first block is not given.
            let step = bytes.min(64);
            let number = (body.len() / step) as u32;
            let block = snapshot.later(now, asked(number, BlockSize::at_most(step)));
            assert_eq!(block.offset, body.len());
            assert_eq!(block.value.more, body.len() + block.payload.len() < 200);
            body.extend_from_slice(&block.payload);
        }
        assert_eq!(body, snapshot.body);
        let block = snapshot.later(now, asked(0, size));
        assert_eq!(block.value.size, size.min(BlockSize::at_most(64)));
    }
}

#[test]
fn a_body_is_found_by_token_or_by_options() {
    let mut fixture = Fixture::new();
    let one = fixture.keep(1, "a?x=1", 200).ok();
    let two = fixture.keep(2, "a?x=2", 200).ok();
    assert_eq!(fixture.find(1, "a?x=1", 64), one);
    assert_eq!(fixture.find(1, "a", 64), one);
    assert_eq!(fixture.find(1, "b", 64), None);
    assert_eq!(fixture.find(1, "a?x=2", 64), two);
    assert_eq!(fixture.find(9, "a?x=1", 64), one);
    assert_eq!(fixture.find(9, "a?x=2", 64), two);
    assert_eq!(fixture.find(9, "a?x=3", 64), None);
    assert_eq!(fixture.find(9, "a", 64), None);
}

#[test]
fn a_body_is_for_its_owner() {
    let mut fixture = Fixture::new();
    let one = fixture.keep(1, "a@1", 200).ok();
    for (token, path) in [(1, "a@1"), (1, "a"), (9, "a@1"), (9, "a")] {
        assert_eq!(fixture.find(token, path, 64), one);
    }
    assert_eq!(fixture.find(1, "a@2", 64), None);
    assert_eq!(fixture.find(9, "a@2", 64), None);
    // Each has a token of its own for each block, as with libcoap.
    let two = fixture.keep(2, "a@2", 200).ok();
    assert_eq!(fixture.find(8, "a@1", 64), one);
    assert_eq!(fixture.find(9, "a@2", 64), two);
    // Nobody has said whose this is.
    let any = fixture.keep(3, "b", 200).ok();
    assert_eq!(fixture.find(9, "b@1", 64), any);
    fixture.snapshots.get(any.unwrap()).unwrap().known_by.owner = Some(Owner(2));
    assert_eq!(fixture.find(9, "b@1", 64), None);
}

#[test]
fn a_state_is_for_its_owner() {
    let mut fixture = Fixture::new();
    let states = [(1, "7?x@1"), (2, "7?x@2")];
    let states = states.map(|(token, path)| fixture.keep(token, path, 200).ok());
    for (number, id) in (1..).zip(states) {
        let snapshot = fixture.snapshots.get(id.unwrap()).unwrap();
        snapshot.observation = Some(ObservationId(number));
    }
    // Of two owners, the path alone does not say which one is meant.
    assert_eq!(fixture.find(9, "7", 64), None);
    assert_eq!(fixture.find(9, "7@1", 64), states[0]);
    assert_eq!(fixture.find(9, "7@2", 64), states[1]);
    assert_eq!(fixture.find(9, "7@3", 64), None);
}

#[test]
fn nothing_is_found_behind_the_end() {
    let mut fixture = Fixture::new();
    fixture.keep(1, "a", 200).unwrap();
    assert!(fixture.find(1, "a", 192).is_some());
    assert_eq!(fixture.find(1, "a", 208), None);
}

#[test]
fn the_state_of_an_observation_is_found_by_its_path_and_next_block() {
    let mut fixture = Fixture::new();
    let id = fixture.keep(1, "7?since=1", 300).unwrap();
    assert_eq!(fixture.find(9, "7", 64), None);
    fixture.snapshots.get(id).unwrap().observation = Some(ObservationId(1));
    assert_eq!(fixture.find(9, "7", 64), Some(id));
    assert_eq!(fixture.find(9, "7", 128), None);
    assert_eq!(fixture.find(9, "8", 64), None);
    let now = fixture.now;
    let snapshot = fixture.snapshots.get(id).unwrap();
    snapshot.later(now, asked(1, BlockSize::at_most(64)));
    assert_eq!(fixture.find(9, "7", 128), Some(id));
}

#[test]
fn a_request_that_comes_again_replaces_its_body() {
    let mut fixture = Fixture::new();
    fixture.keep(1, "a", 200).unwrap();
    let again = fixture.keep(1, "a", 100).ok();
    assert_eq!(fixture.snapshots.len(), 1);
    assert_eq!(fixture.find(1, "a", 64), again);
    assert_eq!(fixture.budget.used(), 100);
}

#[test]
fn what_is_notified_is_never_replaced_and_what_was_fetched_goes_first() {
    let mut fixture = Fixture::new();
    let ids: Vec<SnapshotId> = (0..4)
        .map(|at| {
            fixture.now += Duration::from_secs(1);
            let path = at.to_string();
            fixture.keep(at, &path, 100).unwrap()
        })
        .collect();
    let now = fixture.now;
    fixture.snapshots.get(ids[0]).unwrap().observation = Some(ObservationId(1));
    let fetched = fixture.snapshots.get(ids[2]).unwrap();
    fetched.later(now, asked(1, BlockSize::at_most(64)));
    assert!(fixture.keep(9, "9", 100).is_ok());
    let mut is_there = |at: usize| fixture.snapshots.get(ids[at]).is_some();
    assert!(is_there(0) && is_there(1) && !is_there(2) && is_there(3));
    assert!(fixture.keep(10, "10", 100).is_ok());
    let mut is_there = |at: usize| fixture.snapshots.get(ids[at]).is_some();
    assert!(is_there(0) && !is_there(1) && is_there(3));
}

#[test]
fn there_is_no_room_beyond_the_limits() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.keep(1, "a", 1001), Err(Refusal::TooManyResponses));
    assert!(fixture.keep(1, "a", 600).is_ok());
    // One association makes room among its own.
    assert!(fixture.keep(2, "b", 600).is_ok());
    assert_eq!(fixture.snapshots.len(), 1);
    fixture.budget = Budget::new(599);
    assert_eq!(fixture.keep(3, "c", 600), Err(Refusal::NoRoom));
}

#[test]
fn a_body_nobody_asks_for_goes() {
    let mut fixture = Fixture::new();
    let id = fixture.keep(1, "a", 200).unwrap();
    let idle = fixture.config.snapshot_idle;
    let pace = fixture.config.snapshot_pace;
    fixture.now += pace;
    let now = fixture.now;
    let snapshot = fixture.snapshots.get(id).unwrap();
    snapshot.later(now, asked(1, BlockSize::at_most(64)));
    let again = now + pace;
    snapshot.later(again, asked(1, BlockSize::at_most(64)));
    let expiry = fixture.snapshots.next_timeout(&fixture.config).unwrap();
    assert_eq!(expiry, now + idle);
    let early = expiry - Duration::from_millis(1);
    assert!(fixture.snapshots.expire(early, &fixture.config).is_none());
    assert!(fixture.snapshots.expire(expiry, &fixture.config).is_some());
    assert_eq!(fixture.snapshots.footprint(), 0);
    assert_eq!(fixture.budget.used(), 0);
}
