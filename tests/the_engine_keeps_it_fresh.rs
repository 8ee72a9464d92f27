//! The engine refreshes what it knows by itself: each check in its own time, whoever asks or does not ask.

use std::time::Duration;

use health_core::{Ended, Health, Probe, Spec, Status, Unknown};
use health_tests::scripts::Script;
use tokio::time::{Instant, sleep, sleep_until};

const MS: Duration = Duration::from_millis(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn started(spec: Spec, script: &Script) -> Health {
    Health::builder().check_fn(spec, script.check()).build().unwrap().start()
}

/// How far the sample is from being uniform in `0..=1` at most: the Kolmogorov distance.
fn distance_from_uniform(mut sample: Vec<f64>) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distances = (0..).zip(&sample).map(|(i, x)| (x - f64::from(i) / n).max(f64::from(i + 1) / n - x));
    distances.fold(0.0, f64::max)
}

/// Of a thousand instances whose times are uniform, the Kolmogorov distance is beyond this once in 10^8 times:
/// 2 exp(-2 n d^2) with n = 1000.
const UNIFORM: f64 = 0.098;

const INSTANCES: usize = 1_000;

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_started_together_do_not_stay_together() {
    let start = Instant::now();
    let scripts: Vec<_> = (0..INSTANCES).map(|_| Script::default()).collect();
    let _running: Vec<_> = scripts.iter().map(|script| started(Spec::named("db"), script)).collect();
    sleep(s(125)).await;
    let began: Vec<_> = scripts.iter().map(Script::began).collect();
    assert!(began.iter().all(|began| began[0] == start), "the first run is at the start");
    let second: Vec<_> = began.iter().map(|began| (began[1] - start).as_secs_f64() / 10.0).collect();
    assert!(second.iter().all(|at| (0.0..=1.001).contains(at)), "within one interval");
    assert!(distance_from_uniform(second.clone()) < UNIFORM, "{}", distance_from_uniform(second));
    // From then on, at every moment about as many run as at every other.
    for run in 2..=10 {
        let phase = |began: &Vec<Instant>| ((began[run] - start).as_secs_f64() / 10.0).fract();
        let distance = distance_from_uniform(began.iter().map(phase).collect());
        assert!(distance < UNIFORM, "run {run}: {distance}");
    }
    let mut all: Vec<_> =
        began.iter().flatten().map(|at| (*at - start).as_millis()).filter(|at| *at > 0).collect();
    all.sort_unstable();
    // 100 a second are 10 in 100 ms. More than 35 in one of 1 250 windows: once in 10^6 times (Poisson).
    let most = all.chunk_by(|a, b| a / 100 == b / 100).map(<[_]>::len).max();
    assert!(most <= Some(35), "{most:?} at once");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_started_without_what_they_need_do_not_stay_together_either() {
    let start = Instant::now();
    let scripts: Vec<_> = (0..INSTANCES).map(|_| Script::new(Status::Unhealthy)).collect();
    let spec = || Spec::named("db").backoff("1m");
    let _running: Vec<_> = scripts.iter().map(|script| started(spec(), script)).collect();
    sleep(s(35)).await;
    let began: Vec<_> = scripts.iter().map(Script::began).collect();
    let second = began.iter().map(|began| (began[1] - start).as_secs_f64() / 10.0).collect();
    let distance = distance_from_uniform(second);
    assert!(distance < UNIFORM, "{distance}");
    let second_pause = |began: &Vec<Instant>| (began[2] - began[1]).as_secs_f64();
    assert!(began.iter().map(second_pause).all(|pause| (18.0..=22.1).contains(&pause)), "and they back off");
}

#[tokio::test(start_paused = true)]
async fn the_period_is_kept_on_average_and_jittered() {
    // Shorter than what could be taken for a pause of the process, should the machine hold this test up.
    for takes in [0, 450] {
        let script = Script::default();
        script.takes(MS * takes);
        let _health = started(Spec::named("db"), &script);
        sleep(s(10 * 3600)).await;
        let began = script.began();
        let regular = &began[1..];
        let mean = (regular[regular.len() - 1] - regular[0]).as_secs_f64() / (regular.len() - 1) as f64;
        assert!((9.9..=10.1).contains(&mean), "one in {mean} s");
        let gaps = &script.gaps()[1..];
        let within = |gap: &Duration| (s(8)..=s(12) + 2 * MS).contains(gap);
        assert!(gaps.iter().all(within), "{:?} to {:?}", gaps.iter().min(), gaps.iter().max());
        let distinct: std::collections::HashSet<_> = gaps.iter().map(Duration::as_millis).collect();
        assert!(distinct.len() > 300, "only {} different ones: no jitter", distinct.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_period_is_kept_under_polls_that_find_it_fresh() {
    let script = Script::default();
    // A declared interval is the cache too.
    let health = started(Spec::named("db").interval("10s"), &script);
    let end = Instant::now() + s(3600);
    while Instant::now() < end {
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
        sleep(MS * 330).await;
    }
    // A poll may come a moment before a late run; then the run is not made twice.
    assert!((340..=400).contains(&script.runs()), "{}", script.runs());
}

#[tokio::test(start_paused = true)]
async fn runs_never_overlap_however_long_they_take() {
    let script = Script::default();
    script.takes(s(15));
    let spec = Spec::named("long").interval("1s").timeout("20s").cache("1ms");
    let health = started(spec, &script);
    for _ in 0..3_000 {
        health.report_within(Probe::Ready, Duration::ZERO).await;
        sleep(MS * 100).await;
    }
    assert_eq!(script.most_at_once(), 1);
    assert!((18..=21).contains(&script.runs()), "one after the other: {}", script.runs());
}

#[tokio::test(start_paused = true)]
async fn the_interval_doubles_up_to_the_backoff_while_it_fails_and_comes_back() {
    let script = Script::new(Status::Unhealthy);
    let _health = started(Spec::named("db").interval("1s").backoff("8s"), &script);
    sleep(s(60)).await;
    let gaps = script.gaps();
    assert!(gaps[0] <= s(1) + 2 * MS, "the second run is within one interval, as ever: {gaps:?}");
    let expected = [2, 4, 8, 8, 8];
    for (gap, expected) in gaps.iter().skip(1).zip(expected.map(s)) {
        let range = expected.mul_f64(0.9)..=expected.mul_f64(1.1) + 2 * MS;
        assert!(range.contains(gap), "{gaps:?}");
    }
    assert!(gaps.len() >= 6, "{gaps:?}");
    // Degraded is not failing.
    for calm in [Status::Healthy, Status::Degraded] {
        script.says(calm);
        sleep(s(9)).await;
        let (before, at) = (script.runs(), Instant::now());
        sleep(s(30)).await;
        let now: Vec<_> = script.began().into_iter().skip(before - 1).collect();
        assert!((28..=32).contains(&(now.len() - 1)), "{calm}: {} in 30 s", now.len() - 1);
        assert!(now.windows(2).all(|pair| pair[1] - pair[0] <= MS * 1_202), "{calm}");
        assert!(at.elapsed() == s(30));
        script.says(Status::Unhealthy);
        sleep(s(60)).await;
        let longest = script.gaps().into_iter().rev().take(2).min();
        assert!(longest >= Some(s(7)), "it backs off again: {longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_demand_runs_at_the_start_and_then_when_it_is_asked() {
    let script = Script::default();
    let health = started(Spec::named("licence").interval("never"), &script);
    sleep(s(3600)).await;
    assert_eq!(script.runs(), 1, "once, at the start");
    for expected in 2..5 {
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
        assert_eq!(script.runs(), expected);
        sleep(MS * 900).await;
        health.report(Probe::Ready).await;
        assert_eq!(script.runs(), expected, "younger than its cache of 1 s");
        sleep(s(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_demand_keeps_its_weight_when_nobody_asks() {
    for status in Status::ALL {
        let script = Script::new(status);
        let health = started(Spec::named("licence").interval("never"), &script);
        sleep(s(1)).await;
        for _ in 0..3_600 {
            sleep(s(1)).await;
            assert_eq!(health.status(Probe::Ready), status, "nobody has asked");
        }
        // A poll does ask, and until it is answered nothing is known.
        script.hangs(true);
        let report = health.report_within(Probe::Ready, Duration::ZERO).await;
        assert_eq!(report.status(), Status::Unhealthy);
        let entry = report.entry("licence").unwrap();
        assert_eq!((entry.status(), entry.raw()), (Err(Unknown::Stale), Err(Unknown::Stale)));
        sleep(s(1)).await;
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "it has timed out");
        script.hangs(false);
        sleep(s(1)).await;
        assert_eq!(health.report(Probe::Ready).await.status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_asks_anew_when_what_it_finds_is_older_than_the_cache_and_not_before() {
    for (spec, cache) in [
        (Spec::named("default"), s(1)),
        (Spec::named("declared").interval("1h"), s(3600)),
        (Spec::named("both").interval("1h").cache("5s"), s(5)),
        (Spec::named("demand").interval("never").cache("5s"), s(5)),
        // It cannot be waited for within the deadline of 800 ms.
        (Spec::named("slow").timeout("800ms"), s(10)),
    ] {
        let (script, name) = (Script::default(), format!("{spec:?}"));
        let health = started(spec, &script);
        let (mut kept, mut renewed) = (0, 0);
        for _ in 0..60 {
            let report = health.report(Probe::Ready).await;
            assert_eq!(report.status(), Status::Healthy);
            let (runs, last) = (script.runs(), *script.began().last().unwrap());
            sleep_until(last + cache - MS).await;
            // The engine may have been there before: then this round shows nothing.
            if script.runs() == runs {
                health.report(Probe::Ready).await;
                assert_eq!(script.runs(), runs, "it is fresh: {name}");
                kept += 1;
                sleep_until(last + cache + 2 * MS).await;
            }
            if script.runs() == runs {
                health.report(Probe::Ready).await;
                assert_eq!(script.runs(), runs + 1, "it is older than the cache: {name}");
                renewed += 1;
            }
        }
        assert!(kept > 0 && renewed > 0, "{kept} kept, {renewed} renewed: {name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_joins_the_run_that_the_engine_has_begun() {
    let script = Script::default();
    script.takes(MS * 500);
    let health = started(Spec::named("db").cache("1ms"), &script);
    sleep(s(1)).await;
    while script.runs() < 2 {
        sleep(MS * 10).await;
    }
    let began = *script.began().last().unwrap();
    script.says(Status::Degraded);
    let report = health.report(Probe::Ready).await;
    assert_eq!((report.status(), script.runs()), (Status::Healthy, 2), "the run that was in flight");
    assert!((MS * 500..=MS * 502).contains(&began.elapsed()), "it was waited for: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_poll_beyond_the_deadline_is_answered_with_the_last_usable_observation() {
    let script = Script::new(Status::Degraded);
    let health = started(Spec::named("db").interval("never").timeout("5s"), &script);
    let first = health.report(Probe::Ready).await;
    script.takes(s(3));
    script.says(Status::Healthy);
    sleep(s(2)).await;
    let asked = Instant::now();
    let late = health.report(Probe::Ready).await;
    assert!((MS * 800..=MS * 801).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    let at = |report: &health_core::Report| report.entry("db").unwrap().at();
    assert_eq!((late.status(), at(&late)), (Status::Degraded, at(&first)));
    assert_eq!(late.entry("db").unwrap().ended(), Some(Ended::Returned(Status::Degraded)));
    // Nobody waits any more, and the run goes on to its end.
    sleep(s(3)).await;
    assert_eq!((health.status(Probe::Ready), script.runs()), (Status::Healthy, 2));
    // When there is nothing usable left to answer with, that is what is said.
    sleep(s(3600)).await;
    let late = health.report(Probe::Ready).await;
    assert_eq!((late.status(), late.entry("db").unwrap().status()), (Status::Unhealthy, Err(Unknown::Stale)));
}

#[tokio::test(start_paused = true)]
async fn where_time_is_paused_no_run_is_timed_out_by_the_time_of_others() {
    let script = Script::default();
    script.takes(MS * 500);
    let health = started(Spec::named("db"), &script);
    sleep(MS).await;
    assert_eq!(script.runs(), 1);
    // Nothing moves here meanwhile, as on a machine that is busy with other tests.
    std::thread::sleep(s(1));
    sleep(MS * 600).await;
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.entry("db").unwrap().status(), Ok(Status::Healthy));
}
