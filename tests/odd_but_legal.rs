//! The attribute in every place and form in which Rust lets a function stand. Every declaration below has to be found
//! under its name, at its own line.

#![deny(warnings)]
#![allow(dead_code, unused_variables, reason = "most of it is never asked")]
#![allow(
    clippy::borrowed_box,
    clippy::multiple_bound_locations,
    clippy::needless_lifetimes,
    clippy::ptr_arg,
    clippy::too_many_arguments,
    reason = "legal, however odd"
)]

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fixture_edition2021 as _;
use fixture_renamed as _;
use health_core::{
    Declaration, Failure, Health, HealthCheck, HealthComponent, Outcome, Probe, Status, health_check,
};

/// Checks that `name` is declared once, by the one line of this file that begins with `line`.
#[track_caller]
fn assert_declared(name: &str, line: &str) {
    let source = include_str!("odd_but_legal.rs").lines().zip(1..);
    let lines: Vec<u32> =
        source.filter(|(text, _)| text.trim().starts_with(line)).map(|(_, number)| number).collect();
    assert_eq!(lines.len(), 1, "the test is wrong about {line:?}");
    let catalog = health_core::catalog();
    let found = catalog.declarations().iter().filter(|declaration| declaration.name() == name);
    let found: Vec<_> =
        found.map(|declaration| (declaration.location().file(), declaration.location().line())).collect();
    assert_eq!(found, [(file!(), lines[0])], "{name}");
}

#[health_check]
async fn r#async(r#type: &u8) {}

#[test]
fn a_raw_identifier_is_named_without_its_prefix() {
    assert_declared("async", "async fn r#async(");
}

#[rustfmt::skip]
#[health_check(name = "one-line", timeout = "2s")] #[inline] pub(crate) async fn on_one_line() {}

#[rustfmt::skip]
#[health_check(
    name = "many-lines",
)]
#[inline]
pub
async
fn
many_lines
(
)
{
}

#[test]
fn the_place_is_that_of_the_name() {
    assert_declared("one-line", "#[health_check(name = \"one-line\"");
    assert_declared("many-lines", "many_lines");
}

mod inner {
    pub mod deeper {
        use health_core::health_check;

        struct Private;

        #[health_check(name = "in-a-module")]
        async fn hidden(private: &Private) {}
    }
}

struct Fine;

impl HealthCheck for Fine {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

#[test]
fn in_modules_and_functions() {
    struct Local;

    #[health_check(name = "in-a-function")]
    async fn nested(local: &Local) -> Result<(), LocalError> {
        const LIMIT: Duration = Duration::from_millis(3);

        #[health_check(name = "in-a-function/in-a-function", timeout = LIMIT)]
        async fn doubly_nested() {}
        Ok(())
    }

    #[derive(Debug)]
    struct LocalError;

    impl Display for LocalError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("local")
        }
    }

    impl std::error::Error for LocalError {}

    #[derive(HealthComponent)]
    #[health(name = "in-a-function/component")]
    struct Component {
        #[health(check)]
        check: Fine,
    }

    assert_declared("in-a-module", "async fn hidden(");
    assert_declared("in-a-function", "async fn nested(");
    assert_declared("in-a-function/in-a-function", "async fn doubly_nested(");
    assert_declared("in-a-function/component/check", "check: Fine");
}

trait Queue: Send + Sync {
    fn depth(&self) -> usize;
}

/// Implemented for the pointer too, which must not be mistaken for what it points to.
impl<Q: Queue + ?Sized> Queue for Arc<Q> {
    fn depth(&self) -> usize {
        1_000 + (**self).depth()
    }
}

impl Queue for u8 {
    fn depth(&self) -> usize {
        usize::from(*self)
    }
}

#[health_check(name = "resources/trait-object")]
async fn trait_object(queue: &dyn Queue) -> Outcome {
    Outcome::healthy().data("depth", queue.depth())
}

#[health_check(name = "resources/bounds", blocking = true)]
fn bounds(one: &(dyn Display + Send + Sync), two: &(dyn Display + Send + Sync + 'static)) -> Outcome {
    Outcome::degraded(format!("{one}{two}"))
}

#[health_check(name = "resources/unsized")]
async fn unsized_resources(text: &str, bytes: &[u8], folder: &std::path::Path) -> Result<(), String> {
    if text == "text" && bytes == [1, 2] && folder.ends_with("folder") { Ok(()) } else { Err(text.into()) }
}

#[health_check(name = "resources/odd-types")]
async fn odd_types(
    tuple: &(u8, &'static str),
    function: &fn(&str) -> usize,
    boxed: &Box<dyn for<'x> Fn(&'x str) -> &'x str + Send + Sync>,
    array: &[Mutex<u8>; 2],
    elided: &Cow<'_, str>,
    reference: &&'static u32,
    #[allow(unused_parens)] parenthesized: (&i8),
    qualified: &<u8 as std::str::FromStr>::Err,
) {
}

#[health_check(name = "resources/patterns")]
async fn patterns(&byte: &u8, _: &u16, Wrapper { inner }: &Wrapper, mut again: &u32) {
    again = again.min(&5);
    let _ = again;
}

struct Wrapper {
    inner: u8,
}

struct Borrowed<'a>(&'a str);

