//! Low bandwidth Matrix: a gateway under test, homeservers that say what a test wants, and clients,
//! one that behaves and one that sends what it is told.

mod body;
mod client;
mod gateway;
mod script;
mod stub;
mod watcher;

pub use body::{from_cbor, to_cbor};
pub use client::{Answer, MatrixClient};
pub use gateway::{LowbandGateway, LowbandSetup};
pub use script::{Asking, Datagrams, Heard, Script};
pub use stub::{Asked, Reply, StubHomeserver, SyncFeed};
pub use watcher::{Watcher, read_sync};
