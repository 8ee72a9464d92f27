//! A check is degraded, unknown, flapping or muted.

use super::promtool::stories;
use super::story::Story;

stories! {
    degraded_for_half_an_hour_is_a_ticket {
        let mut story = Story::of(3);
        story.lasts_minutes(5);
        story.on_first(2, "db", "degraded");
        story.lasts_minutes(32);
        story.was_quiet();
        story.lasts(30);
        story.fires(&["HealthCheckDegraded check=db severity=ticket"]);
        story
    }

    half_an_hour_begins_with_the_first_that_is_seen {
        let mut story = Story::of(2);
        story.instances[1].is_target = false;
        story.lasts_minutes(5);
        story.instances[1].is_target = true;
        story.on_all("db", "degraded");
        story.on_first(1, "db", "healthy");
        story.lasts_minutes(32);
        story.was_quiet();
        story.lasts(30);
        story.fires(&["HealthCheckDegraded check=db severity=ticket"]);
        story
    }

    degraded_now_and_half_an_hour_ago_is_quiet {
        let mut story = Story::of(1);
        story.lasts_minutes(5);
        for status in ["degraded", "healthy", "degraded"] {
            story.on_all("db", status);
            story.lasts_minutes(15);
        }
        story.was_quiet();
        story
    }

    unknown_on_some_instances_is_a_ticket_of_its_own {
        let mut story = Story::of(5);
        story.lasts_minutes(10);
        story.on_first(2, "db", "unknown");
        story.lasts_minutes(7);
        story.was_quiet();
        story.lasts(30);
        story.fires(&["HealthCheckUnknown check=db severity=ticket"]);
        // Sometimes failing and sometimes unknown is failing.
        for status in ["unhealthy", "unknown"].into_iter().cycle().take(20) {
            story.on_first(1, "cache", status);
            story.lasts_minutes(2);
        }
        story.fires(&[
            "HealthCheckFailingOnInstance check=cache instance=host-0 severity=ticket",
            "HealthCheckUnknown check=db severity=ticket",
        ]);
        story
    }

    instances_that_are_degraded_one_after_another_for_a_while_are_quiet {
        let mut story = Story::of(12);
        for number in 0..12 {
            story.instances[number].set("cache", "degraded");
            story.instances[number].set("db", "unknown");
            story.lasts(240);
            story.instances[number].runs();
        }
        story.was_quiet();
        story
    }

    more_than_six_changes_in_ten_minutes_are_flapping {
        let mut story = Story::of(3);
        story.lasts_minutes(10);
        for status in ["degraded", "healthy"].into_iter().cycle().take(6) {
            story.on_first(1, "db", status);
            story.lasts(30);
        }
        story.lasts_minutes(20);
        story.was_quiet();
        for status in ["degraded", "healthy"].into_iter().cycle().take(7) {
            story.on_first(1, "db", status);
            story.lasts(60);
        }
        story.fires(&["HealthCheckFlapping check=db severity=ticket"]);
        story.lasts_minutes(10);
        story.fires(&[]);
        story
    }

    six_changes_are_no_more_whenever_they_are_looked_at {
        let mut story = Story::of(1);
        (story.step, story.evaluated_every) = (75, 20);
        story.lasts(900);
        for status in ["degraded", "healthy"].into_iter().cycle().take(6) {
            story.on_all("db", status);
            story.lasts(75);
        }
        story.lasts(900);
        story.was_quiet();
        story
    }

    what_is_muted_is_quiet {
        let mut story = Story::of(3);
        story.lasts_minutes(5);
        for instance in &mut story.instances {
            for check in ["db", "cache", "orders", "network"] {
                instance.mute(check);
            }
        }
        story.on_all("db", "unhealthy");
        story.on_all("cache", "degraded");
        story.on_all("orders", "unknown");
        for status in ["degraded", "healthy"].into_iter().cycle().take(60) {
            story.on_all("network", status);
            story.lasts_minutes(1);
        }
        story.was_quiet();
        story
    }

    muted_for_a_day_is_a_ticket {
        let mut story = Story::of_days(1);
        story.lasts_minutes(20);
        story.instances[0].mute("db");
        story.lasts_minutes(24 * 60);
        story.was_quiet();
        story.lasts_minutes(5);
        story.fires(&["HealthCheckMutedTooLong check=db severity=ticket"]);
        story.instances[0].unmute();
        story.lasts_minutes(5);
        story.fires(&[]);
        story
    }

    what_nobody_asks_for_may_be_unknown {
        let mut story = Story::of(2);
        story.on_all("licence", "unknown");
        story.lasts_minutes(60);
        story.was_quiet();
        story.on_all("licence", "unhealthy");
        story.lasts_minutes(3);
        story.fires(&["HealthCheckFailing check=licence severity=page"]);
        story
    }

    what_was_asked_for_startup_alone_is_quiet_afterwards {
        let mut story = Story::of(2);
        story.on_all("schema", "unhealthy");
        story.lasts_minutes(60);
        story.on_all("schema", "degraded");
        story.lasts_minutes(60);
        story.was_quiet();
        story
    }
}
