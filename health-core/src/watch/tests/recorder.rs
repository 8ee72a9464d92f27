//! A subscriber of the log that remembers every line, and may misbehave.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};
use tracing::{Event, Metadata, Subscriber};

#[derive(Clone, Default)]
pub(super) struct Recorder {
    lines: Arc<Mutex<Vec<String>>>,
    /// Called with each line after it was remembered.
    does: Option<Arc<Does>>,
}

type Does = dyn Fn(&str) + Send + Sync;

/// Remembers what this thread logs.
pub(super) fn record() -> (Recorder, DefaultGuard) {
    Recorder::default().begins()
}

/// Remembers what this thread logs, and does something about it.
pub(super) fn record_and(does: impl Fn(&str) + Send + Sync + 'static) -> (Recorder, DefaultGuard) {
    Recorder { does: Some(Arc::new(does)), ..Recorder::default() }.begins()
}

/// What threads log that have no recorder of their own.
pub(super) fn everywhere() -> &'static Recorder {
    static EVERYWHERE: OnceLock<Recorder> = OnceLock::new();
    EVERYWHERE.get_or_init(|| {
        let recorder = Recorder::default();
        set_global_default(recorder.clone()).unwrap();
        recorder
    })
}

impl Recorder {
    fn begins(self) -> (Self, DefaultGuard) {
        let guard = set_default(self.clone());
        (self, guard)
    }

    /// The lines since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn lines_with(&self, part: &str) -> usize {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.contains(part)).count()
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "health"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = format!("{}", event.metadata().level());
        event.record(&mut Fields(&mut line));
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        if let Some(does) = &self.does {
            does(&line);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}
