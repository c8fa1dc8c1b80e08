use std::time::Duration;

use super::*;
use crate::{BlockSize, Code, OptionNumber, endpoint::received::MessageKey};

const SIZE: BlockSize = BlockSize::MIN;

struct Fixture {
    uploads: Uploads,
    config: Config,
    budget: Budget,
    now: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self {
            uploads: Uploads::default(),
            config: Config {
                max_request_body: 100,
                owner: |options| options.uint(OptionNumber(256)).map(Owner),
                sticky: vec![OptionNumber(256)],
                ..Config::default()
            },
            budget: Budget::new(1000),
            now: Instant::now(),
        }
    }

    /// A block of a request to a path, perhaps with a query and the number of its owner, with a token and a tag.
    fn take(
        &mut self,
        (path, token, tag): (&str, u8, &[u8]),
        number: u32,
        more: bool,
        payload: &[u8],
    ) -> Result<Step, Refusal> {
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
        if !tag.is_empty() {
            options.push(OptionNumber::REQUEST_TAG, tag).unwrap();
        }
        let block = BlockValue {
            number,
            more,
            size: SIZE,
        };
        let request = Incoming {
            key: MessageKey::new(1, &[]),
            confirmable: true,
            code: Code::PUT,
            token: Token::try_from(&[token][..]).unwrap(),
            options,
            payload,
            block1: Some(block),
            block2: None,
        };
        let (config, budget) = (&self.config, &self.budget);
        self.uploads.take(self.now, block, &request, config, budget)
    }

    /// Takes a block of 16 equal bytes.
    fn expire(&mut self, now: Instant) {
        self.uploads.expire(now, &self.config, &self.budget);
    }

    /// How many uploads have paused and taken for too long.
    fn counted(&self) -> [u64; 2] {
        [Counted::UploadIdle, Counted::UploadTimeout].map(|what| self.budget.counted(what))
    }

    fn part(&mut self, who: (&str, u8, &[u8]), number: u32) -> Result<Step, Refusal> {
        self.take(who, number, true, &[number as u8; 16])
    }
}

fn is_continue(step: &Result<Step, Refusal>) -> bool {
    matches!(step, Ok(Step::Continue(_)))
}

fn body(step: Result<Step, Refusal>) -> Vec<u8> {
    match step {
        Ok(Step::Whole { body, .. }) => body,
        other => panic!("{other:?}"),
    }
}

fn refusal(step: Result<Step, Refusal>) -> Refusal {
    step.expect_err("a refusal")
}

const A: (&str, u8, &[u8]) = ("a", 1, b"");

#[test]
fn blocks_become_a_body_and_give_their_memory_back() {
    let mut fixture = Fixture::new();
    assert!(is_continue(&fixture.part(A, 0)));
    assert!(is_continue(&fixture.part(A, 1)));
    assert_eq!(fixture.budget.used(), 32);
    let whole = body(fixture.take(A, 2, false, b"end"));
    assert_eq!(whole, [&[0; 16][..], &[1; 16], b"end"].concat());
    assert_eq!((fixture.budget.used(), fixture.uploads.footprint()), (0, 0));
}

#[test]
fn a_body_of_one_block_is_whole_at_once() {
    let mut fixture = Fixture::new();
    assert_eq!(body(fixture.take(A, 0, false, b"")), b"");
    assert_eq!(
        body(fixture.take(A, 0, false, b"0123456789abcdef")).len(),
        16
    );
}

#[test]
fn blocks_of_two_owners_do_not_mix() {
    let mut fixture = Fixture::new();
    // Another token for each block.
    for (owner, token, number) in [("a@1", 1, 0), ("a@2", 2, 0), ("a@2", 3, 1), ("a@1", 4, 1)] {
        assert!(is_continue(&fixture.part((owner, token, b""), number)));
    }
    assert!(is_continue(&fixture.part(("a@2", 5, b""), 2)));
    assert_eq!(body(fixture.take(("a@1", 6, b""), 2, false, b"")).len(), 32);
    assert_eq!(body(fixture.take(("a@2", 7, b""), 3, false, b"")).len(), 48);
    // The token of the request does not help, and who says nothing is believed.
    assert!(is_continue(&fixture.part(("a@1", 1, b""), 0)));
    assert_eq!(
        refusal(fixture.part(("a@2", 1, b""), 1)),
        Refusal::MissingBlocks
    );
    assert!(is_continue(&fixture.part(A, 1)));
}

