//! Skeleton of the contract, to be replaced by the real thing.
#![allow(dead_code)]
use crate::addr::ClientAddr;
use std::{sync::Arc, time::Duration};
#[derive(Debug)]
pub(crate) struct Users;
pub(crate) enum Verdict {
    Busy,
    Known,
    Limited { retry_after: Duration },
    Wrong,
}
impl Users {
    pub(crate) async fn verify(self: &Arc<Self>, _: ClientAddr, _: &str, _: &[u8]) -> Verdict {
        Verdict::Busy
    }
}
