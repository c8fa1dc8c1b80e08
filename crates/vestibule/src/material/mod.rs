//! Skeleton of the contract, to be replaced by the real thing.
#![allow(dead_code)]
use crate::tls::ClientPolicy;
use std::sync::Arc;
use zeroize::Zeroizing;
#[derive(Debug)]
pub(crate) struct Authorization;
impl Authorization {
    pub(crate) fn value(&self) -> Zeroizing<String> {
        Zeroizing::default()
    }
}
#[derive(Debug)]
pub(crate) struct HopMaterial {
    pub(crate) tls: Option<Arc<ClientPolicy>>,
    pub(crate) authorization: Option<Arc<Authorization>>,
}
impl crate::tls::Tls {
    pub(crate) fn hops(&self, _: usize) -> &[HopMaterial] {
        &[]
    }
    pub(crate) fn users(&self, _: usize) -> Option<Arc<crate::auth::Users>> {
        None
    }
}
