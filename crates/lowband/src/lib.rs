//! Low bandwidth Matrix ([MSC3079]): the Matrix client-server API as CBOR over CoAP, without a socket, a clock
//! or a homeserver.
//!
//! - [`transcode`]: JSON ⇄ CBOR, without trees between them.
//! - [`mapping`]: HTTP ⇄ CoAP: paths, methods, status codes, tokens, discovery.
//! - [`sync`]: the observation of `/sync`, both ends of it.
//! - [`answer`]: what the homeserver says by HTTP.
//! - [`gateway`]: all of it for one association of a gateway, with its limits.
//!
//! The tables of the proposal are data in [`keys`] and [`mapping::paths`].
//!
//! [MSC3079]: https://github.com/matrix-org/matrix-spec-proposals/pull/3079
#![forbid(unsafe_code)]

pub mod answer;
pub mod gateway;
pub mod keys;
pub mod mapping;
pub mod sync;
pub mod transcode;
#[cfg(any(test, feature = "test-vectors"))]
pub mod vectors;
