//! A check fails because another does.

use super::promtool::stories;
use super::story::Story;

stories! {
    a_cause_speaks_for_its_effects_and_pages_in_their_place {
        let mut story = Story::of(3);
        story.lasts_minutes(5);
        story.on_all("network", "unhealthy");
        story.lasts_minutes(5);
        story.fires(&["HealthCheckFailing check=network severity=ticket"]);
        story.on_all("shards/of/eu", "unhealthy");
        story.on_all("lag", "unhealthy");
        story.lasts_minutes(5);
        story.fires(&["HealthCheckFailing check=network severity=ticket"]);
        for effect in ["db", "orders"] {
            story.on_all(effect, "unhealthy");
        }
        story.lasts_minutes(40);
        story.fires(&["HealthCheckFailing check=network severity=page"]);
        // What is well between them hides no cause.
        story.on_all("db", "healthy");
        story.lasts_minutes(40);
        story.fires(&["HealthCheckFailing check=network severity=page"]);
        for weaker in ["degraded", "unknown"] {
            story.on_all("orders", weaker);
            story.lasts_minutes(40);
        }
        story.fires(&["HealthCheckFailing check=network severity=page"]);
        // An effect that outlasts its cause speaks for itself.
        story.on_all("network", "healthy");
        story.lasts_minutes(3);
        story.fires(&[
            "HealthCheckFailing check=lag severity=ticket",
            "HealthCheckFailing check=orders severity=page",
            "HealthCheckFailing check=shards/of/eu severity=ticket",
        ]);
        story
    }

    a_cause_of_what_a_quorum_makes_up_for_is_a_ticket {
        let mut story = Story::of(2);
        story.lasts_minutes(5);
        for instance in &mut story.instances {
            instance.quorums_hold = true;
        }
        for check in ["network", "db"] {
            story.on_all(check, "unhealthy");
        }
        story.lasts_minutes(5);
        story.fires(&["HealthCheckFailing check=network severity=ticket"]);
        story
    }

    a_degraded_cause_excuses_nothing {
        let mut story = Story::of(1);
        story.lasts_minutes(5);
        story.on_all("network", "degraded");
        story.on_all("db", "unhealthy");
        story.lasts_minutes(5);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story
    }

    a_cause_on_one_instance_speaks_for_that_one {
        let mut story = Story::of(5);
        story.lasts_minutes(5);
        story.on_first(1, "network", "unhealthy");
        story.on_first(2, "db", "unhealthy");
        story.lasts_minutes(10);
        story.fires(&[
            "HealthCheckFailingOnInstance check=network instance=host-0 severity=ticket",
            "HealthCheckFailingOnInstance check=db instance=host-1 severity=ticket",
        ]);
        // On one of five it explains nothing about the whole.
        story.on_all("db", "unhealthy");
        story.lasts_minutes(10);
        story.fires(&[
            "HealthCheckFailing check=db severity=page",
            "HealthCheckFailingOnInstance check=network instance=host-0 severity=ticket",
        ]);
        story
    }

    a_cause_of_weaker_troubles_speaks_for_them {
        let mut story = Story::of(5);
        story.lasts_minutes(5);
        story.on_first(1, "network", "unhealthy");
        story.on_first(1, "db", "unknown");
        story.on_first(1, "orders", "degraded");
        story.lasts_minutes(60);
        story.fires(&["HealthCheckFailingOnInstance check=network instance=host-0 severity=ticket"]);
        story
    }

    a_muted_cause_excuses_nothing {
        let mut story = Story::of(3);
        story.lasts_minutes(5);
        for instance in &mut story.instances {
            instance.mute("network");
        }
        story.on_all("network", "unhealthy");
        story.on_all("db", "unhealthy");
        story.lasts_minutes(5);
        story.fires(&["HealthCheckFailing check=db severity=page"]);
        story
    }

    what_flaps_with_its_cause_is_quiet {
        let mut story = Story::of(3);
        story.lasts_minutes(10);
        for status in ["unhealthy", "healthy"].into_iter().cycle().take(41) {
            story.on_first(1, "network", status);
            story.on_first(1, "db", status);
            story.lasts(60);
        }
        story.fires(&["HealthCheckFlapping check=network severity=ticket"]);
        story
    }
}
