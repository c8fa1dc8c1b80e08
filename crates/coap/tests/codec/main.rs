//! The codec with random messages: what must hold for any, and what another crate makes of them.

mod differential;
mod generator;
mod properties;
