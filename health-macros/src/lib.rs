//! The attribute and the derive of [`health-core`](https://docs.rs/health-core), which re-exports both; depend on that
//! crate, not on this one. What is generated names `::health_core`, or what the key `crate` says, and there only a
//! hidden module that belongs to the very same release.
//!
//! Each of the two is a small compiler: `ast` reads, `valid` judges and collects every mistake, `expand` writes a
//! record and a thunk without deciding anything, and `fallback` keeps the program's shape when something is wrong.

mod args;
mod attrs;
mod check;
mod component;
mod duration;
mod errors;
mod fallback;
mod name;
mod path;
#[cfg(test)]
mod snapshot;
mod spans;
mod spec;

use proc_macro::TokenStream;

/// Declares a function to be a health check, found at link time wherever it stands.
///
/// ```
/// # struct Pool;
/// # impl Pool { async fn select_one(&self) -> std::io::Result<()> { Ok(()) } }
/// use health_core::health_check;
///
/// /// The primary database answers a trivial query.
/// #[health_check(name = "db", timeout = "500ms", scope = "shared", critical = true)]
/// async fn database(pool: &Pool) -> std::io::Result<()> {
///     pool.select_one().await
/// }
///
/// /// The data folder takes files.
/// #[health_check(probe = ["ready", "startup"], scope = "local", depends_on = ["db"], blocking = true)]
/// fn data_folder(folder: &std::path::Path) -> std::io::Result<()> {
///     let probe = folder.join(".probe");
///     std::fs::write(&probe, "")?;
///     std::fs::remove_file(&probe)
/// }
/// ```
///
/// The function stays what it was: callable, documented, under its name. The first paragraph of its doc comment is the
/// description of the check.
///
/// **Parameters** are borrowed resources, `&T` with `T: ?Sized + Send + Sync + 'static`, found by their type among what
/// was handed to the builder; `&dyn Trait` and `&str` are lent from an `Arc<dyn Trait>` and an `Arc<str>`. Whatever is
/// missing is a problem of `build()`, never of a poll.
///
/// **What it returns** is `()`, `Status`, `Outcome`, or a `Result` of one of them whose error is any
/// `std::error::Error + Send + Sync`, a text, or a `Failure`.
///
/// | key | form | default |
/// |---|---|---|
/// | `name` | segments of `a-z 0-9 - _` separated by `/`, no `__` | the function's name |
/// | `probe` | `"ready"`, `"live"`, `"startup"`, a list of them, or `"none"`: listed and measured, weighs nowhere | `"ready"` |
/// | `timeout` | `"500ms"`, `"2s"`, `"1m 30s"`, or a constant `Duration` expression | 700 ms |
/// | `critical` | `true`, or `false` for a check that can degrade the whole but never make it unhealthy | `true`; `false` with `scope = "shared"` |
/// | `scope` | `"local"`: this process or machine; `"shared"`: others depend on it too | undeclared |
/// | `group` | the name of a group, for a quorum | none |
/// | `depends_on` | a list of full names of checks, whose failure explains a failure of this one | none |
/// | `interval` | how often the engine refreshes it by itself: a duration as `timeout`, or `"never"` for on demand only | 10 s |
/// | `cache` | how old an observation may be before a poll asks for a new one | 1 s; the interval when a duration is declared for it or when `timeout` is not below the deadline (with `"never"` always 1 s) |
/// | `max_age` | how long an observation is usable at all | 3 x (interval, or `backoff` when larger; `"never"` counts as 10 s) + timeout |
/// | `failure_threshold` | a number from 1 on: how many observations in a row must be worse before the held status gets worse | 1 |
/// | `success_threshold` | a number from 1 on: how many observations in a row must be better before the held status gets better | 1 |
/// | `backoff` | the ceiling up to which the interval doubles while it is unhealthy (degraded is not failing) | off |
/// | `idle` | a canary: run only when no real traffic has reported for this long; takes the place of `interval` and `cache` | off |
/// | `blocking` | on a plain `fn`, which must say it: `true` runs it on a thread of the engine's own, `false` at once | |
/// | `enabled` | `false` leaves the check out | `true` |
/// | `crate` | `::path` or `crate::path` of a re-exported `health_core` | `::health_core` |
///
/// A function that calls a check of [`health-builtins`](https://docs.rs/health-builtins) says here what that check
/// recommends, because nobody asks it: `scope = "shared", timeout = "2s"` over the network, with `interval = "30s"` as
/// well if it writes, `scope = "local", timeout = "5s", critical = false` for a pressure.
///
/// A check in `"live"` must say `scope = "local"`: a failing liveness probe restarts the process, which repairs nothing
/// that others share. Nor can it say `interval = "never"`: what nobody refreshes grows old.
///
/// Limits that contradict each other are refused where they are written, if all of them are text; where a constant or a
/// default is part of it, by `build()`. A `max_age` must be longer than `cache`, `interval` or `backoff`, whichever is
/// longest, and `timeout` together; a `backoff` cannot be shorter than the interval; beside `idle` stand neither
/// `interval` nor `cache`.
#[proc_macro_attribute]
pub fn health_check(args: TokenStream, item: TokenStream) -> TokenStream {
    check::attribute(args.into(), item.into()).into()
}

