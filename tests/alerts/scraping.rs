//! What Prometheus can no longer see.

use super::promtool::stories;
use super::story::Story;

stories! {
    most_instances_that_cannot_be_scraped_page {
        let mut story = Story::of(3);
        story.lasts_minutes(10);
        story.instances[0].answers = false;
        story.instances[1].answers = false;
        story.lasts_minutes(5);
        story.was_quiet();
        story.lasts(30);
        story.fires(&["HealthMetricsAbsent severity=page"]);
        story.lasts_minutes(60);
        story.fires(&["HealthMetricsAbsent severity=page"]);
        story
    }

    one_instance_that_cannot_be_scraped_is_a_ticket_after_fifteen_minutes {
        let mut story = Story::of(3);
        story.lasts_minutes(10);
        story.instances[0].answers = false;
        story.lasts_minutes(15);
        story.was_quiet();
        story.lasts_minutes(1);
        story.fires(&["HealthMetricsAbsent severity=ticket"]);
        story
    }

    what_was_scraped_and_is_gone_is_a_ticket {
        let mut story = Story::of(1);
        story.lasts_minutes(10);
        story.instances[0].is_target = false;
        story.lasts_minutes(5);
        story.was_quiet();
        story.lasts_minutes(1);
        story.fires(&["HealthMetricsAbsent severity=ticket"]);
        story
    }

    what_was_scraped_and_is_gone_is_missed_for_a_day {
        let mut story = Story::of_days(1);
        story.lasts_minutes(10);
        story.instances[0].is_target = false;
        story.lasts_minutes(24 * 60 - 10);
        story.fires(&["HealthMetricsAbsent severity=ticket"]);
        story.lasts_minutes(20);
        story.fires(&[]);
        story
    }

    jobs_without_health_are_none_of_our_business {
        let mut story = Story::of(1);
        story.others = vec![("up{job=\"other\",instance=\"a\"}", 0), ("up{job=\"other\",instance=\"b\"}", 1)];
        story.lasts_minutes(60);
        story.was_quiet();
        story
    }
}
