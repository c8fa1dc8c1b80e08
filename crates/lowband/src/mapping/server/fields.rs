//! The options of a request.

use vestibule_coap::{OptionList, OptionNumber};

use super::refusal::Refusal;
use super::tokens::Carried;
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
    /// What is wrong with them. The rest counts all the same: the client takes for granted that its
    /// token has come.
    pub(super) refusal: Option<Refusal>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(options: &'a OptionList) -> Self {
        let table = options.uint(TABLE_VERSION);
        let said = options.all(TABLE_VERSION).count();
        let is_understood = said == 0 || said == 1 && table.is_some();
        let mut refusal = (!is_understood).then_some(Refusal::TableVersion);
        let (query, in_query) = Query::from_options(options.all(OptionNumber::URI_QUERY));
        let query = query.unwrap_or_else(|error| {
            refusal = refusal.or(Some(Refusal::Query(error)));
            Query::default()
        });
        let carried = match options.first(ACCESS_TOKEN).map(Token::parse) {
            Some(Ok(Some(token))) => Carried::Token(token),
            // Clients written in Go say of a request whose token is in the query that it has none.
            Some(Ok(None)) => in_query.map_or(Carried::Anonymous, Carried::Token),
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
            table,
            accept: options.uint(OptionNumber::ACCEPT),
            content_format: options.uint(OptionNumber::CONTENT_FORMAT),
            refusal,
        }
    }
}
