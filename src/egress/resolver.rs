//! From names to addresses, of which only those that are permitted come back.
//!
//! The client connects to exactly what is answered here, so what was checked is what is
//! connected to. Never here: addresses that stand in a URL; they need no resolver, and the
//! request's own check refuses them.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::addresses::permitted;

/// The operating system's resolver.
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// A resolver whose answers are checked.
pub(super) struct Checked {
    pub(super) inner: Arc<dyn Resolve>,
    pub(super) allow: Arc<[IpNet]>,
}

/// A name leads only to addresses that are not permitted.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not permitted")]
pub(super) struct NotPermitted(pub(super) IpAddr);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, allow) = (self.inner.resolve(name), self.allow.clone());
        Box::pin(async move {
            let (good, bad): (Vec<_>, Vec<_>) =
                found.await?.partition(|address| permitted(&allow, address.ip()));
            match bad.first() {
                Some(bad) if good.is_empty() => Err(NotPermitted(bad.ip()).into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}
