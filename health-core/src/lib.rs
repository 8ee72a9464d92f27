#![doc = include_str!("../README.md")]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private_v1;
mod aggregate;
mod assembly;
mod builder;
mod catalog;
mod check;
mod component;
mod config;
mod engine;
mod failure;
mod gate;
mod graph;
mod group;
mod health;
mod heartbeat;
mod inquiry;
mod listing;
mod location;
mod name;
mod outcome;
mod period;
mod phase;
mod probe;
mod problem;
mod redact;
mod report;
mod reporter;
mod resources;
mod shutdown;
mod spec;
mod status;
mod sync;
#[cfg(all(feature = "systemd", unix))]
mod systemd;
mod view;
mod watch;
mod work;

pub use assembly::Assembly;
pub use builder::{DEFAULT_DEADLINE, DEFAULT_MAX_RUNS, HealthBuilder};
pub use catalog::{Catalog, Declaration, catalog};
pub use check::HealthCheck;
pub use component::{HealthComponent, NamedChecks, Parts};
pub use config::HealthConfig;
pub use engine::{Ended, Runs};
pub use failure::Failure;
pub use gate::Gate;
pub use group::Quorum;
pub use health::{Health, MuteError};
#[cfg(feature = "macros")]
pub use health_macros::{HealthComponent, health_check};
pub use heartbeat::Heartbeat;
pub use inquiry::{Inquiry, Question};
pub use listing::{Format, KubernetesProbes, Listing, PrometheusRules, UnknownFormat};
pub use location::Location;
pub use outcome::{Datum, IntoOutcome, Outcome};
pub use period::Period;
pub use phase::Phase;
pub use probe::{Probe, ProbeSet};
pub use problem::{BuildError, Problem, ProblemKind};
pub use report::{Entry, Report, Unknown};
pub use reporter::Reporter;
pub use shutdown::ShutdownStep;
pub use spec::{DEFAULT_CACHE, DEFAULT_INTERVAL, DEFAULT_TIMEOUT, Interval, InvalidInterval, Scope, Spec};
pub use status::Status;
#[cfg(all(feature = "systemd", unix))]
pub use systemd::Systemd;
pub use view::{EntryView, Exposure, Form, RenderError, View, timestamp};
pub use watch::{Change, History, Subscription, TimeIn, Transition};
pub use work::{Hold, Work};
