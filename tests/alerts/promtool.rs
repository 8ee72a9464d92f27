//! What `promtool` says about the rules.

use std::collections::BTreeMap;
use std::process::Command;

use health_tests::servers::{Scratch, installed};
use serde_json::json;

use super::story::Story;

/// What promtool says against these stories under these rules; `None` without promtool.
pub fn objections(rules: &str, stories: &[(&str, Story)]) -> Option<String> {
    let promtool = installed("promtool")?;
    let scratch = Scratch::new("alerts");
    std::fs::write(scratch.path().join("rules.yml"), rules).unwrap();
    let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, story) in stories {
        files.entry(story.evaluated_every).or_default().push(story.written(name));
    }
    let mut command = Command::new(promtool);
    // It is short-lived, and would spend a fifth of its time on its garbage.
    command.args(["test", "rules"]).current_dir(scratch.path()).env("GOGC", "400");
    for (seconds, tests) in files {
        let (name, interval) = (format!("every-{seconds}.yml"), format!("{seconds}s"));
        let file = json!({ "rule_files": ["rules.yml"], "evaluation_interval": interval, "tests": tests });
        std::fs::write(scratch.path().join(&name), file.to_string()).unwrap();
        command.arg(name);
    }
    let output = command.output().expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    Some(if output.status.success() { String::new() } else { String::from_utf8_lossy(&said).into_owned() })
}

#[track_caller]
pub fn is_true(rules: &str, name: &str, story: Story) {
    are_true(rules, &[(name, story)]);
}

#[track_caller]
pub fn are_true(rules: &str, stories: &[(&str, Story)]) {
    if let Some(objections) = objections(rules, stories) {
        assert!(objections.is_empty(), "{objections}");
    }
}

/// Promtool is asked about all of them at once, because it takes its time to start and to stop.
macro_rules! stories {
    ($($name:ident $story:block)*) => {
        #[test]
        fn they_happen_as_told() {
            super::promtool::are_true(&super::alerting_rules(health_core::PrometheusRules::default()), &all());
        }

        /// All of them, which together notice each change of the rules.
        pub fn all() -> Vec<(&'static str, Story)> {
            vec![$((stringify!($name), $story)),*]
        }
    };
}
pub(crate) use stories;
