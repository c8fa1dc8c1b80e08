//! What must hold for any input, and documents in both forms.
//!
//! For tests only, here and in what uses this crate: the fuzz targets call the functions, and so
//! does the replay of their corpora.

mod answer;
mod gateway;
mod paths;
mod request;
mod transcode;

pub use answer::check_answer;
pub use gateway::check_gateway;
pub use paths::check_paths;
pub use request::check_request;
pub use transcode::{MSC_VECTORS, check_cbor_to_json, check_json_to_cbor};
