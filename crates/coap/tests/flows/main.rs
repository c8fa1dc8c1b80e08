//! Exchanges message by message: those of the conformance tests of ETSI, those that the specifications
//! show, and those of the Go library.

mod etsi;
mod floods;
mod go_dialect;
mod line;
mod pair;
mod peer;
mod rfc7252;
mod rfc7641;
mod rfc7959;
