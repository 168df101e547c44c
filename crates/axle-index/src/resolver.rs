//! DNS resolver that looks up each host name once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Remembers the addresses of the few servers that one run asks.
///
/// ureq looks a name up for every request, also where a connection is open already. Over hundreds
/// of requests one of the answers gets lost, and the system waits five seconds before it asks
/// again: longer than all the requests take.
#[derive(Debug, Default)]
pub(crate) struct RememberingResolver {
    inner: DefaultResolver,
    known: Mutex<HashMap<String, Vec<SocketAddr>>>,
}

impl Resolver for RememberingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let server = format!("{:?} {:?}", uri.scheme_str(), uri.authority().map(ToString::to_string));
        // Held while asking: threads that start together ask once.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known.get(&server) {
            let mut resolved = self.empty();
            for address in addresses {
                resolved.push(*address);
            }
            return Ok(resolved);
        }
        let resolved = self.inner.resolve(uri, config, timeout)?;
        known.insert(server, resolved.iter().copied().collect());
        Ok(resolved)
    }
}
