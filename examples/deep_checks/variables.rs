//! Where a server is: as a variable says, or at the usual port of this machine.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long somebody on this machine may take to accept a connection.
const A_MOMENT: Duration = Duration::from_millis(300);

/// A variable that cannot be used. Its value may have a password in it, and is not told.
#[derive(Debug)]
pub(crate) struct BadVariable {
    name: &'static str,
    wanted: &'static str,
}

impl BadVariable {
    pub(crate) fn new(name: &'static str, wanted: &'static str) -> Self {
        Self { name, wanted }
    }
}

impl fmt::Display for BadVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used: it must be {}", self.name, self.wanted)
    }
}

impl Error for BadVariable {}

/// Where somebody was found, and how.
pub(crate) struct Place {
    pub(crate) url: String,
    /// The variable to blame when the URL cannot be used, and to set when it is not the right one.
    pub(crate) variable: &'static str,
    /// Where it was found when no variable said where it is.
    pub(crate) address: Option<SocketAddr>,
}

/// The value of a variable. One that is empty is not set.
pub(crate) fn variable(name: &'static str) -> Result<Option<String>, BadVariable> {
    match std::env::var_os(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
        Some(Err(_)) => Err(BadVariable::new(name, "text")),
    }
}

/// A URL that begins with one of these schemes, if the variable is set.
pub(crate) fn url(
    name: &'static str,
    schemes: &[&str],
    wanted: &'static str,
) -> Result<Option<Place>, BadVariable> {
    let Some(url) = variable(name)? else { return Ok(None) };
    if !is_of(&url, schemes) {
        return Err(BadVariable::new(name, wanted));
    }
    Ok(Some(Place { url, variable: name, address: None }))
}

pub(crate) fn is_of(url: &str, schemes: &[&str]) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| schemes.contains(&scheme))
}

/// This port of this machine, if somebody accepts connections there.
pub(crate) async fn usual_port(
    port: u16,
    variable: &'static str,
    url: impl FnOnce(SocketAddr) -> String,
) -> Option<Place> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    timeout(A_MOMENT, TcpStream::connect(address)).await.ok()?.ok()?;
    Some(Place { url: url(address), variable, address: Some(address) })
}
