//! What is below the protocols: connections, names, certificates.

use health_builtins::dns::Dns;
use health_builtins::tcp::Tcp;
use health_builtins::tls::Tls;
use tokio_rustls::rustls::crypto::ring;

use crate::found::Found;
use crate::own_service::OwnService;
use crate::variables::{self, BadVariable};

const GROUP: &str = "network";

pub(crate) fn tcp(found: Found, own: &OwnService) -> Result<Found, BadVariable> {
    let address = variables::variable("TCP_ADDRESS")?.unwrap_or_else(|| own.address.to_string());
    Ok(found.check(GROUP, "tcp", Tcp::connect(address), "somebody accepted a connection"))
}

pub(crate) fn dns(found: Found) -> Result<Found, BadVariable> {
    let Some(name) = variables::variable("DNS_NAME")? else {
        return Ok(found.absent("DNS", &["export DNS_NAME=example.com."]));
    };
    let name = Dns::with_system_resolver(name)
        .map_err(|_| BadVariable::new("DNS_NAME", "unset where /etc/resolv.conf cannot be read"))?;
    Ok(found.check(GROUP, "dns", name, "the name servers know an address"))
}

pub(crate) fn tls(found: Found) -> Result<Found, BadVariable> {
    let mut found = found;
    match variables::variable("TLS_HOST")? {
        Some(host) => {
            // Which one to use is the application's choice. That there is one already is as well.
            drop(ring::default_provider().install_default());
            let host = if host.contains(':') { host } else { format!("{host}:443") };
            found = found.check(GROUP, "tls/server", Tls::expiry(host), "no certificate ends within 14 days");
        }
        None => found = found.absent("the certificate of a server", &["export TLS_HOST=example.com"]),
    }
    Ok(match variables::variable("TLS_FILE")? {
        Some(file) => {
            found.check(GROUP, "tls/file", Tls::file(file), "no certificate ends within 14 days")
        }
        None => found.absent(
            "a certificate in a file",
            &[
                "openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key.pem -out /tmp/cert.pem -days 10 -subj /CN=x",
                "export TLS_FILE=/tmp/cert.pem",
            ],
        ),
    })
}
