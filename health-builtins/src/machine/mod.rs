//! What an instance has for itself: the machine below it, and its own process.

mod cgroup;
pub mod descriptors;
#[cfg(all(feature = "disk", unix))]
pub mod disk;
pub mod folder;
pub mod load;
pub mod memory;
pub mod psi;
#[cfg(test)]
mod recorded;
pub mod runtime;
mod tree;

/// A part of a whole, between 0 and 1 unless there is more than there may be. Of nothing, everything is used.
#[allow(clippy::cast_precision_loss)] // Nobody looks at the sixteenth digit.
fn share(used: u64, of: u64) -> f64 {
    if of == 0 { 1.0 } else { used as f64 / of as f64 }
}