/// Declares what a component checks: a struct whose fields are checks, named below it.
///
/// ```
/// # use health_core::{Failure, HealthCheck, Outcome};
/// # struct Client;
/// # async fn ping_ledger(_client: &Client) -> std::io::Result<()> { Ok(()) }
/// # struct Queue;
/// # impl HealthCheck for Queue {
/// #     async fn check(&self) -> Result<Outcome, Failure> { Ok(Outcome::healthy()) }
/// # }
/// # #[derive(HealthComponent)]
/// # struct Archive { #[health(check)] disk: Queue }
/// use std::collections::BTreeMap;
///
/// use health_core::HealthComponent;
///
/// /// Everything billing needs.
/// #[derive(HealthComponent)]
/// #[health(name = "billing", group = "payments")]
/// struct Billing {
///     /// The ledger answers.
///     #[health(check = ping_ledger, timeout = "2s")]
///     ledger: Client,
///     #[health(check, critical = false)]
///     invoices: Queue,
///     #[health(component)]
///     archive: Archive,
///     #[health(each, critical = false)]
///     shards: BTreeMap<String, Queue>,
///     retries: u32,
/// }
/// ```
///
/// A field without `#[health(...)]` is no check. One with it has one **role**:
///
/// | role | the field | named |
/// |---|---|---|
/// | `check` | implements `HealthCheck` | `billing/invoices` |
/// | `check = function` | is what `function` takes by reference: an `async fn`, or a `fn` with `blocking` | `billing/ledger` |
/// | `component` | is a component itself, or an `Option`, `Box` or `Arc` of one | `billing/archive/disk` |
/// | `each` | is a map of names to checks; says `critical`, or is in a group | `billing/shards/eu` |
///
/// Beside a role stand the keys of [`macro@health_check`], with the same defaults: `name` (by default the field's),
/// `probe`, `timeout`, `critical`, `scope`, `group`, `depends_on`, `interval`, `cache`, `max_age`, `failure_threshold`,
/// `success_threshold`, `backoff`, `idle`, `enabled`, and `blocking` beside `check = function`.
/// A `component` takes `name` only.
///
/// What a field does not say with these keys is as its type says (`HealthCheck::defaults`), and else as in
/// [`health_check`](macro@health_check): the checks of [`health-builtins`](https://docs.rs/health-builtins) over the
/// network are shared and have 2 s to answer, its pressures are local and not critical. What writes is best asked seldom:
/// `interval = "30s"`.
///
/// On the struct stand:
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name` | what it is called where it is handed in under no other name | the type's name, as `snake_case` |
/// | `group` | the group of every check inside that names none | none |
/// | `check` | the struct implements `HealthCheck` and is a check under its own name, with the keys of one beside it | |
/// | `crate` | `::path` or `crate::path` of a re-exported `health_core` | `::health_core` |
///
/// The impl asks every type parameter to be `Send + Sync + 'static`, and to be a check or a component where a field of
/// that role consists of it. A generic type is listed once it is handed in, any other at link time.
#[proc_macro_derive(HealthComponent, attributes(health))]
pub fn derive_health_component(input: TokenStream) -> TokenStream {
    component::derive(input.into()).into()
}
