//! The miniature homeserver by itself, to be played with or measured apart from what is before it.
//! `cargo run --release -p vestibule-miniature-homeserver --example serve -- 127.0.0.1:8008 alice bob`
//!
//! Writes its address, then the identifier and an access token of each user that was named, and
//! ends with its standard input.

use std::{
    env,
    error::Error,
    io::{self, Write},
};

use vestibule_miniature_homeserver::{Homeserver, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let bind = arguments.next().unwrap_or_else(|| "127.0.0.1:0".into());
    let homeserver = Homeserver::start(Options {
        bind: bind.parse()?,
        journal: 0,
        ..Options::default()
    })?;
    let mut out = io::stdout();
    writeln!(out, "{}", homeserver.base_url())?;
    for name in arguments {
        let user = homeserver.register(&name, "password");
        let token = homeserver.log_in(&user).unwrap_or_default();
        writeln!(out, "{user} {token}")?;
    }
    out.flush()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
