//! Handshakes of the stack on both sides, over a line that loses, repeats and reorders, with a virtual clock.

mod cookies;
mod endings;
mod handshakes;
mod keys;
mod lines;
mod marks;
mod protected12;
mod protected13;
mod setup;
