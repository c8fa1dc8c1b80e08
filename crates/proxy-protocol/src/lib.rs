//! PROXY protocol versions 1 and 2, without input or output.
#![forbid(unsafe_code)]
