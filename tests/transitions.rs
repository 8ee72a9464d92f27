//! What subscriptions say, in words.

use std::collections::HashMap;

use futures::FutureExt as _;
use health_core::{Change, Status, Subscription, Transition, Unknown};

/// What is there to be read.
pub fn pending(subscription: &mut Subscription) -> Vec<Transition> {
    std::iter::from_fn(|| subscription.next().now_or_never().flatten()).collect()
}

/// Who went which way.
pub fn told(transition: &Transition) -> String {
    let word = |status: &Result<Status, Unknown>| status.map_or("unknown", Status::as_str);
    match transition.change() {
        Change::Check { name, from, to, .. } => format!("{name} {}-{}", word(from), word(to)),
        Change::Probe { probe, from, to, .. } => format!("{probe} {from}-{to}"),
        Change::Phase { from, to, .. } => format!("phase {}-{}", from.as_str(), to.as_str()),
        Change::Muted { name, .. } => format!("{name} muted"),
        Change::Unmuted { name, .. } => format!("{name} unmuted"),
        Change::Shutdown { step, .. } => format!("shutdown {step}"),
        other => panic!("{other:?}"),
    }
}

/// Each about one thing begins where the last about it ended, and the numbers grow.
pub fn is_a_chain(transitions: &[Transition]) {
    let mut last = HashMap::new();
    for pair in transitions.windows(2) {
        assert!(pair[0].sequence() < pair[1].sequence(), "{pair:?}");
    }
    for transition in transitions {
        let told = told(transition);
        let Some((subject, (from, to))) =
            told.split_once(' ').and_then(|(subject, way)| Some((subject, way.split_once('-')?)))
        else {
            continue;
        };
        let before = last.insert(subject.to_owned(), to.to_owned());
        assert!(before.is_none_or(|before| before == from), "{transitions:#?}");
    }
}
