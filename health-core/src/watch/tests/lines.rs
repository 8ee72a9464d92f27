//! What the log says, and what it keeps to itself.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, advance};

use super::recorder::record;
use super::*;
use crate::Change;
use crate::probe::PerProbe;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_flip_is_a_line_as_loud_as_it_deserves() {
    use Status::{Degraded, Healthy, Unhealthy};
    let (log, _guard) = record();
    let journal = journal(["db", "minor"]);
    journal.hears(first(0, Healthy));
    journal.hears(News::Check {
        check: 0,
        from: Ok(Healthy),
        to: Ok(Unhealthy),
        observation: Some(seen(Unhealthy, "gone", "ENOENT")),
    });
    journal.hears(flip(0, Unhealthy, Degraded));
    journal.hears(flip(0, Degraded, Healthy));
    journal.hears(first(1, Unhealthy));
    let body = "ended=unhealthy duration_ms=12.0";
    assert_eq!(
        log.take(),
        [
            "DEBUG message=check changed check=db from=unknown to=healthy ended=healthy duration_ms=12.0"
                .into(),
            format!(
                "ERROR message=check changed check=db from=healthy to=unhealthy {body} summary=gone error=ENOENT"
            ),
            "WARN message=check changed check=db from=unhealthy to=degraded ended=degraded duration_ms=12.0"
                .into(),
            "INFO message=check changed check=db from=degraded to=healthy ended=healthy duration_ms=12.0"
                .into(),
            format!("WARN message=check changed check=minor from=unknown to=unhealthy {body}"),
        ]
    );
}

#[test]
fn a_stale_check_is_as_loud_as_an_unhealthy_one_and_repeats_nothing() {
    let (log, _guard) = record();
    let journal = journal(["db", "minor"]);
    let last = Some(seen(Status::Healthy, "all well", ""));
    for check in [0, 1] {
        let (from, observation) = (Ok(Status::Healthy), last.clone());
        journal.hears(News::Check { check, from, to: Err(Unknown::Stale), observation });
    }
    let back =
        News::Check { check: 0, from: Err(Unknown::Stale), to: Ok(Status::Healthy), observation: last };
    journal.hears(back);
    let lines = log.take();
    assert_eq!(lines[0], "ERROR message=check changed check=db from=healthy to=unknown ended=stale");
    assert_eq!(lines[1], "WARN message=check changed check=minor from=healthy to=unknown ended=stale");
    assert!(
        lines[2].starts_with("INFO message=check changed check=db from=unknown to=healthy"),
        "{}",
        lines[2]
    );
    let flips = journal.flips(0);
    assert!(matches!(flips.last[0].change(), Change::Check { summary: None, .. }), "{flips:?}");
}

