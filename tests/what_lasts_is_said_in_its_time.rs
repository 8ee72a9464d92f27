//! What goes on for long is said in its time: what has become stale, who is muted, what is still not healthy, what
//! flaps.

use std::time::Duration;

use health_core::{Change, Failure, Gate, Health, Reporter, Spec, Status, Unknown};
use health_tests::logs::{lines_with, record};
use health_tests::transitions::{is_a_chain, pending, told};
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One check that says what it is told to.
fn reported(name: &'static str) -> (Health, Reporter) {
    let reporter = Reporter::new(Spec::named(name).max_age("10h"));
    (Health::builder().reporter(&reporter).build().unwrap().start(), reporter)
}

fn says(reporter: &Reporter, status: Status) {
    match status {
        Status::Healthy => reporter.healthy(),
        Status::Degraded => reporter.degraded("slow"),
        Status::Unhealthy => reporter.unhealthy(Failure::new("gone").because("secret")),
    }
}

#[tokio::test(start_paused = true)]
async fn a_mute_and_its_end_are_told_and_logged() {
    record();
    let (health, reporter) = reported("changes-muted");
    says(&reporter, Status::Unhealthy);
    sleep(MS).await;
    let mut subscription = health.subscribe();
    health.mute("changes-muted", "10m", "replacing the disk, token=abcdefabcdef0123").unwrap();
    let muted = pending(&mut subscription);
    assert_eq!(
        muted.iter().map(told).collect::<Vec<_>>(),
        ["changes-muted muted", "ready unhealthy-degraded"]
    );
    let Change::Muted { reason, .. } = muted[0].change() else { panic!("{muted:?}") };
    assert!(reason.starts_with("replacing the disk") && !reason.contains("abcdefabcdef"), "{reason}");
    sleep(s(599)).await;
    assert_eq!(pending(&mut subscription), []);
    sleep(s(1) + 5 * MS).await;
    let ended = pending(&mut subscription);
    assert_eq!(
        ended.iter().map(told).collect::<Vec<_>>(),
        ["changes-muted unmuted", "ready degraded-unhealthy"]
    );
    health.mute("changes-muted", "10m", "again").unwrap();
    health.mute("changes-muted", "20m", "for longer").unwrap();
    assert!(health.unmute("changes-muted") && !health.unmute("changes-muted"));
    assert_eq!(pending(&mut subscription).iter().filter(|one| told(one).ends_with("unmuted")).count(), 1);
    sleep(s(3_600)).await;
    assert!(
        pending(&mut subscription).iter().all(|one| !told(one).contains("muted")),
        "no end without a mute"
    );
    assert_eq!(lines_with(&["WARN", "check muted", "check=changes-muted"]).len(), 3);
    assert_eq!(lines_with(&["INFO", "check unmuted", "check=changes-muted"]).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_stale_becomes_unknown_for_everybody() {
    record();
    let reporter = Reporter::new(Spec::named("changes-stale").max_age("1m"));
    let asked = Spec::named("changes-never").interval("never");
    let health = Health::builder().reporter(&reporter).check_fn(asked, async || {}).build().unwrap().start();
    let mut subscription = health.subscribe();
    reporter.healthy();
    sleep(s(60) - MS).await;
    assert_eq!(
        pending(&mut subscription).iter().map(told).collect::<Vec<_>>(),
        ["changes-stale unknown-healthy", "changes-never unknown-healthy", "ready unhealthy-healthy"]
    );
    sleep(5 * MS).await;
    let stale = pending(&mut subscription);
    assert_eq!(
        stale.iter().map(told).collect::<Vec<_>>(),
        ["changes-stale healthy-unknown", "ready healthy-unhealthy"]
    );
    assert!(
        matches!(stale[0].change(), Change::Check { to: Err(Unknown::Stale), summary: None, .. }),
        "{stale:?}"
    );
    assert_eq!(health.history("changes-stale").unwrap().times_entered(Err(Unknown::Stale)), 1);
    sleep(s(3_600)).await;
    let lines = lines_with(&["check changed", "check=changes-stale ", "to=unknown"]);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("ERROR") && lines[0].contains("from=healthy"), "{}", lines[0]);
    assert!(lines[0].contains("ended=stale"), "{}", lines[0]);
    reporter.healthy();
    sleep(MS).await;
    assert_eq!(
        pending(&mut subscription).iter().map(told).collect::<Vec<_>>(),
        ["changes-stale unknown-healthy", "ready unhealthy-healthy"]
    );
    // Nobody asked it for an hour, which is no news.
    assert!(lines_with(&["check=changes-never ", "to=unknown"]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_five_minutes_somebody_is_reminded() {
    record();
    let gate = Gate::new("changes-gate");
    let reporter = Reporter::new(Spec::named("changes-down").max_age("10h"));
    let health = Health::builder().gate(&gate).reporter(&reporter).build().unwrap().start();
    let reminders = |words: &[&str]| lines_with(&[&["still not healthy"], words].concat());
    says(&reporter, Status::Healthy);
    sleep(s(301)).await;
    let held = reminders(&["waiting_for=gate:changes-gate"]);
    assert_eq!(held.len(), 1, "{held:#?}");
    for part in ["WARN", "probe=ready", "status=unhealthy", "phase=starting", " since="] {
        assert!(held[0].contains(part), "{part} in {}", held[0]);
    }
    gate.open();
    sleep(s(3_600)).await;
    assert_eq!(reminders(&["waiting_for=gate:changes-gate"]).len(), 1, "all is well");

    says(&reporter, Status::Unhealthy);
    sleep(s(299)).await;
    let down = || reminders(&["probe=ready", "failing=changes-down (since 20"]);
    assert_eq!(down().len(), 0);
    for minutes in [5, 10, 15] {
        sleep(s(2)).await;
        assert_eq!(down().len(), minutes / 5, "after {minutes} minutes: {:#?}", down());
        sleep(s(298)).await;
        assert_eq!(down().len(), minutes / 5);
    }
    assert!(down().iter().all(|line| line.contains("phase=running") && !line.contains("waiting_for=")));
    // From bad to less bad is the same trouble.
    says(&reporter, Status::Degraded);
    sleep(s(2)).await;
    assert!(down().last().is_some_and(|line| line.contains("status=degraded")), "{:#?}", down());
    let since = |line: &String| line.split_once(" since=").unwrap().1.to_owned();
    assert!(down().iter().all(|line| since(line) == since(&down()[0])), "{:#?}", down());
    says(&reporter, Status::Healthy);
    sleep(s(3_600)).await;
    assert_eq!(down().len(), 4);
    // Not being ready on the way out is what was asked for.
    let before = reminders(&["phase=draining"]).len();
    health.drain();
    sleep(s(3_600)).await;
    assert_eq!(reminders(&["phase=draining"]).len(), before);
}

#[tokio::test(start_paused = true)]
async fn what_flaps_is_said_once_and_then_every_five_minutes_until_it_is_calm() {
    record();
    let (health, reporter) = reported("changes-flaps");
    let mut subscription = health.subscribe();
    let mut flips = Vec::new();
    let said = |message: &str| lines_with(&[&format!("message={message} "), "check=changes-flaps "]).len();
    says(&reporter, Status::Healthy);
    flips.extend(pending(&mut subscription));
    for flip in 1..=40 {
        sleep(s(30)).await;
        says(&reporter, if flip % 2 == 1 { Status::Unhealthy } else { Status::Healthy });
        sleep(Duration::ZERO).await;
        flips.extend(
            pending(&mut subscription).into_iter().filter(|one| told(one).starts_with("changes-flaps ")),
        );
        // The seventh makes it flapping; what was seen first is no flip, and has a line.
        assert_eq!(said("check changed"), 1 + flip.min(6));
        assert_eq!(said("flapping"), usize::from(flip >= 7), "after {flip} flips");
        // At 510 s, 810 s, 1110 s.
        let minute = (flip * 30).saturating_sub(210) / 300;
        assert!(
            said("still flapping").abs_diff(minute) <= usize::from((flip * 30 - 30) % 300 == 180),
            "{flip}"
        );
    }
    assert_eq!(flips.len(), 41, "who listens hears of each");
    is_a_chain(&flips);
    let history = health.history("changes-flaps").unwrap();
    assert_eq!(history.times_entered(Ok(Status::Unhealthy)), 20);
    assert_eq!(history.transitions().len(), 32);
    assert_eq!((said("calm again"), said("still flapping")), (0, 3));
    sleep(s(1_200)).await;
    // Six or fewer are left of ten minutes from 1620 s on, which is seen at the next line, at 1710 s.
    assert_eq!((said("calm again"), said("still flapping")), (1, 4));
    let calm = lines_with(&["message=calm again ", "check=changes-flaps "]);
    assert!(calm[0].starts_with("INFO") && calm[0].contains("status=healthy"), "{}", calm[0]);
    assert!(calm[0].contains("flips=40"), "{}", calm[0]);
    // And it has lines of its own again.
    says(&reporter, Status::Unhealthy);
    assert_eq!(said("check changed"), 8);
}