#[test]
fn a_repeated_block_is_without_effect() {
    let mut fixture = Fixture::new();
    for number in [0, 1, 1, 1, 2, 1, 2] {
        assert!(is_continue(&fixture.part(A, number)), "{number}");
    }
    assert_eq!(body(fixture.take(A, 3, false, b"")).len(), 48);
}

#[test]
fn the_last_block_again_does_not_begin_a_request() {
    let mut fixture = Fixture::new();
    assert!(is_continue(&fixture.part(A, 0)));
    body(fixture.take(A, 1, false, b"end"));
    let again = fixture.take(A, 1, false, b"end");
    assert_eq!(refusal(again), Refusal::MissingBlocks);
}

#[test]
fn a_gap_is_refused_and_can_be_closed() {
    let mut fixture = Fixture::new();
    assert!(is_continue(&fixture.part(A, 0)));
    assert_eq!(refusal(fixture.part(A, 2)), Refusal::MissingBlocks);
    assert!(is_continue(&fixture.part(A, 1)));
    assert!(is_continue(&fixture.part(A, 2)));
}

#[test]
fn blocks_have_the_length_they_say() {
    let mut fixture = Fixture::new();
    assert_eq!(
        refusal(fixture.take(A, 0, true, b"short")),
        Refusal::BadBlock
    );
    assert_eq!(refusal(fixture.take(A, 0, true, b"")), Refusal::BadBlock);
    assert_eq!(
        refusal(fixture.take(A, 0, false, &[0; 17])),
        Refusal::BadBlock
    );
    assert_eq!(fixture.uploads.len(), 0);
}

#[test]
fn a_body_ends_where_the_limit_is() {
    let mut fixture = Fixture::new();
    for number in 0..6 {
        assert!(is_continue(&fixture.part(A, number)));
    }
    assert_eq!(refusal(fixture.part(A, 6)), Refusal::BodyTooLarge);
    assert_eq!((fixture.uploads.len(), fixture.budget.used()), (0, 0));
}

#[test]
fn all_associations_share_the_budget() {
    let mut fixture = Fixture::new();
    fixture.budget = Budget::new(20);
    assert!(is_continue(&fixture.part(A, 0)));
    assert_eq!(refusal(fixture.part(A, 1)), Refusal::NoRoom);
    assert_eq!((fixture.uploads.len(), fixture.budget.used()), (0, 0));
}

#[test]
fn tokens_may_change_between_blocks() {
    let mut fixture = Fixture::new();
    assert!(is_continue(&fixture.part(("a", 1, b""), 0)));
    assert!(is_continue(&fixture.part(("a", 2, b""), 1)));
    assert_eq!(body(fixture.take(("a", 3, b""), 2, false, b"")).len(), 32);
}

#[test]
fn options_may_be_left_out_where_the_token_stays() {
    let mut fixture = Fixture::new();
    let [first, later] = [("a?q", 1, &b""[..]), ("a", 1, b"")];
    assert!(is_continue(&fixture.part(first, 0)));
    assert!(is_continue(&fixture.part(later, 1)));
}

#[test]
fn a_tag_tells_requests_with_the_same_token_apart() {
    let mut fixture = Fixture::new();
    assert!(is_continue(&fixture.part(("a", 1, b"1"), 0)));
    let other = fixture.part(("a", 1, b"2"), 1);
    assert_eq!(refusal(other), Refusal::MissingBlocks);
}

