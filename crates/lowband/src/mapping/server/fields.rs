//! The options of a request.

use vestibule_coap::{OptionList, OptionNumber, uint_from_bytes};

use super::refusal::Refusal;
use super::session::Carried;
use crate::mapping::query::Query;
use crate::mapping::token::Token;
use crate::mapping::{ACCESS_TOKEN, TABLE_VERSION};

/// What the options of a request say.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) path: Vec<&'a [u8]>,
    pub(super) query: Query,
    pub(super) carried: Carried,
    pub(super) table: Option<u64>,
    pub(super) accept: Option<u64>,
    pub(super) content_format: Option<u64>,
    pub(super) is_conditional: bool,
    /// What is wrong with them. The rest counts all the same: the client takes for granted that its
    /// token has come.
    pub(super) refusal: Option<Refusal>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(options: &'a OptionList) -> Self {
        let mut refusal = options
            .iter()
            .find_map(|(number, value)| check(number, value));
        let repeated = |number: &&OptionNumber| options.all(**number).nth(1).is_some();
        if let Some(number) = SINGLE.iter().find(repeated) {
            refusal = refusal.or(Some(Refusal::Option(*number)));
        }
        let (query, in_query) = match Query::from_options(options.all(OptionNumber::URI_QUERY)) {
            Ok(query) => query,
            Err(error) => {
                refusal = refusal.or(Some(Refusal::Query(error)));
                Default::default()
            }
        };
        let carried = match options.first(ACCESS_TOKEN).map(Token::parse) {
            Some(Ok(Some(token))) => Carried::Token(token),
            Some(Ok(None)) => Carried::Anonymous,
            Some(Err(error)) => {
                refusal = refusal.or(Some(Refusal::Token(error)));
                Carried::Nothing
            }
            None => in_query.map_or(Carried::Nothing, Carried::Token),
        };
        Self {
            path: options.all(OptionNumber::URI_PATH).collect(),
            query,
            carried,
            table: options.uint(TABLE_VERSION),
            accept: options.uint(OptionNumber::ACCEPT),
            content_format: options.uint(OptionNumber::CONTENT_FORMAT),
            is_conditional: options.first(OptionNumber::ETAG).is_some(),
            refusal,
        }
    }
}

/// Critical options that may stand once. Another one is not understood (RFC 7252 section 5.4.5).
const SINGLE: [OptionNumber; 6] = [
    OptionNumber::URI_HOST,
    OptionNumber::URI_PORT,
    OptionNumber::ACCEPT,
    OptionNumber::BLOCK2,
    OptionNumber::BLOCK1,
    TABLE_VERSION,
];

/// Whether an option forbids that the request is served.
fn check(number: OptionNumber, value: &[u8]) -> Option<Refusal> {
    if !number.is_critical() {
        return None;
    }
    let is_good = match number {
        OptionNumber::PROXY_URI | OptionNumber::PROXY_SCHEME => return Some(Refusal::Proxying),
        // These have limits of their own.
        OptionNumber::URI_PATH | OptionNumber::URI_QUERY => true,
        TABLE_VERSION => uint_from_bytes(value).is_some(),
        OptionNumber::URI_HOST
        | OptionNumber::URI_PORT
        | OptionNumber::ACCEPT
        | OptionNumber::BLOCK2
        | OptionNumber::BLOCK1 => number.definition().is_some_and(|definition| {
            (usize::from(definition.min)..=usize::from(definition.max)).contains(&value.len())
        }),
        _ => false,
    };
    (!is_good).then_some(Refusal::Option(number))
}
