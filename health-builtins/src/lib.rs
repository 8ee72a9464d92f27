#![cfg_attr(
    all(
        feature = "dns",
        feature = "grpc",
        feature = "http",
        feature = "nats",
        feature = "redis",
        feature = "sqlx-mysql",
        feature = "sqlx-postgres",
        feature = "tls"
    ),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(
        feature = "dns",
        feature = "grpc",
        feature = "http",
        feature = "nats",
        feature = "redis",
        feature = "sqlx-mysql",
        feature = "sqlx-postgres",
        feature = "tls"
    )),
    doc = "The deep checks everybody writes, written once. The README shows all; its examples need all features."
)]

mod blocking;
pub mod combine;
#[cfg(feature = "dns")]
pub mod dns;
mod fault;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
mod machine;
#[cfg(feature = "sqlx-mysql")]
pub mod mysql;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(any(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
    feature = "tokio-postgres"
))]
mod pool;
#[cfg(any(feature = "sqlx-postgres", feature = "tokio-postgres"))]
pub mod postgres;
mod pressure;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
mod reach;
mod recommended;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlx-sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlx-mysql", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sqlx_pool;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;

pub use fault::Fault;
#[cfg(all(feature = "disk", unix))]
pub use machine::disk;
pub use machine::{descriptors, folder, load, memory, psi, runtime};
#[cfg(any(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
    feature = "tokio-postgres"
))]
pub use pool::{Connections, Counted};
pub use pressure::{Gauge, Pressure, Reading, Unit};
pub use recommended::Recommended;
