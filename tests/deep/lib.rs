//! What the tests of the deep checks share: a check that is asked like any other, and a way to it that can be broken.

pub mod apart;
pub mod asked;
pub mod certificates;
pub mod mariadb;
pub mod nats;
pub mod nginx;
pub mod own_mounts;
pub mod postgres;
pub mod proxy;
pub mod rabbitmq;
pub mod redis;
pub mod tls;
