//! Watching and steering the running process: read-only HTTP, and a unix socket for everything
//! that changes state or shows client addresses.

pub(crate) mod control;
mod http;

pub(crate) use http::serve as serve_http;
