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
        files.entry(story.step).or_default().push(story.written(name));
    }
    let mut command = Command::new(promtool);
    command.args(["test", "rules"]).current_dir(scratch.path());
    for (step, tests) in files {
        let (name, interval) = (format!("every-{step}.yml"), format!("{step}s"));
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
    if let Some(objections) = objections(rules, &[(name, story)]) {
        assert!(objections.is_empty(), "{objections}");
    }
}

/// Each is a test of its own, and all of them together judge whether a change of the rules would be noticed.
macro_rules! stories {
    ($($name:ident $story:block)*) => {
        $(
            #[test]
            fn $name() {
                $crate::promtool::is_true(&$crate::rules(health_core::PrometheusRules::default()), stringify!($name), $story);
            }
        )*

        /// All of them.
        pub fn all() -> Vec<(&'static str, Story)> {
            vec![$((stringify!($name), $story)),*]
        }
    };
}
pub(crate) use stories;
