//! The access log: one record per connection at its end, one for a long connection while it is
//! open, one per HTTP request, one per request of a component, and one per exchange and association of a low
//! bandwidth gateway.
//!
//! Workers format records into a buffer of their own; a thread of the process writes the buffers,
//! so that a slow disk or pipe never stops a worker.

mod component;
mod low_bandwidth;
mod record;
mod request;
mod writer;

pub(crate) use component::ComponentRecord;
pub(crate) use low_bandwidth::{AssociationRecord, ExchangeRecord};
pub(crate) use record::{Event, Record, protocol};
pub(crate) use request::RequestRecord;
pub(crate) use writer::{Buffer, Writer};
