//! Instances start, leave and are replaced, as they should or not.

use super::promtool::stories;
use super::story::Instance;
use super::story::Story;

stories! {
    a_normal_start_is_quiet {
        let mut story = Story::of(3);
        for instance in &mut story.instances {
            instance.restarts();
        }
        story.lasts_minutes(2);
        story.on_all("db", "unhealthy");
        story.on_all("schema", "unhealthy");
        story.lasts(180);
        story.instances.iter_mut().for_each(Instance::runs);
        story.on_all("orders", "unknown");
        story.lasts(60);
        story.on_all("orders", "healthy");
        story.lasts_minutes(20);
        story.was_quiet();
        story
    }

    a_normal_rolling_restart_is_quiet {
        let mut story = Story::of(8);
        story.lasts_minutes(5);
        for number in 0..8 {
            story.instances[number].phase = "draining";
            // Its pool is closed.
            story.instances[number].set("db", "unhealthy");
            story.lasts(180);
            story.instances[number].answers = false;
            story.lasts(60);
            story.instances[number].answers = true;
            story.instances[number].restarts();
            story.lasts(120);
            story.instances[number].set("db", "unhealthy");
            story.lasts(90);
            story.instances[number].runs();
        }
        story.lasts_minutes(10);
        story.was_quiet();
        story
    }

    a_normal_rollout_to_new_instances_is_quiet {
        let mut story = Story::of(8);
        for number in 4..8 {
            story.instances[number].is_target = false;
        }
        story.lasts_minutes(5);
        for number in 0..4 {
            let (old, new) = (number, number + 4);
            story.instances[new].is_target = true;
            story.instances[new].answers = false;
            story.lasts_minutes(4);
            story.instances[new].answers = true;
            story.instances[new].restarts();
            story.lasts_minutes(4);
            story.instances[new].runs();
            story.instances[old].phase = "draining";
            story.lasts_minutes(1);
            story.instances[old].is_target = false;
        }
        story.lasts_minutes(30);
        story.was_quiet();
        story
    }

    two_instances_restarted_in_turn_are_quiet {
        let mut story = Story::of(2);
        story.lasts_minutes(5);
        for number in [0, 1, 0, 1] {
            story.instances[number].phase = "draining";
            story.lasts(30);
            story.instances[number].answers = false;
            story.lasts_minutes(5);
            story.instances[number].answers = true;
            story.instances[number].restarts();
            story.lasts_minutes(4);
            story.instances[number].runs();
        }
        story.lasts_minutes(10);
        story.was_quiet();
        story
    }

    an_instance_restarted_again_and_again_is_quiet_while_each_start_succeeds {
        let mut story = Story::of(3);
        story.lasts_minutes(10);
        for _ in 0..5 {
            story.instances[0].restarts();
            story.lasts_minutes(3);
            story.instances[0].runs();
            story.lasts_minutes(4);
        }
        story.was_quiet();
        story
    }

    an_instance_that_leaves_is_quiet_for_as_long_as_it_takes {
        let mut story = Story::of(3);
        story.lasts_minutes(5);
        story.instances[0].phase = "draining";
        for (check, status) in [("db", "unhealthy"), ("cache", "degraded"), ("orders", "unknown")] {
            story.on_first(1, check, status);
        }
        for status in ["degraded", "healthy"].into_iter().cycle().take(40) {
            story.on_first(1, "network", status);
            story.lasts_minutes(1);
        }
        story.was_quiet();
        story
    }

    starting_beyond_the_budget_is_a_ticket {
        let mut story = Story::of(3);
        story.lasts_minutes(20);
        story.instances[0].restarts();
        story.lasts_minutes(5);
        story.was_quiet();
        story.lasts(30);
        story.fires(&["HealthStuckStarting severity=ticket"]);
        story.instances[0].runs();
        story.lasts(30);
        story.fires(&[]);
        // Whoever leaves is not starting.
        story.instances[0].restarts();
        story.lasts_minutes(8);
        story.fires(&["HealthStuckStarting severity=ticket"]);
        story.instances[0].phase = "draining";
        story.lasts(30);
        story.fires(&[]);
        story
    }

    most_instances_starting_beyond_the_budget_pages {
        let mut story = Story::of(3);
        story.lasts_minutes(20);
        story.instances[0].restarts();
        story.instances[1].restarts();
        story.lasts_minutes(6);
        story.fires(&["HealthStuckStarting severity=page"]);
        story
    }

    being_killed_while_starting_does_not_hide_it {
        let mut story = Story::of(3);
        story.lasts_minutes(20);
        for _ in 0..4 {
            story.instances[0].restarts();
            story.lasts(210);
            story.instances[0].answers = false;
            story.lasts(90);
        }
        story.fires(&["HealthStuckStarting severity=ticket"]);
        story.instances[0].restarts();
        story.lasts(60);
        story.fires(&["HealthStuckStarting severity=ticket"]);
        story
    }

    a_start_that_is_given_up_in_time_is_quiet {
        let mut story = Story::of(3);
        story.lasts_minutes(20);
        story.instances[0].restarts();
        story.lasts_minutes(4);
        story.instances[0].is_target = false;
        story.lasts_minutes(30);
        story.was_quiet();
        story
    }
}