#[test]
fn a_last_block_does_not_end_before_what_has_come() {
    let mut fixture = Fixture::new();
    for number in 0..3 {
        assert!(is_continue(&fixture.part(A, number)));
    }
    let early = fixture.take(A, 1, false, &[1; 16]);
    assert_eq!(refusal(early), Refusal::MissingBlocks);
    assert_eq!(body(fixture.take(A, 3, false, b"")).len(), 48);
}

#[test]
fn tags_and_tokens_keep_two_requests_to_one_path_apart() {
    let mut fixture = Fixture::new();
    let tagged: [(&str, u8, &[u8]); 2] = [("a", 1, b"1"), ("a", 2, b"2")];
    let plain: [(&str, u8, &[u8]); 2] = [("b", 3, b""), ("b", 4, b"")];
    for two in [tagged, plain] {
        for who in two {
            assert!(is_continue(&fixture.take(who, 0, true, &[who.1; 16])));
        }
        for who in two {
            let whole = body(fixture.take(who, 1, false, b""));
            assert_eq!(whole, [who.1; 16]);
        }
    }
}

#[test]
fn the_one_idle_for_longest_makes_room() {
    let mut fixture = Fixture::new();
    let paths = ["a", "b", "c", "d"];
    for (at, path) in paths.into_iter().enumerate() {
        fixture.now += Duration::from_secs(1);
        assert!(is_continue(&fixture.part((path, at as u8, b""), 0)));
    }
    fixture.now += Duration::from_secs(1);
    assert!(is_continue(&fixture.part(("a", 0, b""), 1)));
    assert!(is_continue(&fixture.part(("e", 9, b""), 0)));
    let gone = fixture.part(("b", 1, b""), 1);
    assert_eq!(refusal(gone), Refusal::MissingBlocks);
    assert!(is_continue(&fixture.part(("a", 0, b""), 2)));
}

#[test]
fn pauses_and_slowness_have_an_end() {
    let mut fixture = Fixture::new();
    assert!(is_continue(&fixture.part(A, 0)));
    let idle = fixture.now + fixture.config.upload_idle;
    assert_eq!(fixture.uploads.next_timeout(&fixture.config), Some(idle));
    fixture.expire(idle);
    assert_eq!(fixture.uploads.len(), 0);
    assert_eq!(fixture.counted(), [1, 0]);

    let begun = fixture.now;
    assert!(is_continue(&fixture.part(A, 0)));
    for number in 1..=6 {
        fixture.now += fixture.config.upload_idle - Duration::from_secs(1);
        fixture.expire(fixture.now);
        let step = fixture.part(A, number);
        let in_time = fixture.now < begun + fixture.config.upload_total;
        assert_eq!(is_continue(&step), in_time, "{number}");
    }
    assert_eq!(fixture.counted(), [1, 1]);
}

#[test]
fn a_token_that_two_requests_share_does_not_mix_them() {
    let mut fixture = Fixture::new();
    let (x, y) = (("x", 0, &b""[..]), ("y", 0, &b""[..]));
    assert!(is_continue(&fixture.take(x, 0, true, &[1; 16])));
    assert!(is_continue(&fixture.take(y, 0, true, &[2; 16])));
    assert!(is_continue(&fixture.take(x, 1, true, &[1; 16])));
    assert_eq!(body(fixture.take(y, 1, false, &[2; 16])), [2; 32]);
    assert_eq!(body(fixture.take(x, 2, false, &[1; 16])), [1; 48]);
}

#[test]
fn a_block_does_not_get_into_a_body_that_keeps_another_token() {
    let mut fixture = Fixture::new();
    let (one, two) = (("g", 1, &b""[..]), ("g", 2, &b""[..]));
    for number in 0..2 {
        assert!(is_continue(&fixture.part(two, number)));
    }
    assert_eq!(refusal(fixture.part(one, 2)), Refusal::MissingBlocks);
    assert_eq!(body(fixture.take(two, 2, false, b"")).len(), 32);
}
