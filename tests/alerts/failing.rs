//! A check fails, on most instances or on some.

use super::promtool::stories;
use super::story::Story;

stories! {
    failing_on_most_instances_pages_after_two_minutes {
        let mut story = Story::of(3);
        story.lasts_minutes(10);
        story.on_first(2, "db", "unhealthy");
        story.lasts(120);
        story.was_quiet();
        story.lasts(30);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story.lasts_minutes(30);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story.on_first(2, "db", "healthy");
        story.lasts(30);
        story.fires(&[]);
        story
    }

    failing_on_half_of_the_instances_is_a_ticket_for_each_after_five_minutes {
        let mut story = Story::of(4);
        story.instances[0].labels = ",pod=\"a\"";
        story.lasts_minutes(10);
        story.on_first(2, "db", "unhealthy");
        story.lasts_minutes(5);
        story.was_quiet();
        story.lasts(30);
        story.fires(&[
            "HealthCheckFailingOnInstance check=db instance=host-0 pod=a severity=ticket",
            "HealthCheckFailingOnInstance check=db instance=host-1 severity=ticket",
        ]);
        story.on_first(3, "db", "unhealthy");
        story.lasts(30);
        story.fires(&[]);
        story.lasts_minutes(2);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story
    }

    only_what_can_take_an_instance_out_of_traffic_pages {
        let mut story = Story::of(2);
        story.lasts_minutes(5);
        for check in ["cache", "fill", "network"] {
            story.on_all(check, "unhealthy");
        }
        story.lasts_minutes(10);
        story.fires(&[
            "HealthCheckFailing check=cache severity=ticket",
            "HealthCheckFailing check=fill severity=ticket",
            "HealthCheckFailing check=network severity=ticket",
        ]);
        story
    }

    what_a_quorum_makes_up_for_is_a_ticket {
        let mut story = Story::of(4);
        story.lasts_minutes(5);
        for instance in &mut story.instances {
            instance.quorums_hold = true;
        }
        story.on_first(3, "db", "unhealthy");
        story.lasts_minutes(3);
        story.fires(&["HealthCheckFailing check=db severity=ticket"]);
        // On one on which it is well, something else is not.
        story.instances[3].quorums_hold = false;
        story.instances[3].set("licence", "unhealthy");
        story.lasts_minutes(3);
        story.fires(&["HealthCheckFailing check=db severity=ticket"]);
        story.instances[3].set("licence", "healthy");
        story.instances[0].quorums_hold = false;
        story.lasts(120);
        story.fires(&["HealthCheckFailing check=db severity=ticket"]);
        story.lasts(30);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story.instances[0].quorums_hold = true;
        story.lasts_minutes(3);
        story.fires(&["HealthCheckFailing check=db severity=ticket"]);
        // What comes and goes is told all the same.
        for holds in [false, true].into_iter().cycle().take(10) {
            story.instances[0].quorums_hold = holds;
            story.lasts(60);
        }
        story.fires(&["HealthCheckFailing check=db severity=ticket"]);
        story
    }

    what_has_instances_restarted_pages {
        let mut story = Story::of(2);
        story.lasts_minutes(5);
        story.on_all("heart", "unhealthy");
        story.lasts_minutes(3);
        story.fires(&["HealthCheckFailing check=heart severity=page"]);
        story
    }

    without_an_observation_a_check_counts_as_failing {
        let mut story = Story::of(2);
        story.lasts_minutes(5);
        story.on_all("db", "unhealthy");
        for status in ["unknown", "unhealthy"].into_iter().cycle().take(10) {
            story.lasts(90);
            story.on_all("db", status);
        }
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story.on_all("db", "unknown");
        story.lasts_minutes(60);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story
    }

    an_instance_that_leaves_is_not_counted {
        let mut story = Story::of(3);
        story.lasts_minutes(5);
        story.instances[1].phase = "draining";
        story.instances[2].phase = "draining";
        story.on_first(1, "db", "unhealthy");
        story.lasts_minutes(3);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story
    }

    short_blips_are_quiet {
        let mut story = Story::of(3);
        for _ in 0..5 {
            story.lasts_minutes(6);
            story.on_all("db", "unhealthy");
            story.on_all("cache", "unhealthy");
            story.lasts(120);
            story.on_all("db", "healthy");
            story.on_all("cache", "healthy");
        }
        for _ in 0..5 {
            story.lasts_minutes(6);
            story.on_first(1, "orders", "unhealthy");
            story.lasts_minutes(5);
            story.on_first(1, "orders", "healthy");
        }
        for _ in 0..5 {
            story.lasts_minutes(6);
            story.on_first(1, "cache", "unknown");
            story.lasts_minutes(5);
            story.on_first(1, "cache", "healthy");
        }
        story.was_quiet();
        story
    }
}
