//! Who may see what.

mod authorization;
mod caller;
mod error;
mod forwarded;
mod guards;
mod hop;
mod networks;
mod secret;
mod tokens;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::guard::Guard;
use health_core::{Exposure, Location};

pub use caller::ProxyHeader;
pub use error::AccessError;

use caller::Proxies;
use guards::Guards;
use networks::Networks;
use secret::Secret;
use tokens::Tokens;

/// How much each caller may see: the most that anything grants to it.
///
/// Nothing here changes the code of a probe, which is the same for every caller, and nothing that is polled is answered
/// with a 401: who has no grant sees what everybody sees. Only the page (feature `ui`) answers those who may not see it
/// with a 401 where there is a [token](Self::token) for [`Exposure::Checks`] or more, so that a browser can ask for it.
///
/// ```
/// use actix_web::guard;
/// use health_actix::Access;
/// use health_core::Exposure;
///
/// # fn main() -> Result<(), health_actix::AccessError> {
/// # let (token, old_token) = ("0123456789abcdef0123", String::from("fedcba9876543210"));
/// let access = Access::new()
///     .token(Exposure::Full, token)?
///     .token(Exposure::Full, old_token)?
///     .networks(Exposure::Checks, ["10.0.0.0/8", "fd00::/8"])?
///     .proxies(["10.1.0.3"])?
///     .guard(Exposure::Checks, guard::Header("x-mesh-identity", "dashboard"));
/// # drop(access);
/// # Ok(())
/// # }
/// ```
///
/// A clone is cheap and shares everything.
#[derive(Clone, Default)]
#[must_use = "an access grants nothing until it is given to `Endpoints::access`"]
pub struct Access(Arc<Grants>);

#[derive(Clone, Default)]
struct Grants {
    everyone: Option<Exposure>,
    tokens: Tokens,
    networks: BTreeMap<Exposure, Networks>,
    proxies: Proxies,
    guards: Guards,
}

impl Access {
    /// One word for everybody ([`Exposure::Status`]), and on a [management listener](crate::server()) what that shows by
    /// itself, until [`everyone`](Self::everyone) says otherwise.
    pub fn new() -> Self {
        Self::default()
    }

    /// What every caller sees, without any grant. Default: [`Exposure::Status`]; on a
    /// [management listener](crate::server()) what that listener shows.
    pub fn everyone(self, exposure: Exposure) -> Self {
        self.with(|grants| grants.everyone = Some(exposure))
    }

    /// What every caller sees where nothing has been said about it.
    pub(crate) fn everyone_unless_set(self, exposure: Exposure) -> Self {
        self.with(|grants| grants.everyone = grants.everyone.or(Some(exposure)))
    }

    /// What somebody sees who sends this token, in the `Authorization` header only: as `Bearer`, or as the password of
    /// `Basic` whatever the name of the user.
    ///
    /// Call it once for each token that is accepted, so that an old one can be used for a while beside the new one.
    /// Tokens are compared in constant time and neither logged nor printed. A token that is wrong is as good as none.
    ///
    /// # Errors
    ///
    /// If it is not of 16 to 256 visible ASCII characters without white space, as one read from a file may not be.
    #[track_caller]
    pub fn token(self, exposure: Exposure, token: impl Into<String>) -> Result<Self, AccessError> {
        let place = Location::caller();
        let token = zeroize::Zeroizing::new(token.into());
        let secret = Secret::configured(&token).map_err(|fault| AccessError::new(fault, place))?;
        Ok(self.with(|grants| grants.tokens.add(exposure, secret)))
    }

