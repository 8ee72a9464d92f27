//! Durations as people write them, read when the program is compiled.

use std::time::Duration;

use humantime::DurationError;

/// The duration, or what is wrong with the text and how to write it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => {
            Err(format!("`{}` is no time at all: write a duration such as `\"500ms\"`", text.escape_debug()))
        }
        Ok(duration) => Ok(duration),
        Err(error) => Err(fault(text, &error)),
    }
}

fn fault(text: &str, error: &DurationError) -> String {
    match error {
        DurationError::Empty => "the duration is empty: write a duration such as `\"500ms\"`".into(),
        DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => {
            let value = value.to_string();
            // Whatever stands before the bare number is kept.
            let close = if text.ends_with(&value) { text } else { &value };
            let close = close.escape_debug();
            format!("`{}` has no unit: write `\"{close}ms\"` or `\"{close}s\"`", text.escape_debug())
        }
        DurationError::UnknownUnit { unit, .. } => format!(
            "`{}` is no unit of time: write a duration such as `\"500ms\"`, `\"2s\"` or `\"1m 30s\"`",
            unit.escape_debug()
        ),
        DurationError::NumberOverflow => {
            "the duration is too large to be counted: write a duration such as `\"2s\"`".into()
        }
        _ => format!(
            "`{}` is no duration: write a duration such as `\"500ms\"`, `\"2s\"` or `\"1m 30s\"`",
            text.escape_debug()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn what_the_design_shows_is_understood() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("1m 30s"), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn every_fault_tells_how_to_write_it() {
        for (text, told) in [
            ("", "is empty"),
            ("500", "has no unit: write `\"500ms\"`"),
            ("1m 30", "has no unit: write `\"1m 30ms\"` or `\"1m 30s\"`"),
            ("030", "has no unit: write `\"030ms\"`"),
            ("2 parsecs", "`parsecs` is no unit of time"),
            ("soon", "is no duration"),
            ("-2s", "is no duration"),
            ("0s", "is no time at all"),
            ("99999999999999999999s", "too large"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.contains(told) && fault.contains("write"), "{text}: {fault}");
        }
    }
}
