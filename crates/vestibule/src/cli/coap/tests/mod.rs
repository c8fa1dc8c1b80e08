mod arguments;
mod exchange;

use std::ffi::OsString;

use clap::Parser;

use super::*;
use crate::cli::dashes::with_two_dashes;

#[derive(Debug, Parser)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Coap(Box<Arguments>),
}

fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
    let all = ["vestibule", "coap"].iter().chain(arguments);
    let all = with_two_dashes(all.map(OsString::from), &[FLAGS]);
    let Command::Coap(arguments) = Program::try_parse_from(all)?.command;
    Ok(*arguments)
}
