//! Nothing is ready without a check that is required for it, whatever else is said of that check.

use health_core::{
    Health, HealthBuilder, HealthConfig, Probe, ProbeSet, ProblemKind, Quorum, Scope, Spec, Status,
};
use health_tests::logs::{lines_with, record};

fn required<const N: usize>(names: [&str; N]) -> HealthConfig {
    HealthConfig::default().required_for_ready(names, "NEEDED")
}

fn failing(spec: Spec) -> HealthBuilder {
    Health::builder().check_fn(spec, || async { Status::Unhealthy })
}

async fn ready(builder: HealthBuilder) -> Status {
    builder.build().unwrap().start().report(Probe::Ready).await.status()
}

#[tokio::test]
async fn it_weighs_in_ready_with_its_whole_weight() {
    let local = || Spec::named("a").scope(Scope::Local);
    for (spec, without) in [
        (Spec::named("a"), Status::Unhealthy),
        (Spec::named("a").critical(false), Status::Degraded),
        (Spec::named("a").scope(Scope::Shared), Status::Degraded),
        (Spec::named("a").probe(ProbeSet::NONE), Status::Healthy),
        (local().probe([Probe::Live]), Status::Healthy),
        (local().probe([Probe::Live]).critical(false), Status::Healthy),
        (Spec::named("a").group("bare").critical(false), Status::Degraded),
    ] {
        assert_eq!(ready(failing(spec.clone())).await, without, "{spec:?}");
        assert_eq!(ready(failing(spec.clone()).config(required(["a"]))).await, Status::Unhealthy, "{spec:?}");
    }
    // It joins ready and leaves nothing for it.
    let health = failing(local().probe([Probe::Live])).config(required(["a"])).build().unwrap().start();
    let report = health.overview().await;
    assert_eq!(report.entry("a").unwrap().probes(), ProbeSet::of(&[Probe::Live, Probe::Ready]));
    assert_eq!(health.report(Probe::Live).await.status(), Status::Unhealthy);
    // One that is well holds nothing.
    let well = Health::builder().check_fn(Spec::named("a").critical(false), || async { Status::Degraded });
    assert_eq!(ready(well.config(required(["a"]))).await, Status::Degraded);
}

#[tokio::test]
async fn what_is_said_by_name_does_not_take_it_back() {
    let said = HealthConfig::from_vars([
        ("HEALTH_CHECKS__A__CRITICAL", "false"),
        ("HEALTH_CHECKS__A__PROBE", "startup"),
    ]);
    for configs in [[said.clone(), required(["a"])], [required(["a"]), said]] {
        let health = configs
            .into_iter()
            .fold(failing(Spec::named("a")), HealthBuilder::config)
            .build()
            .unwrap()
            .start();
        let report = health.report(Probe::Ready).await;
        let entry = report.entry("a").unwrap();
        assert!(entry.is_critical());
        assert_eq!(entry.probes(), ProbeSet::of(&[Probe::Ready, Probe::Startup]));
    }
}

#[test]
fn a_name_that_no_check_has_is_a_problem_in_any_case() {
    for lenient in ["fail", "warn"] {
        let lenient = HealthConfig::from_vars([("HEALTH_UNKNOWN", lenient)]);
        let builder = Health::builder().check_fn(Spec::named("generate"), || async {});
        let error =
            builder.config(lenient).config(required(["Genrate", "generate", "\n"])).build().unwrap_err();
        let kinds: Vec<_> = error.problems().iter().map(|problem| problem.kind()).collect();
        assert_eq!(kinds, [ProblemKind::UnknownName; 2]);
        let printed = error.to_string();
        assert!(
            printed.contains(
                "error: `NEEDED` requires the check `Genrate`, and no check has that name\n  --> NEEDED in the \
                 environment\n  help: did you mean `generate`?"
            ),
            "{printed}"
        );
        assert!(
            printed.contains("requires the check `\\n`, and no check has that name\n")
                && printed.contains("help: name a check of this program, by its full name"),
            "{printed}"
        );
    }
}

#[test]
fn a_quorum_that_holds_without_it_is_a_problem() {
    let group = |policy: Quorum| {
        Health::builder()
            .check_fn(Spec::named("r/a").group("r"), || async {})
            .check_fn(Spec::named("r/b").group("r"), || async {})
            .group("r", policy)
            .config(required(["r/b"]))
            .build()
    };
    for policy in [Quorum::at_least(1), Quorum::at_least(2).critical(false)] {
        let error = group(policy).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        let problem = &error.problems()[0];
        assert_eq!(problem.kind(), ProblemKind::Quorum);
        assert_eq!(
            problem.message(),
            "`r/b` is required for ready, and the quorum of its group `r` holds without it"
        );
        assert_eq!(problem.sources(), ["NEEDED in the environment"]);
        assert_eq!(problem.places().len(), 2);
    }
    assert!(group(Quorum::at_least(2)).is_ok(), "it does not hold without any of them");
}

#[tokio::test]
async fn what_takes_no_part_is_not_waited_for_and_the_log_says_so() {
    record();
    let builder =
        failing(Spec::named("not-for-this-pod").enabled(false)).config(required(["not-for-this-pod"]));
    assert_eq!(ready(builder).await, Status::Healthy);
    assert_eq!(lines_with(&["WARN", "required for ready", "not-for-this-pod", "NEEDED"]).len(), 1);
}

#[test]
fn what_cannot_join_ready_like_this_is_blamed_on_what_asked_for_it() {
    let member = |name: &'static str| Spec::named(name).group("g").probe([Probe::Startup]);
    let error = Health::builder()
        .check_fn(member("g/a"), || async {})
        .check_fn(member("g/b"), || async {})
        .group("g", Quorum::at_least(2))
        .config(required(["g/a"]))
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!(error.problems()[0].sources(), ["NEEDED in the environment"]);
}
