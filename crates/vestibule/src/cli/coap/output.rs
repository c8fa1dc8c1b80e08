//! Where bodies go.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Instant,
};

use vestibule_coap::{ContentFormat, OptionNumber, endpoint::Response};
use vestibule_lowband::{
    keys::Keys,
    transcode::{self, Limits, cbor_to_json, json_to_cbor},
};

use super::{
    arguments::Arguments,
    explain, format,
    interrupt::Interrupt,
    writer::{Unwritten, Writer},
};
use crate::cli::streams::say;

/// What a person asks for is not what a stranger sends.
const LIMITS: Limits = Limits {
    depth: 512,
    items: 10_000_000,
    string: 256 << 20,
    output: 256 << 20,
};

/// Writes bodies.
#[derive(Debug)]
pub(super) struct Output<'a> {
    writer: Writer,
    /// What ends the wait for a reader.
    interrupt: &'a Interrupt,
    /// When it ends in any case.
    until: Option<Instant>,
    /// Whether a terminal must not get binary bodies.
    is_terminal: bool,
    /// Whether the code and the options come first.
    include: bool,
    /// How CBOR becomes JSON, if it does.
    keys: Option<Keys>,
    /// Whether each body ends a line, because others follow.
    lines: bool,
}

impl<'a> Output<'a> {
    /// For the file that was named, or for standard output.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn new(
        arguments: &Arguments,
        interrupt: &'a Interrupt,
        until: Option<Instant>,
    ) -> io::Result<Self> {
        let path = arguments.output.as_deref();
        let file = path.filter(|path| *path != Path::new("-"));
        Ok(Self {
            writer: Writer::new(file.map(Path::to_owned))?,
            interrupt,
            until,
            is_terminal: path.is_none() && io::stdout().is_terminal(),
            include: arguments.include,
            keys: arguments.keys(),
            lines: arguments.observe,
        })
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// Those of the file, or of standard output, or that it does not take it.
    pub(super) fn write(&mut self, response: &Response) -> Result<(), Unwritten> {
        let mut bytes = Vec::new();
        if self.include {
            bytes.extend(head(response).into_bytes());
        }
        match self.shown(response) {
            Some(json) => {
                bytes.extend(json);
                bytes.push(b'\n');
            }
            None if self.is_terminal && is_binary(&response.payload) => {
                say(format_args!("vestibule: {}", about(response)));
            }
            None => {
                bytes.extend_from_slice(&response.payload);
                if self.lines && !response.payload.ends_with(b"\n") {
                    bytes.push(b'\n');
                }
            }
        }
        self.writer.write(bytes, self.interrupt, self.until)
    }

    /// The body as JSON, if it is to be and can be.
    fn shown(&self, response: &Response) -> Option<Vec<u8>> {
        let keys = self.keys?;
        let body = &response.payload;
        let says_cbor = response.options.uint(OptionNumber::CONTENT_FORMAT)
            == Some(ContentFormat::CBOR.0.into());
        // The Go proxy labels its CBOR as JSON.
        if body.is_empty() || !(says_cbor || format::is_container(body)) {
            return None;
        }
        let mut json = Vec::new();
        match cbor_to_json(body, keys, &LIMITS, &mut json) {
            Ok(()) => Some(json),
            Err(error) => {
                let name = error.reason.name();
                say(format_args!(
                    "vestibule: the body is no CBOR that JSON can express: {name}: {error}"
                ));
                None
            }
        }
    }
}

/// A body of JSON as CBOR.
///
/// # Errors
/// What is wrong with it.
pub(super) fn as_cbor(json: &[u8], keys: Keys) -> Result<Vec<u8>, transcode::Error> {
    let mut cbor = Vec::new();
    json_to_cbor(json, keys, &LIMITS, &mut cbor)?;
    Ok(cbor)
}

/// The code and the options of an answer, and an empty line.
fn head(response: &Response) -> String {
    let mut head = explain::named(response.code) + "\n";
    for (number, value) in response.options.iter() {
        head += &format!("{number}: {}\n", explain::value(number, value, false));
    }
    head + "\n"
}

/// Whether a terminal would not show it, or would do something else with it.
fn is_binary(body: &[u8]) -> bool {
    let does_something = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    !std::str::from_utf8(body).is_ok_and(|text| !text.contains(does_something))
}

fn about(response: &Response) -> String {
    let length = response.payload.len();
    let keys = match format::is_container(&response.payload) {
        true => "--keys shows CBOR as JSON, ",
        false => "",
    };
    format!(
        "the body is binary, {length} bytes, and not shown on a terminal: {keys}-o FILE keeps it, \
         -o - writes it all the same"
    )
}
