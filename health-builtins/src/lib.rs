#![doc = include_str!("../README.md")]

mod fault;
mod pressure;
mod recommended;
pub mod tcp;

pub use fault::Fault;
pub use pressure::{Gauge, Pressure, Reading, Unit};
pub use recommended::Recommended;
