//! Vestibule: one proxy at the front door of self-hosted messaging.
//!
//! A connection lives the same life everywhere, and the modules stand in that order:
//!
//! ```text
//! listener ── accept ── PROXY header? ── route ── service ── dial ── relay ── close
//! ```
//!
//! [`listener`] accepts and learns who the client is, [`plan`] has the routes that pick the service, [`upstream`]
//! picks a target and dials it, [`relay`] carries the bytes. [`worker`] is the thread on which all
//! of that happens, [`supervisor`] owns the sockets and the plan and survives every reload,
//! [`admin`] shows and steers, [`cli`] is what people type. XMPP components live beside all that, in
//! [`component`]: nobody connects to them.
#![deny(unsafe_code)]

pub mod cli;
pub mod coaps;
pub mod low_bandwidth;

mod addr;
mod admin;
mod auth;
mod component;
mod ending;
mod explicit;
mod http;
mod identity;
mod limits;
mod listener;
mod log;
mod mailbox;
mod material;
mod metrics;
mod plan;
mod relay;
mod supervisor;
mod sys;
mod tls;
mod udp;
mod upstream;
mod worker;
