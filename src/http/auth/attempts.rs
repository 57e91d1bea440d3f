//! How often somebody tries to sign in from one address.
//!
//! Never here: requests of those who are signed in; their quota counts them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use actix_web::HttpRequest;
use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use moka::sync::Cache;
use parking_lot::Mutex;

use super::super::caller::too_many;
use super::super::problem::Problem;

/// Over which time attempts are counted.
const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// Addresses that are remembered; beyond that, those that were quiet longest are forgotten.
const ADDRESSES: u64 = 100_000;

/// Attempts of the last minute, by address and operation.
pub(super) struct Attempts {
    allowed: usize,
    made: Cache<(IpAddr, String), Made>,
}

/// When they were made, oldest first.
type Made = Arc<Mutex<VecDeque<DateTime<Utc>>>>;

impl Attempts {
    pub(super) fn new(allowed: u32) -> Self {
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        Self { allowed, made: Cache::new(ADDRESSES) }
    }

    /// Counts an attempt; a problem where there were too many.
    pub(super) fn count(
        &self,
        request: &HttpRequest,
        proxies: &[IpNet],
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let Some(address) = client(request, proxies).filter(|_| self.allowed > 0) else {
            return Ok(());
        };
        let made = self.made.get_with((address, request.path().to_owned()), Arc::default);
        let mut made = made.lock();
        while made.front().is_some_and(|first| now - *first >= WINDOW) {
            made.pop_front();
        }
        match made.front() {
            Some(first) if made.len() >= self.allowed => {
                let wait = (*first + WINDOW - now).num_seconds().max(1);
                Err(too_many("too_many_attempts", wait.unsigned_abs()))
            }
            _ => {
                made.push_back(now);
                Ok(())
            }
        }
    }
}

/// Where a request comes from: the last address in `X-Forwarded-For` that is no proxy of ours,
/// where one of ours passed it on. Of an IPv6 address, the network that one client has.
fn client(request: &HttpRequest, proxies: &[IpNet]) -> Option<IpAddr> {
    let ours = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
    let peer = request.peer_addr()?.ip().to_canonical();
    let mut client = peer;
    if ours(&peer) {
        let forwarded = request.headers().get_all("x-forwarded-for");
        let named: Vec<_> = forwarded.filter_map(|value| value.to_str().ok()).collect();
        for name in named.join(",").rsplit(',') {
            let Ok(address) = name.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !ours(&client) {
                break;
            }
        }
    }
    Some(match client {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_client_is_told_from_the_proxies_before_it() {
        let cases = [
            ("192.0.2.1", "", "192.0.2.1"),
            // Whoever is no proxy of ours may claim what it likes.
            ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
            ("10.0.0.1", "203.0.113.5, 198.51.100.9, 10.0.0.7", "198.51.100.9"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
            ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ];
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, expected) in cases {
            let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 4_000);
            let request = TestRequest::default().peer_addr(peer);
            let request = match forwarded {
                "" => request,
                _ => request.insert_header(("X-Forwarded-For", forwarded)),
            };
            let found = client(&request.to_http_request(), &proxies);
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {forwarded}");
        }
    }
}
