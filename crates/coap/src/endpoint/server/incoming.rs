//! A request as it came, and whether it may be processed.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::open::Asker;
use crate::{
    BlockValue, Code, Message, OptionList, OptionNumber, Token,
    endpoint::{
        config::Config,
        event::Owner,
        link::{OWN, remove_own},
        received::MessageKey,
        refusal::Refusal,
        understood::{Judgement, judge},
    },
};

/// One message of a request: all of it, or one block.
#[derive(Debug)]
pub(super) struct Incoming<'a> {
    pub(super) key: MessageKey,
    pub(super) confirmable: bool,
    pub(super) code: Code,
    pub(super) token: Token,
    /// Without elective options that are malformed.
    pub(super) options: OptionList,
    pub(super) payload: &'a [u8],
    pub(super) block1: Option<BlockValue>,
    pub(super) block2: Option<BlockValue>,
}

impl<'a> Incoming<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// It must not be processed.
    pub(super) fn read(
        message: &Message<'a>,
        key: MessageKey,
        confirmable: bool,
        config: &Config,
    ) -> Result<Self, Refusal> {
        let header = message.header;
        if header.code.detail() > Code::IPATCH.detail() {
            return Err(Refusal::Method);
        }
        if message.payload.len() > config.max_request_body {
            return Err(Refusal::BodyTooLarge);
        }
        let options = readable(message, config)?;
        let block = |number| options.first(number).map(BlockValue::parse).transpose();
        let block1 = block(OptionNumber::BLOCK1).map_err(|_| Refusal::BadBlock)?;
        let block2 = block(OptionNumber::BLOCK2).map_err(|_| Refusal::BadBlock)?;
        Ok(Self {
            key,
            confirmable,
            code: header.code,
            token: header.token,
            options,
            payload: message.payload,
            block1,
            block2,
        })
    }

    /// What it is answered by when there is no exchange.
    pub(super) fn asker(&self) -> Asker {
        Asker {
            key: self.key,
            confirmable: self.confirmable,
            code: self.code,
            token: self.token,
        }
    }

    /// What the body of an answer is known by: method and options, without those that differ between the requests
    /// for its blocks (RFC 7959 section 2.4), and the payload where it is a query (FETCH).
    pub(super) fn body_key(&self, config: &Config) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.code.hash(&mut hasher);
        for (number, value) in self.options.iter() {
            let about_transfer = OWN.contains(&number)
                || matches!(
                    number,
                    OptionNumber::ETAG | OptionNumber::ECHO | OptionNumber::REQUEST_TAG
                );
            if !about_transfer && !config.sticky.contains(&number) {
                (number, value).hash(&mut hasher);
            }
        }
        if self.code == Code::FETCH {
            self.payload.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// What a request in blocks is known by: as [`Self::body_key`], but with its tag (RFC 9175 section 3).
    pub(super) fn upload_key(&self, config: &Config) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.body_key(config), self.tag()).hash(&mut hasher);
        hasher.finish()
    }

    /// The hash of its Request-Tags, if it has any.
    pub(super) fn tag(&self) -> Option<u64> {
        let mut tags = self.options.all(OptionNumber::REQUEST_TAG).peekable();
        tags.peek()?;
        let mut hasher = DefaultHasher::new();
        for tag in tags {
            tag.hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    /// Whose it is, as far as it says.
    pub(super) fn owner(&self, config: &Config) -> Option<Owner> {
        (config.owner)(&self.options)
    }

    /// Whether it has a query.
    pub(super) fn has_query(&self) -> bool {
        self.options.first(OptionNumber::URI_QUERY).is_some()
    }

    /// Method and path.
    pub(super) fn path(&self) -> (Code, u64) {
        (self.code, self.path_key())
    }

    /// The path alone, for peers whose requests for further blocks carry nothing else.
    pub(super) fn path_key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for segment in self.options.all(OptionNumber::URI_PATH) {
            segment.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The options as the application sees them.
    pub(super) fn application_options(options: &OptionList) -> OptionList {
        let mut options = options.clone();
        remove_own(&mut options);
        options
    }
}

/// Whether what is the one's may be the other's, who may say nothing.
pub(super) fn may_be_same(one: Option<Owner>, other: Option<Owner>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// The options, if all critical ones are understood and well formed; elective ones that are not are left out
/// (RFC 7252 section 5.4).
fn readable(message: &Message<'_>, config: &Config) -> Result<OptionList, Refusal> {
    let mut list = OptionList::new();
    let mut before = None;
    for (count, (number, value)) in message.options.iter().enumerate() {
        if count >= config.max_options {
            return Err(Refusal::TooManyOptions);
        }
        if matches!(number, OptionNumber::PROXY_URI | OptionNumber::PROXY_SCHEME) {
            return Err(Refusal::Proxy);
        }
        let judged = judge(number, value, before, config);
        before = Some(number);
        let is_kept = judged == Judgement::Good;
        if judged == Judgement::Bad || is_kept && list.push(number, value).is_err() {
            return Err(Refusal::BadOption(number));
        }
    }
    Ok(list)
}
