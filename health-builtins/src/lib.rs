#![doc = include_str!("../README.md")]

#[cfg(feature = "dns")]
pub mod dns;
pub mod combine;
mod fault;
#[cfg(feature = "sqlx-mysql")]
pub mod mysql;
#[cfg(any(feature = "sqlx-mysql", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod pool;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "grpc")]
pub mod grpc;
mod machine;
mod pressure;
mod reach;
mod recommended;
#[cfg(feature = "sqlx-sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlx-mysql", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod sqlx_pool;
#[cfg(feature = "redis")]
pub mod redis;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;

pub use fault::Fault;
#[cfg(any(feature = "sqlx-mysql", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use pool::{Connections, Counted};
pub use machine::{descriptors, load, memory, psi};
#[cfg(feature = "disk")]
pub use machine::disk;
pub use machine::{descriptors, folder, load, memory, psi, runtime};
pub use pressure::{Gauge, Pressure, Reading, Unit};
pub use recommended::Recommended;
