//! What the kernel says about processes and the machine.

mod machine;
mod poller;
mod procfs;

pub(crate) use self::machine::{Machine, pin_to, raise_descriptor_limit};
pub(crate) use self::poller::Poller;
pub(crate) use self::procfs::{children_of, core_busy, cpu_time, pss, slab};
