//! HTTP ⇄ CoAP as MSC3079 maps them.

pub mod paths;
