//! A shared path from a component that was handed in to a value inside it.

use std::sync::Arc;

/// A value inside a component that was handed in. Erasing the way to it is what lets a type contain itself: a
/// generic path would be a new type at every level.
pub(crate) struct Part<T: ?Sized>(Arc<dyn Lend<T>>);

trait Lend<T: ?Sized>: Send + Sync {
    fn lend(&self) -> Option<&T>;
}

struct Whole<T>(Arc<T>);

impl<T: Send + Sync> Lend<T> for Whole<T> {
    fn lend(&self) -> Option<&T> {
        Some(&self.0)
    }
}

struct Inside<P: ?Sized, F> {
    parent: Part<P>,
    project: F,
}

impl<P: ?Sized + 'static, T: ?Sized, F> Lend<T> for Inside<P, F>
where
    F: for<'a> Fn(&'a P) -> Option<&'a T> + Send + Sync,
{
    fn lend(&self) -> Option<&T> {
        (self.project)(self.parent.lend()?)
    }
}

impl<T: Send + Sync + 'static> Part<T> {
    pub(crate) fn whole(value: Arc<T>) -> Self {
        Self(Arc::new(Whole(value)))
    }
}

impl<T: ?Sized + 'static> Part<T> {
    /// The value; `None` when a projection on the way found nothing, as with a map whose key is gone.
    pub(crate) fn lend(&self) -> Option<&T> {
        self.0.lend()
    }

    pub(crate) fn project<U: ?Sized + 'static>(
        &self,
        project: impl for<'a> Fn(&'a T) -> Option<&'a U> + Send + Sync + 'static,
    ) -> Part<U> {
        Part(Arc::new(Inside { parent: self.clone(), project }))
    }
}

impl<T: ?Sized> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