impl From<Borrowed<'_>> for Failure {
    fn from(error: Borrowed<'_>) -> Self {
        Self::new(error.0.to_owned())
    }
}

#[health_check(name = "borrowed/elided")]
async fn elided(text: &str) -> Result<(), Borrowed<'_>> {
    Err(Borrowed(text))
}

#[health_check(name = "borrowed/named")]
async fn named<'text, 'rest: 'text>(text: &'text str, rest: &'rest u8) -> Result<Status, Borrowed<'text>>
where
    'rest: 'text,
{
    Err(Borrowed(text))
}

#[health_check(name = "borrowed/blocking", blocking = true)]
fn blocking<'text>(text: &'text str) -> Result<(), &'text str> {
    Err(text)
}

mod framework {
    pub use health_core as health;

    macro_rules! declare {
        ($(#[$attr:meta])* $vis:vis fn $function:ident($($parameter:ident: $ty:ty),*) $body:block, $name:literal, $limit:expr) => {
            #[health_core::health_check(name = $name, timeout = $limit, crate = $crate::framework::health)]
            $(#[$attr])*
            $vis async fn $function($($parameter: $ty),*) $body
        };
    }
    pub(crate) use declare;
}

#[health_check(name = "paths/re-exported", crate = crate::framework::health)]
async fn re_exported() {}

#[framework::health::health_check(name = "paths/by-path", crate = ::health_core)]
async fn by_path() {}

framework::declare! {
    /// From a macro.
    pub(crate) fn from_a_macro(text: &str, queue: &'_ dyn Queue) {}, "paths/macro", Duration::from_secs(1)
}
fixture_renamed::declare!(from_another_crate);

#[test]
fn paths_and_macros() {
    assert_declared("paths/re-exported", "async fn re_exported(");
    assert_declared("paths/by-path", "async fn by_path(");
    assert_declared("paths/macro", "pub(crate) fn from_a_macro(");
    assert_declared("from_another_crate", "fixture_renamed::declare!(");
}

const LIMIT: Duration = Duration::from_millis(20);

const fn limit<const SECONDS: u64, const NANOS: u32>() -> Duration {
    Duration::new(SECONDS, NANOS)
}

#[health_check(name = "timeouts/constant", timeout = self::LIMIT)]
async fn constant() {}

#[health_check(name = "timeouts/call", timeout = limit::<{ 1 + 1 }, 5>(), critical = true)]
async fn call() {}

#[health_check(name = "timeouts/block", timeout = { let twice = 2; Duration::from_secs(twice) }, critical = true)]
async fn block() {}

#[health_check(name = "timeouts/text", timeout = r"1m 30s")]
async fn text() {}

#[health_check(name = "lists/one", probe = ["startup"], depends_on = "lists/none",)]
async fn one_of_a_list() {}

#[health_check(name = "lists/none", probe = "none", depends_on = [])]
async fn none_of_a_list() {}

#[tokio::test]
async fn functions_stay_callable_and_run() {
    r#async(&5).await;
    assert_eq!(named("text", &5).await.unwrap_err().0, "text");
    assert_eq!(blocking("text"), Err("text"));

    let queue: Arc<dyn Queue> = Arc::new(7_u8);
    let shown: Arc<dyn Display + Send + Sync> = Arc::new("seven");
    let bytes: Arc<[u8]> = Arc::new([1, 2]);
    let folder: Arc<std::path::Path> = Arc::from(std::path::Path::new("some/folder"));
    let mut builder = Health::builder()
        .resource(queue)
        .resource(shown)
        .resource(Arc::<str>::from("text"))
        .resource(bytes)
        .resource(folder)
        .resource(5_u8)
        .discover();
    let asked = [
        "resources/trait-object",
        "resources/bounds",
        "resources/unsized",
        "borrowed/elided",
        "borrowed/blocking",
    ];
    for declaration in health_core::catalog().declarations() {
        if declaration.kind() == "check" && !asked.contains(&declaration.name()) {
            builder = builder.disable(declaration.name().to_owned());
        }
    }
    let health = builder.build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    let json = serde_json::to_value(report.view(health_core::Exposure::Full)).unwrap();
    let entry = |name: &str| {
        json["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"] == name)
            .unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(entry("resources/trait-object")["data"]["depth"], 7);
    assert_eq!(entry("resources/bounds")["summary"], "sevenseven");
    assert_eq!(entry("resources/unsized")["status"], "healthy");
    assert_eq!(entry("borrowed/elided")["summary"], "text");
    assert_eq!(entry("borrowed/blocking")["error"], "text");
}

#[test]
fn what_stands_in_hostile_places_is_found() {
    let catalog = health_core::catalog();
    let names = catalog
        .declarations()
        .iter()
        .filter(|declaration| !declaration.location().file().ends_with("odd_but_legal.rs"));
    let names: Vec<_> = names.map(Declaration::name).collect();
    let expected = "bare bare/async bare/blocking by_macro renamed renamed/deep renamed/inside renamed/root \
        shadowed/async shadowed/blocking shadowed/component shadowed/component/disk shadowed/component/disks/* \
        shadowed/component/generic/resource shadowed/component/parts shadowed/component/this shadowed/component/value \
        shadowed/locals strict/all strict/blocking strict/by-macro strict/by-macro-too strict/component/disk \
        strict/component/other strict/old";
    assert_eq!(names.join(" "), expected);
}
