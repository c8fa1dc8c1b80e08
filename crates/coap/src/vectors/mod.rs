//! Datagrams with what they say, and what must hold for any input.
//!
//! For tests only, here and in what uses this crate: the fuzz targets call these functions, and so
//! does the replay of their corpora.

mod captures;
mod endpoint;
mod examples;
mod message;
mod options;
mod vector;

pub use captures::CAPTURES;
pub use endpoint::check_endpoint;
pub use examples::EXAMPLES;
pub use message::check_message;
pub use options::check_options;
pub use vector::{Vector, unhex};
