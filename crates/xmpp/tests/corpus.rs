//! The corpus of the fuzz targets, without a fuzzer.

use vestibule_test_corpus::replay;
use vestibule_xmpp::vectors::{check_component, check_framer, check_stanza, check_token};

#[test]
fn xmpp_component() {
    replay("xmpp_component", check_component);
}

#[test]
fn xmpp_framer() {
    replay("xmpp_framer", check_framer);
}

#[test]
fn xmpp_stanza() {
    replay("xmpp_stanza", check_stanza);
}

#[test]
fn xmpp_token() {
    replay("xmpp_token", check_token);
}
