//! Rule 12: assembly is checked once, before serving, and everything that is wrong is listed together, each with its
//! place, as a compiler would print it.

use std::collections::BTreeMap;

use health_core::{
    Failure, Gate, Health, HealthCheck, HealthComponent, HealthConfig, Outcome, Parts, Probe, Problem,
    ProblemKind, Quorum, Spec, health_check,
};

struct Pool;

#[health_check(timeout = "1s")]
async fn needs_a_pool(_pool: &Pool, _name: &str) {}

#[health_check(name = "declared/twice")]
async fn one() {}

#[health_check(name = "declared/twice")]
async fn another() {}

#[health_check(depends_on = ["databse"])]
async fn database() {}

#[health_check(name = "circle/a", depends_on = ["circle/b"])]
async fn circle_a() {}

#[health_check(name = "circle/b", depends_on = ["circle/a"])]
async fn circle_b() {}

#[health_check(enabled = false)]
async fn switched_off(_needs: &NobodyHasThis) {}

struct NobodyHasThis;

struct Shard;

impl HealthCheck for Shard {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

struct Shards(BTreeMap<String, Shard>);

impl HealthComponent for Shards {
    const NAME: &'static str = "shards";

    fn parts(parts: &mut Parts<'_, Self>) {
        parts.each(Spec::named("all").group("no-policy"), |this| &this.0);
    }
}

#[test]
fn everything_that_is_wrong_is_listed_at_once_in_the_order_of_places() {
    let error = Health::builder()
        .discover()
        .resource(1_u8)
        .resource(2_u8)
        .component(Shards(BTreeMap::from([("eu".into(), Shard), ("EU West".into(), Shard)])))
        .check_fn(Spec::named("Bad Name").timeout("0s").probe(Probe::Live), || async {})
        .group("replicas", Quorum::at_least(2))
        .gate(&Gate::new("one-gate"))
        .gate(&Gate::new("one-gate"))
        .require(["needs_a_pool", "never-linked"])
        .disable("databas")
        .deadline("soonish")
        .build()
        .unwrap_err();

    let kinds: BTreeMap<ProblemKind, usize> =
        error.problems().iter().fold(BTreeMap::new(), |mut kinds, problem| {
            *kinds.entry(problem.kind()).or_default() += 1;
            kinds
        });
    let expected = [
        (ProblemKind::MissingResource, 2), // `Pool` and `str`
        (ProblemKind::DoubledResource, 1),
        (ProblemKind::DoubledName, 2), // a check and a gate
        (ProblemKind::UnknownName, 2), // `databse` and `databas`
        (ProblemKind::Cycle, 1),
        (ProblemKind::NotLinked, 1),
        (ProblemKind::Quorum, 1),
        (ProblemKind::Spec, 6), // name, timeout, live; the key "EU West"; the undecided shards; the deadline
    ];
    assert_eq!(kinds, expected.into(), "{error}");
    let places: Vec<_> = error.problems().iter().map(|problem| problem.places()[0]).collect();
    assert!(
        places.is_sorted() && places.iter().all(|place| place.file().ends_with("problems_all_at_once.rs"))
    );

    let printed = error.to_string();
    for expected in [
        "error: `needs_a_pool` borrows a `problems_all_at_once::Pool` as `_pool`, and none was handed in\n  --> tests/problems_all_at_once.rs:14:",
        "borrows a `str` as `_name`",
        "error: the name `declared/twice` is declared 2 times\n  --> tests/problems_all_at_once.rs:17:10\n  --> tests/problems_all_at_once.rs:20:10\n  help: names are unique",
        "error: `database` depends on `databse`, and no check has that name\n  --> tests/problems_all_at_once.rs:23:10\n  help: did you mean `database`?",
        "error: checks depend on each other in a circle: `circle/a` -> `circle/b` -> `circle/a`",
        "error: `never-linked` is required, and nothing in this assembly has that name",
        "write `use the_crate as _;`",
        "error: the group `replicas` needs 2 healthy members, and 0 are enabled in it\n  --> tests/problems_all_at_once.rs:62:10\n  help: write `group = \"replicas\"` on its members, or ask for fewer",
        "error: two resources lend a `u8`",
        "error: the name `shards/all/EU West` contains 'E'; write segments",
        "error: `shards/all/EU West` is one of many and does not say what it may do to the whole",
        "error: the name `Bad Name` contains 'B'; write segments of `a-z 0-9 - _` separated by `/`",
        "error: `disable` names `databas`, and no check has that name",
        "error: the deadline \"soonish\" is no duration",
        "error: the health of this process cannot be assembled, because of 16 problems",
    ] {
        assert!(printed.contains(expected), "{expected}\nin\n{printed}");
    }
    assert_eq!(format!("{error:?}"), format!("\n{printed}"), "what `main` shows is the list");
    let io = std::io::Error::from(error);
    assert_eq!(io.to_string(), printed, "what actix's `main` shows is the list");
}

fn only_problem(error: &health_core::BuildError) -> &Problem {
    assert_eq!(error.problems().len(), 1, "{error}");
    &error.problems()[0]
}

#[test]
fn the_members_of_a_quorum_share_one_set_of_probes() {
    let member = |name: &'static str| Spec::named(name).group("g");
    let error = Health::builder()
        .check_fn(member("a"), || async {})
        .check_fn(member("b").probe(Probe::Startup), || async {})
        .group("g", Quorum::at_least(1))
        .build()
        .unwrap_err();
    let problem = only_problem(&error);
    assert_eq!(problem.kind(), ProblemKind::Quorum);
    assert!(
        problem.message().starts_with("`b` joins startup while others in the group `g` join ready"),
        "{error}"
    );
}

#[test]
fn a_quorum_of_nothing_and_a_second_policy_are_refused() {
    let builder = || Health::builder().check_fn(Spec::named("a").group("g"), || async {});
    let error = builder().group("g", Quorum::at_least(0)).build().unwrap_err();
    assert!(only_problem(&error).message().contains("asks for nothing"), "{error}");
    let error = builder().group("g", Quorum::at_least(1)).group("g", Quorum::majority()).build().unwrap_err();
    assert!(only_problem(&error).message().contains("two policies"), "{error}");
    let error = builder().group("gg", Quorum::at_least(1)).build().unwrap_err();
    assert!(error.to_string().contains("help: did you mean `g`?"), "{error}");
    let error = builder().disable("a").group("g", Quorum::majority()).build().unwrap_err();
    assert!(only_problem(&error).message().contains("needs 1 healthy member, and 0 are enabled"), "{error}");
}

#[test]
fn what_is_disabled_needs_nothing() {
    // `switched_off` borrows what nobody has, and is no part of any list of problems.
    let error = Health::builder().discover().build().unwrap_err();
    assert!(!error.to_string().contains("switched_off"), "{error}");
    let assembly = Health::builder()
        .discover()
        .disable("needs_a_pool")
        .disable("declared/twice")
        .disable("database")
        .disable("circle/a")
        .build()
        .unwrap();
    assert_eq!(assembly.names().collect::<Vec<_>>(), ["circle/b"]);
}

#[test]
fn a_required_check_may_be_disabled_but_not_missing() {
    let off = Spec::named("off").enabled(false);
    assert!(Health::builder().check_fn(off, || async {}).require(["off"]).build().is_ok());
    let error = Health::builder().discover().require(["databse"]).build().unwrap_err();
    assert!(error.to_string().contains("did you mean `database`? else: a crate that is only"), "{error}");
    let error = Health::builder().require(["database"]).build().unwrap_err();
    assert!(error.to_string().contains("nothing is discovered without `.discover()`"), "{error}");
    assert!(Health::builder().component(Shards(BTreeMap::new())).require(["shards"]).build().is_ok());
}

#[test]
fn names_and_durations_at_the_edge() {
    let build = |spec: Spec| Health::builder().check_fn(spec, || async {}).build();
    for name in ["a", "a/b", "0-9_z", "storage/primary"] {
        assert!(build(Spec::named(name)).is_ok(), "{name}");
    }
    for name in ["", "/", "a/", "/a", "a//b", "a__b", "A", "ä", "a b", "a:b", "a\nb"] {
        assert_eq!(only_problem(&build(Spec::named(name)).unwrap_err()).kind(), ProblemKind::Spec, "{name}");
    }
    assert!(build(Spec::named("x".repeat(128))).is_ok());
    assert!(build(Spec::named("x".repeat(129))).is_err());
    for (timeout, good) in
        [("1ns", true), ("366d", true), ("367d", false), ("0ms", false), ("5", false), ("-1s", false)]
    {
        assert_eq!(build(Spec::named("a").timeout(timeout)).is_ok(), good, "{timeout}");
    }
    assert!(build(Spec::named("a").timeout(std::time::Duration::MAX)).is_err());
    assert!(
        only_problem(&build(Spec::named("a").depends_on(["a"])).unwrap_err()).message().contains("itself")
    );
}

#[test]
fn a_component_whose_name_is_too_long_does_not_lose_its_checks_silently() {
    let component = Shards(BTreeMap::from([("eu".into(), Shard)]));
    let error = Health::builder().component_as("a".repeat(129), component).build().unwrap_err();
    assert!(only_problem(&error).message().contains("longer than 128 bytes"), "{error}");
    assert!(only_problem(&error).places()[0].file().ends_with("problems_all_at_once.rs"), "{error}");
}

#[test]
fn what_is_quoted_neither_ends_its_line_nor_commands_a_terminal() {
    let spec = Spec::named("a\u{1b}[2J\nerror: b").timeout("1\0s").group("\r");
    let file = serde_json::from_str(r#"{ "checks": { "\u001b[31m": { "\n": "\u0007" } } }"#).unwrap();
    let variables = HealthConfig::from_vars([("HEALTH_CHECKS__\u{9b}31m__TIMEOUT", "\u{7f}")]);
    let builder = Health::builder().check_fn(spec, || async {}).gate(&Gate::new("\t"));
    let builder = builder.config(file).config(variables).require(["\u{85}"]).disable("\u{0}");
    let error = builder.build().unwrap_err();
    assert!(error.problems().len() > 5);
    for problem in error.problems() {
        let said = [problem.message()].into_iter().chain(problem.sources().iter().map(|source| &**source));
        assert!(said.into_iter().all(|text| !text.contains(char::is_control)), "{problem:?}");
    }
    let printed = error.to_string();
    assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{printed:?}");
    assert!(printed.contains(r"`a\u{1b}[2J\nerror: b`"), "{printed}");
}