#[test]
fn probes_phases_mutes_and_causes_have_their_lines() {
    use Status::{Healthy, Unhealthy};
    let (log, _guard) = record();
    let journal = journal(["db"]);
    let at = |phase, check| Box::new(report(Probe::Ready, phase, Unhealthy, ("db", check)));
    let changed = |report| News::Probe { probe: Probe::Ready, from: Healthy, to: Unhealthy, report };
    journal.hears(News::Phase { from: Phase::Starting, to: Phase::Running });
    journal.hears(changed(at(Phase::Running, Unhealthy)));
    journal.hears(changed(at(Phase::Draining, Healthy)));
    journal.hears(changed(at(Phase::Draining, Unhealthy)));
    journal.hears(News::Muted { check: 0, until: SystemTime::UNIX_EPOCH, reason: "planned".into() });
    journal.hears(News::Unmuted { check: 0 });
    let (before, now) = (seen(Unhealthy, "", "took 9 ms"), seen(Unhealthy, "", "took 10 ms"));
    journal.hears(News::Cause { check: 0, before, now: now.clone() });
    journal.hears(News::Cause { check: 0, before: now, now: seen(Unhealthy, "", "refused") });
    let probe = "message=probe changed probe=ready from=healthy to=unhealthy";
    assert_eq!(
        log.take(),
        [
            "INFO message=phase changed from=starting to=running".into(),
            format!("ERROR {probe} phase=running failing=db"),
            format!("INFO {probe} phase=draining"),
            format!("ERROR {probe} phase=draining failing=db"),
            "WARN message=check muted check=db until=1970-01-01T00:00:00.000Z reason=planned".into(),
            "INFO message=check unmuted check=db".into(),
            "WARN message=cause changed check=db from=unhealthy to=unhealthy ended=unhealthy duration_ms=12.0 \
             error=refused"
                .into(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_flaps_is_quiet_in_the_log_and_nowhere_else() {
    use Status::{Healthy, Unhealthy};
    let (log, _guard) = record();
    let journal = journal(["db", "minor"]);
    let mut subscription = journal.subscribe();
    let nobody_asks = |_| -> Report { panic!("no probe is in trouble") };
    journal.hears(first(0, Healthy));
    let mut heard = vec![subscription.next().await.unwrap()];
    let mut status = Healthy;
    // Once a minute for twenty minutes.
    for _ in 0..21 {
        let to = if status == Healthy { Unhealthy } else { Healthy };
        journal.hears(flip(0, status, to));
        if to == Unhealthy {
            let (before, now) = (seen(Unhealthy, "", ""), seen(Unhealthy, "", "another"));
            journal.hears(News::Cause { check: 0, before, now });
        }
        heard.push(subscription.next().await.unwrap());
        status = to;
        advance(MINUTE).await;
        journal.due(Instant::now(), nobody_asks);
    }
    let lines = log.take();
    let (single, rest) = lines.split_at(10);
    let of = |level: &str| single.iter().filter(|line| line.starts_with(level)).count();
    assert_eq!(["DEBUG", "ERROR", "INFO", "WARN message=cause changed"].map(of), [1, 3, 3, 3], "{single:#?}");
    assert_eq!(
        rest,
        [
            "WARN message=flapping check=db flips=7 status=unhealthy ended=unhealthy",
            "WARN message=still flapping check=db flips=11 status=unhealthy ended=unhealthy error=another",
            "WARN message=still flapping check=db flips=16 status=healthy ended=healthy",
            "WARN message=still flapping check=db flips=21 status=unhealthy ended=unhealthy error=another",
        ]
    );
    // Another check is as loud as ever.
    journal.hears(first(1, Unhealthy));
    assert_eq!(log.take().len(), 1);

    // It stops flipping; nothing wakes the journal but its own clock.
    let began = Instant::now();
    while let Some(due) = journal.next_due() {
        tokio::time::sleep_until(due).await;
        journal.due(Instant::now(), nobody_asks);
    }
    let calm = "ERROR message=calm again check=db flips=21 status=unhealthy ended=unhealthy error=another";
    assert_eq!(log.take(), [calm]);
    // The last flip but six leaves the window after three minutes, the next line is due after five.
    assert_eq!(began.elapsed(), 5 * MINUTE);
    journal.hears(flip(0, Unhealthy, Healthy));
    let now = seen(Status::Degraded, "", "a third");
    journal.hears(News::Cause { check: 0, before: seen(Unhealthy, "", "another"), now });
    let lines = log.take();
    assert!(lines[0].starts_with("INFO message=check changed"));
    assert!(lines[1].starts_with("WARN message=cause changed"));

    let flips = journal.flips(0);
    assert_eq!(flips.last.split_last().unwrap().1, heard, "history has what was heard, and both have all");
    assert_eq!(heard.len(), 22);
    assert!(heard.iter().all(|transition| transition.missed() == 0));
    let entered = [Healthy, Unhealthy].map(|status| flips.entered.of(Ok(status)));
    assert_eq!(entered, [12, 11]);
}

#[tokio::test(start_paused = true)]
async fn that_it_is_calm_is_said_before_the_next_flip_though_nobody_looked() {
    let (log, _guard) = record();
    let journal = journal(["db"]);
    for turn in 0..7 {
        journal.hears(flip(0, Status::ALL[turn % 2], Status::ALL[(turn + 1) % 2]));
    }
    log.take();
    advance(60 * MINUTE).await;
    journal.hears(flip(0, Status::Degraded, Status::Healthy));
    let lines = log.take();
    assert!(lines[0].starts_with("WARN message=calm again check=db flips=7 status=degraded"), "{lines:#?}");
    assert!(lines[1].starts_with("INFO message=check changed"), "{lines:#?}");
    assert_eq!(journal.next_due(), None);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_probe_is_recalled_every_five_minutes() {
    use Status::{Degraded, Healthy, Unhealthy};
    let (log, _guard) = record();
    let journal = journal(["db"]);
    assert_eq!(journal.next_due(), None);
    journal.begin(PerProbe::new(|probe| if probe == Probe::Live { Healthy } else { Unhealthy }));
    let starting = |probe| report(probe, Phase::Starting, Unhealthy, ("db", Unhealthy));
    let began = Instant::now();
    for _ in 0..2 {
        tokio::time::sleep_until(journal.next_due().unwrap()).await;
        journal.due(Instant::now(), starting);
    }
    assert_eq!(began.elapsed(), 10 * MINUTE);
    let lines = log.take();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let begin = "WARN message=still not healthy probe=ready status=unhealthy phase=starting \
                 failing=db (since 1970-01-01T00:00:00.000Z) waiting_for=gate:migrations since=";
    assert!(lines[0].starts_with(begin), "{}", lines[0]);
    assert!(lines[1].contains("probe=startup"), "{}", lines[1]);

    let passed = |probe, from, to| {
        let report = Box::new(report(probe, Phase::Running, to, ("db", to)));
        journal.hears(News::Probe { probe, from, to, report });
    };
    passed(Probe::Startup, Unhealthy, Healthy);
    passed(Probe::Ready, Unhealthy, Healthy);
    assert_eq!(journal.next_due(), None);
    passed(Probe::Ready, Healthy, Degraded);
    log.take();
    advance(5 * MINUTE).await;
    journal.due(Instant::now(), |probe| report(probe, Phase::Running, Degraded, ("db", Degraded)));
    assert_eq!(log.take().len(), 1);

    // Draining is what was asked for; what fails meanwhile is not.
    advance(5 * MINUTE).await;
    journal.due(Instant::now(), |probe| report(probe, Phase::Draining, Unhealthy, ("db", Degraded)));
    assert!(log.take().is_empty());
    advance(5 * MINUTE).await;
    journal.due(Instant::now(), |probe| report(probe, Phase::Draining, Unhealthy, ("db", Unhealthy)));
    assert_eq!(log.take().len(), 1);
    // It has recovered, and nobody has noted it yet.
    advance(5 * MINUTE).await;
    journal.due(Instant::now(), |probe| report(probe, Phase::Running, Healthy, ("db", Healthy)));
    assert!(log.take().is_empty());

    let ready = journal.time_in(Probe::Ready);
    assert_eq!(Status::ALL.map(|status| ready.spent(status)), [Duration::ZERO, 20 * MINUTE, 10 * MINUTE]);
    assert_eq!(Status::ALL.map(|status| ready.times_entered(status)), [1, 1, 0]);
    assert_eq!(journal.time_in(Probe::Live).spent(Healthy), 30 * MINUTE);
}
