//! The command line of `jc`, with the flags of the tool of the same name of matrix-org/lb.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use vestibule_lowband::keys::Keys;

use crate::cli::{dashes::Flags, hex::Form};

#[derive(Debug, clap::Args)]
#[command(override_usage = USAGE)]
pub(in crate::cli) struct Arguments {
    /// The document, `@FILE`, or `-` for standard input: JSON, or with --c2j CBOR
    #[arg(allow_negative_numbers = true)]
    pub(super) input: OsString,
    /// From CBOR to JSON
    #[arg(
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        value_name = "true|false",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(super) c2j: bool,
    /// The file to write, `-` for standard output
    #[arg(
        long,
        value_name = "FILE",
        default_value = "-",
        allow_hyphen_values = true
    )]
    out: PathBuf,
    /// The version of the table of integer keys
    #[arg(
        short = 'v',
        alias = "v",
        value_name = "VERSION",
        default_value = "1",
        value_parser = ["1"]
    )]
    version: String,
    /// The table of integer keys; none: CBOR as everybody else has it
    #[arg(
        long,
        value_enum,
        value_name = "TABLE",
        conflicts_with = "version",
        default_value = "v1"
    )]
    keys: Table,
    /// JSON on many lines
    #[arg(long, requires = "c2j")]
    pub(super) pretty: bool,
    /// CBOR is read and written as hexadecimal digits
    #[arg(long, conflicts_with = "raw")]
    hex: bool,
    /// CBOR is read and written as bytes
    #[arg(long)]
    raw: bool,
}

/// Flags with one dash, as the other tool has them; two will do, too.
const USAGE: &str = "\
vestibule jc [-out FILE|-] [-v 1 | --keys v1|none] [--hex | --raw] INPUT
       vestibule jc -c2j [-out FILE|-] [-v 1 | --keys v1|none] [--hex | --raw] [--pretty] INPUT";

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Table {
    V1,
    None,
}

impl Arguments {
    pub(super) fn keys(&self) -> Keys {
        match self.keys {
            Table::V1 => Keys::V1,
            Table::None => Keys::None,
        }
    }

    /// How CBOR is to be written, as far as that was said.
    pub(super) fn form(&self) -> Form {
        match (self.hex, self.raw) {
            (true, _) => Form::Hex,
            (_, true) => Form::Raw,
            (false, false) => Form::Unknown,
        }
    }

    /// How CBOR comes in: on a command line as digits.
    pub(super) fn form_of_input(&self) -> Form {
        let is_named = self.input == "-" || self.input.as_encoded_bytes().starts_with(b"@");
        match self.form() {
            Form::Unknown if !is_named => Form::Hex,
            form => form,
        }
    }

    /// The file to write; nothing for standard output.
    pub(super) fn file(&self) -> Option<&Path> {
        Some(self.out.as_path()).filter(|path| *path != Path::new("-"))
    }
}

/// The flags of `jc` that may have one dash.
pub(in crate::cli) const FLAGS: Flags = Flags {
    command: "jc",
    long: &[
        ("c2j", false),
        ("help", false),
        ("hex", false),
        ("keys", true),
        ("out", true),
        ("pretty", false),
        ("raw", false),
        ("v", true),
    ],
    short_with_value: "",
};
