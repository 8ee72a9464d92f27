//! How many read along of those who are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Clones are the same crowd.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd(Arc<AtomicUsize>);

/// One of a crowd, until this is dropped.
#[derive(Debug)]
pub(super) struct Place(Crowd);

impl Crowd {
    /// A place, if fewer than this many are taken.
    pub(super) fn place(&self, limit: usize) -> Option<Place> {
        let one_more = |taken| if taken < limit { Some(taken + 1) } else { None };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
