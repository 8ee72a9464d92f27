//! What several test files share: captured logs, scripted checks, running examples, real servers.

pub mod asking;
pub mod browser;
pub mod exposition;
pub mod haproxy;
pub mod http;
pub mod leaks;
pub mod leaving;
pub mod logs;
pub mod panics;
pub mod postgres;
pub mod programs;
pub mod scripts;
pub mod servers;
pub mod shop;
pub mod sse;
pub mod states;
pub mod states_of_db;
#[cfg(unix)]
pub mod systemd;
pub mod transitions;
