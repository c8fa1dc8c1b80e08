//! Answers that come in blocks (RFC 7959 section 2.4).

use bytes::Bytes;

use crate::{
    BlockValue, Code, Message, OptionList, OptionNumber,
    endpoint::{config::Config, event::Response, link::remove_own},
};

/// The body of an answer, as far as it has come.
#[derive(Debug)]
pub(super) struct Download {
    code: Code,
    options: OptionList,
    etag: Option<Vec<u8>>,
    body: Vec<u8>,
}

/// What a message has made of an answer.
#[derive(Debug)]
pub(super) enum Progress {
    /// The block was not asked for: a late repetition.
    Ignored,
    /// It is another body than that of the blocks before, or cannot be fetched any more.
    Lost,
    /// No block can be like this.
    Malformed,
    /// This block is to be asked for next.
    Next(BlockValue),
    /// More than [`Config::max_response_body`].
    TooLarge,
    /// It is here.
    Whole(Response),
}

impl Download {
    /// Takes a first message of an answer: all of it, or its first block.
    pub(super) fn begin(message: &Message<'_>, config: &Config) -> (Option<Self>, Progress) {
        let mut download = Self {
            code: message.header.code,
            options: application_options(message),
            etag: message.options.first(OptionNumber::ETAG).map(Vec::from),
            body: Vec::new(),
        };
        let progress = download.take(message, config);
        let goes_on = matches!(progress, Progress::Next(_));
        (goes_on.then_some(download), progress)
    }

    /// Takes the next block.
    pub(super) fn take(&mut self, message: &Message<'_>, config: &Config) -> Progress {
        let code = message.header.code;
        if code == Code::REQUEST_ENTITY_INCOMPLETE && !self.body.is_empty() {
            return Progress::Lost;
        }
        let block = message.options.first(OptionNumber::BLOCK2);
        let Ok(block) = block.map(BlockValue::parse).transpose() else {
            return Progress::Malformed;
        };
        if code != self.code {
            if block.is_some_and(|block| block.number > 0) {
                return Progress::Lost;
            }
            if message.payload.len() > config.max_response_body {
                return Progress::TooLarge;
            }
            return Progress::Whole(Response {
                code,
                options: application_options(message),
                payload: Bytes::copy_from_slice(message.payload),
            });
        }
        let offset = block.map_or(0, BlockValue::offset);
        if offset != self.body.len() {
            return Progress::Ignored;
        }
        // Some servers name the body in its later blocks only.
        let etag = message.options.first(OptionNumber::ETAG);
        if let (Some(etag), Some(known)) = (etag, &self.etag)
            && etag != known
        {
            return Progress::Lost;
        }
        if offset + message.payload.len() > config.max_response_body {
            return Progress::TooLarge;
        }
        self.etag = self.etag.take().or_else(|| etag.map(Vec::from));
        self.body.extend_from_slice(message.payload);
        let Some(block) = block.filter(|block| block.more) else {
            return Progress::Whole(Response {
                code,
                options: std::mem::take(&mut self.options),
                payload: Bytes::from(std::mem::take(&mut self.body)),
            });
        };
        if message.payload.len() != block.size.bytes() {
            return Progress::Malformed;
        }
        let size = block.size.min(config.block_size);
        match u32::try_from(self.body.len() / size.bytes()) {
            Ok(number) if number <= BlockValue::MAX_NUMBER => Progress::Next(BlockValue {
                number,
                more: false,
                size,
            }),
            _ => Progress::TooLarge,
        }
    }

    /// The name of this version of the body, if it has one.
    pub(super) fn etag(&self) -> Option<&[u8]> {
        self.etag.as_deref()
    }

    /// The code of the answer.
    pub(super) fn code(&self) -> Code {
        self.code
    }

    pub(super) fn footprint(&self) -> usize {
        self.body.capacity() + self.options.footprint()
    }
}

/// The options as the application sees them.
fn application_options(message: &Message<'_>) -> OptionList {
    let mut options = OptionList::from(message.options);
    remove_own(&mut options);
    options
}
