//! The cases of the CoAP plugtests of ETSI (TD_COAP, 2014), each under its name.
//!
//! Not here, because an endpoint does not know of resources:
//! - CORE_18 and 19, Location-Path and Location-Query: options like any other, which are carried.
//! - CORE_20, Accept; CORE_21, 22 and 23, ETag, If-Match and If-None-Match: what they mean is up to the application. That
//!   If-Match and If-None-Match are refused where nobody understands them is tested.
//! - LINK_01 to 09: `/.well-known/core` is a resource.
//!
//! Not here, because nothing here does it:
//! - OBS_02, notifications without confirmation: each is confirmable, so that none is lost.
//! - DTLS_01 to 07: that is another layer.

mod block;
mod core;
mod observe;
