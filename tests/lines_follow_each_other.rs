//! The log of transitions is a chain, also when several threads change the phase: each line begins where the one
//! before it ended. A file of its own, because every phase of the process is in it.

use health_core::{Health, Spec};
use health_tests::logs::{lines_with, record};

#[tokio::test]
async fn lines_follow_each_other_whoever_changes_what() {
    record();
    let seen = || {
        let lines = lines_with(&["message=phase changed", "draining"]);
        lines.iter().filter_map(|line| Some(line.split_once("from=")?.1.to_owned())).collect::<Vec<_>>()
    };
    let health = Health::builder().check_fn(Spec::named("log-order"), || async {}).build().unwrap().start();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    health.drain();
                    health.resume();
                }
            });
        }
    });
    let lines = seen();
    assert!(lines.len() > 10);
    for (one, next) in lines.iter().zip(lines.iter().skip(1)) {
        let (_, to) = one.split_once(" to=").unwrap();
        assert!(next.starts_with(&format!("{to} ")), "`{one}`, then `{next}`");
    }
}
