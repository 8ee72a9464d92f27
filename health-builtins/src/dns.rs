//! Whether a name resolves.
//!
//! # What green proves
//!
//! That the resolver of the application has at least one address for the name: from the name servers a moment ago, or
//! from its cache (see below).
//!
//! # What it costs
//!
//! Nothing while the answers are in the cache of the resolver; else two questions, one for each family of addresses
//! (fewer if the `ip_strategy` of the resolver says so), and the same again for each search domain and each retry. That
//! a family has no address is kept only if the name server says for how long (by an SOA record): else it is asked on
//! each run. Write names with a dot at the end (`"db.example."`): others are looked for in the search domains too, and
//! may be found there as something else.
//!
//! # What it needs
//!
//! The way to the name servers, and no account.
//!
//! # When it lies
//!
//! An answer is kept by the resolver for as long as it says itself: so long a name that is gone, or name servers that
//! are gone, still read healthy, and one that has come back still reads as missing. That is what the application
//! would see, too; the data of the outcome says for how many seconds more it is kept. [`Dns::with_system_resolver`]
//! keeps nothing. Names in the file of hosts (`/etc/hosts`) and `localhost` are answered without any name server.
//! That the addresses are the right ones is known only with [`only`](Dns::only), and that somebody answers there is
//! not known at all.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use health_core::{Failure, HealthCheck, Outcome, Spec};
use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;

use crate::Recommended;
use crate::recommended::over_the_network;

/// A question and its repetition both fit into the recommended timeout.
const PATIENCE: Duration = Duration::from_millis(600);

/// A name resolves.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::dns::Dns;
/// use health_core::Health;
/// use hickory_resolver::TokioResolver;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let resolver = TokioResolver::builder_tokio()?.build()?;
/// let ledger = Dns::resolves(&resolver, "ledger.example.").at_least(2);
/// let health = Health::builder().check(ledger.spec("ledger-name"), ledger).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Dns {
    resolver: TokioResolver,
    name: Option<Name>,
    at_least: usize,
    only: Option<BTreeSet<IpAddr>>,
}

impl Dns {
    /// The name has an address, says this resolver, which is the application's own: a clone shares its cache.
    ///
    /// What is no name is accepted here, and each run says so. An address is no name: it is its own answer, and proves
    /// nothing.
    pub fn resolves(resolver: &TokioResolver, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let name = if name.parse::<IpAddr>().is_ok() { None } else { Name::from_utf8(name).ok() };
        let name = name.filter(|name| name.num_labels() > 0);
        Self { resolver: resolver.clone(), name, at_least: 1, only: None }
    }

    /// The same, with a resolver of its own, configured as this machine says (`/etc/resolv.conf`, read once), that
    /// keeps no answer and waits 600 ms for one: each run asks.
    ///
    /// # Errors
    ///
    /// If the configuration of this machine cannot be read.
    pub fn with_system_resolver(name: impl AsRef<str>) -> Result<Self, NetError> {
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        options.cache_size = 0;
        options.timeout = options.timeout.min(PATIENCE);
        Ok(Self::resolves(&builder.build()?, name))
    }

    /// Degraded with fewer addresses than this. Unset, one is enough.
    pub fn at_least(mut self, addresses: usize) -> Self {
        self.at_least = addresses;
        self
    }

    /// Unhealthy with any address that is not one of these. Unset, all are welcome.
    pub fn only(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.only = Some(addresses.into_iter().collect());
        self
    }

    fn judged(&self, found: &BTreeSet<IpAddr>, kept: Duration) -> Outcome {
        let strangers = self.only.as_ref().map_or(0, |only| found.difference(only).count());
        let outcome = match found.len() {
            0 => Outcome::unhealthy("the name has no address"),
            1 if strangers == 1 => Outcome::unhealthy("the address is not an expected one"),
            count if strangers > 0 => {
                Outcome::unhealthy(format!("{strangers} of {count} addresses are not expected ones"))
            }
            count if count < self.at_least => {
                Outcome::degraded(format!("the name has {count} of at least {} addresses", self.at_least))
            }
            _ => Outcome::healthy(),
        };
        outcome.data("addresses", found.len()).data("kept_for_s", kept.as_secs())
    }
}

/// Which names a process depends on is not everybody's business.
impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("at_least", &self.at_least).finish_non_exhaustive()
    }
}

impl HealthCheck for Dns {
    /// Cancelled, it waits no more; what the resolver has asked meanwhile ends by its own timeout.
    async fn check(&self) -> Result<Outcome, Failure> {
        let Some(name) = &self.name else {
            return Err(Failure::new("this is not a name that could be looked up"));
        };
        match self.resolver.lookup_ip(name.clone()).await {
            Ok(found) => {
                let kept = found.valid_until().saturating_duration_since(Instant::now());
                Ok(self.judged(&found.iter().collect(), kept))
            }
            Err(error) => Err(Failure::new(in_words(&error)).because(error)),
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Dns {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

fn in_words(error: &NetError) -> &'static str {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            "the name does not exist"
        }
        NetError::Dns(DnsError::NoRecordsFound(_)) => "the name has no address",
        NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)) => {
            "the name servers failed to find out"
        }
        NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => "the name servers refused to answer",
        NetError::Timeout => "the name servers did not answer",
        NetError::Io(_) | NetError::NoConnections => "the name servers cannot be reached",
        _ => "the name cannot be looked up",
    }
}

#[cfg(test)]
mod tests {
    use health_core::Status;
    use hickory_resolver::config::ResolverConfig;
    use hickory_resolver::net::runtime::TokioRuntimeProvider;

    use super::*;

    fn asking(name: &str) -> Dns {
        let nobody = ResolverConfig::from_name_servers(Vec::new());
        let resolver = TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default()).build();
        Dns::resolves(&resolver.expect("nobody to ask"), name)
    }

    #[test]
    fn addresses_are_counted_and_compared() {
        let found = |numbers: &[u8]| numbers.iter().map(|number| IpAddr::from([10, 0, 0, *number])).collect();
        let said = |dns: &Dns, numbers: &[u8]| {
            let outcome = dns.judged(&found(numbers), Duration::ZERO);
            (outcome.status(), outcome.summary().map(ToOwned::to_owned))
        };
        let all = asking("db.example.");
        assert_eq!(said(&all, &[1]), (Status::Healthy, None));
        assert_eq!(said(&all, &[]), (Status::Unhealthy, Some("the name has no address".into())));
        let two = asking("db.example.").at_least(2).only(found(&[1, 2, 3]) as BTreeSet<_>);
        assert_eq!(said(&two, &[1, 3]), (Status::Healthy, None));
        let few = "the name has 1 of at least 2 addresses";
        assert_eq!(said(&two, &[2]), (Status::Degraded, Some(few.into())));
        let strange = "1 of 2 addresses are not expected ones";
        assert_eq!(said(&two, &[2, 4]), (Status::Unhealthy, Some(strange.into())));
        let stranger = "the address is not an expected one";
        assert_eq!(said(&two, &[4]), (Status::Unhealthy, Some(stranger.into())));
    }

    #[tokio::test]
    async fn what_is_no_name_is_told() {
        for name in ["", ".", "10.0.0.1", "::1", &"x".repeat(64), "a..b"] {
            let told = asking(name).check().await.expect_err(name);
            assert_eq!(told.summary(), Some("this is not a name that could be looked up"), "{name}");
        }
    }
}
