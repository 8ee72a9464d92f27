//! What the cells of one engine share with it, so that a run needs its cell and never the engine.

use super::agenda::Agenda;
use super::signal::Signal;
use super::vigil::Vigil;
use crate::watch::Journal;

pub(super) struct Shared {
    pub(super) signal: Signal,
    pub(super) agenda: Agenda,
    pub(super) journal: std::sync::Arc<Journal>,
    pub(super) vigil: std::sync::Arc<Vigil>,
}