    /// What somebody sees who asks from one of these networks: `10.0.0.0/8`, `fd00::/8`, or a single address.
    ///
    /// The address is the one at the other end of the connection; a Unix socket has none. Behind a proxy it is the
    /// proxy's, so [declare](Self::proxies) the proxies, or what is granted to their network is granted to everybody
    /// whose requests they forward. A list contains what it says and nothing else, not even loopback. IPv4 addresses
    /// are looked for among IPv4 networks, however the socket writes them.
    ///
    /// # Errors
    ///
    /// If one of the texts is no network.
    #[track_caller]
    pub fn networks(
        self,
        exposure: Exposure,
        networks: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, AccessError> {
        let place = Location::caller();
        self.try_with(|grants| grants.networks.entry(exposure).or_default().add(networks))
            .map_err(|fault| AccessError::new(fault, place))
    }

    /// The proxies whose word counts: a request that comes from one of these comes from the address that it says.
    ///
    /// What they say is read from its end, past other declared proxies, up to the first address that is none. If that
    /// cannot be read, or if there is nobody but proxies, the caller has no address and is in no network, even if the
    /// proxy is. Who is not declared here is not listened to. Default: nobody.
    ///
    /// A proxy must add to the header or replace it. One that hands on what it was sent lets callers be whom they like.
    ///
    /// # Errors
    ///
    /// If one of the texts is no network.
    #[track_caller]
    pub fn proxies(self, proxies: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, AccessError> {
        let place = Location::caller();
        self.try_with(|grants| grants.proxies.declared.add(proxies))
            .map_err(|fault| AccessError::new(fault, place))
    }

    /// In which header the proxies say it. Default: [`ProxyHeader::XForwardedFor`].
    pub fn proxy_header(self, header: ProxyHeader) -> Self {
        self.with(|grants| grants.proxies.header = header)
    }

    /// What somebody sees whom this guard lets pass. A guard is asked where it could grant more than the rest does, for
    /// probes too; one that panics lets nobody pass, and the default panic hook prints it each time.
    ///
    /// A guard of actix-web, or any `Fn(&GuardContext) -> bool`, that can be shared between workers.
    pub fn guard(self, exposure: Exposure, guard: impl Guard + Send + Sync + 'static) -> Self {
        self.with(|grants| grants.guards.add(exposure, guard))
    }

    /// How much whoever sent this request may see.
    pub(crate) fn exposure_of(&self, request: &ServiceRequest) -> Exposure {
        let grants = &*self.0;
        let token = grants.tokens.granted(request.headers());
        let network = grants.by_network(request);
        let granted =
            [token, network].into_iter().flatten().fold(grants.everyone.unwrap_or_default(), Exposure::max);
        grants.guards.raise(granted, request)
    }

    /// Whether there is a token with which somebody would see this much.
    #[cfg(feature = "ui")]
    pub(crate) fn has_token_for(&self, exposure: Exposure) -> bool {
        self.0.tokens.any_for(exposure)
    }

    fn with(self, change: impl FnOnce(&mut Grants)) -> Self {
        let Self(mut grants) = self;
        change(Arc::make_mut(&mut grants));
        Self(grants)
    }

    fn try_with(self, change: impl FnOnce(&mut Grants) -> Result<(), String>) -> Result<Self, String> {
        let Self(mut grants) = self;
        change(Arc::make_mut(&mut grants))?;
        Ok(Self(grants))
    }
}

impl Grants {
    fn by_network(&self, request: &ServiceRequest) -> Option<Exposure> {
        if self.networks.is_empty() {
            return None;
        }
        let peer = request.peer_addr().map(|peer| peer.ip());
        let caller = self.proxies.caller(peer, request.headers())?;
        let granting = self.networks.iter().filter(|(_, networks)| networks.contain(caller));
        granting.map(|(exposure, _)| *exposure).max()
    }
}

/// What is granted to whom, of tokens only how many there are.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grants { everyone, tokens, networks, proxies, guards } = &*self.0;
        f.debug_struct("Access")
            .field("everyone", &everyone.unwrap_or_default())
            .field("tokens", tokens)
            .field("networks", networks)
            .field("proxies", &proxies.declared)
            .field("proxy_header", &proxies.header)
            .field("guards", guards)
            .finish()
    }
}

#[cfg(test)]
mod tests;
