//! Something the application opens once, before which it is not ready.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::Location;
use crate::engine::Engine;

/// Something the application opens once, before which it is not ready: migrations, a warm cache, a first
/// configuration.
///
/// Clones are the same gate. A gate holds ready, not startup, unless it [says so](Self::holding_startup): a long
/// migration then never makes the orchestrator kill the process. When the last clone is dropped unopened, the gate
/// can never open; the log and every report say so.
///
/// ```
/// use health_core::{Gate, Health};
///
/// # async fn migrate() {}
/// # async fn run() -> Result<(), health_core::BuildError> {
/// let migrations = Gate::new("migrations");
/// let health = Health::builder().gate(&migrations).build()?.start();
/// migrate().await;
/// migrations.open();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Gate {
    state: Arc<GateState>,
    /// Counts the application's clones; the engine has none.
    _held: Arc<Held>,
}

struct Held(Arc<GateState>);

pub(crate) struct GateState {
    pub(crate) name: Cow<'static, str>,
    pub(crate) location: Location,
    holds_startup: AtomicBool,
    open: AtomicBool,
    dropped: AtomicBool,
    listeners: Mutex<Vec<Weak<Engine>>>,
}

impl Gate {
    /// A closed gate.
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let state = Arc::new(GateState {
            name: name.into(),
            location: Location::caller(),
            holds_startup: AtomicBool::new(false),
            open: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
            listeners: Mutex::default(),
        });
        Self { _held: Arc::new(Held(Arc::clone(&state))), state }
    }

    /// While closed it holds startup too, and with it the orchestrator's patience: a startup probe that fails for
    /// too long kills the process. Say it before the gate is handed to a builder.
    #[must_use]
    pub fn holding_startup(self) -> Self {
        self.state.holds_startup.store(true, Ordering::Release);
        self
    }

    /// Opens the gate, for good. Opening it again changes nothing.
    pub fn open(&self) {
        if !self.state.open.swap(true, Ordering::AcqRel) {
            self.state.tell();
        }
    }

    /// Whether it has been opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    pub(crate) fn state(&self) -> &Arc<GateState> {
        &self.state
    }
}

impl GateState {
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    pub(crate) fn holds_startup(&self) -> bool {
        self.holds_startup.load(Ordering::Acquire)
    }

    /// From now on `engine` hears of every change, for as long as it lives.
    pub(crate) fn listen(&self, engine: Weak<Engine>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|known| known.strong_count() > 0);
        listeners.push(engine);
    }

    /// Tells every engine that is still running; whether there was one.
    fn tell(&self) -> bool {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running: Vec<_> = listeners.iter().filter_map(Weak::upgrade).collect();
        running.iter().for_each(|engine| engine.gate_changed());
        !running.is_empty()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.0.is_open() {
            self.0.dropped.store(true, Ordering::Release);
            if self.0.tell() {
                tracing::error!(target: "health", gate = %self.0.name, "a gate was dropped unopened and can never open");
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("name", &self.state.name).field("open", &self.is_open()).finish()
    }
}
