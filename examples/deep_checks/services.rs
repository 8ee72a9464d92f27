//! Other services, over HTTP and gRPC.

use std::error::Error;
use std::time::Duration;

use health_builtins::grpc::Grpc;
use health_builtins::http::{Downstream, Http};
use reqwest::{Client, redirect};
use tonic::transport::Endpoint;

use crate::found::Found;
use crate::own_service::OwnService;
use crate::variables::{self, BadVariable, Place};

const GROUP: &str = "services";

const SCHEMES: [&str; 1] = ["http"];
const URL: &str = "like http://host:8080/path, without credentials (this example speaks no TLS)";
const GRPC_URL: &str = "like http://host:50051, without credentials (this example speaks no TLS)";

pub(crate) fn http(found: Found, own: &OwnService) -> Result<Found, Box<dyn Error>> {
    let (found, client, url) = asked(found, "HTTP", "HTTP_URL", own)?;
    let endpoint = Http::get(&client, url).map_err(|_| BadVariable::new("HTTP_URL", URL))?;
    Ok(found.check(GROUP, "http", endpoint, "it answered 2xx, to the last byte"))
}

pub(crate) fn downstream(found: Found, own: &OwnService) -> Result<Found, Box<dyn Error>> {
    let (found, client, url) = asked(found, "downstream", "DOWNSTREAM_URL", own)?;
    let service = Downstream::of(&client, url).map_err(|_| BadVariable::new("DOWNSTREAM_URL", URL))?;
    Ok(found.check(GROUP, "downstream", service, "the other service says that it is well"))
}

/// Where the variable says, or the example's own service.
fn asked(
    found: Found,
    what: &'static str,
    name: &'static str,
    own: &OwnService,
) -> Result<(Found, Client, String), Box<dyn Error>> {
    // It goes nowhere but where it is sent.
    let client = Client::builder().redirect(redirect::Policy::none());
    match variables::url(name, &SCHEMES, URL)? {
        Some(place) => Ok((found.at(what, &place), client.build()?, place.url)),
        None => Ok((found, client.no_proxy().build()?, own.ready())),
    }
}

pub(crate) async fn grpc(found: Found) -> Result<Found, BadVariable> {
    let place = match variables::url("GRPC_URL", &SCHEMES, GRPC_URL)? {
        Some(place) => Some(place),
        None => variables::usual_port(50051, "GRPC_URL", |address| format!("http://{address}")).await,
    };
    let Some(place) = place else {
        return Ok(found.absent(
            "gRPC",
            &[
                "docker run --rm -p 127.0.0.1:2379:2379 quay.io/coreos/etcd:v3.5.21 etcd \
                 --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://127.0.0.1:2379",
                "export GRPC_URL=http://127.0.0.1:2379",
            ],
        ));
    };
    let Place { url, variable, .. } = &place;
    let bad = || BadVariable::new(variable, GRPC_URL);
    let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| bad())?;
    if endpoint.uri().authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(bad());
    }
    // So that a server that went away without a word is noticed.
    let endpoint = endpoint.http2_keep_alive_interval(Duration::from_secs(10)).keep_alive_while_idle(true);
    let service = Grpc::serving(&endpoint.connect_lazy());
    Ok(found.at("gRPC", &place).check(GROUP, "grpc", service, "the server says that it is serving"))
}
