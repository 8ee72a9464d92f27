//! How a family is written down in each of the formats. The bytes are those of `prometheus_client`, which knows how
//! values are escaped and numbers written, and knows OpenMetrics alone; what the older format has otherwise is made of
//! the same calls.

use std::fmt;

use health_core::Runs;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::format::Format;

static SECONDS: Unit = Unit::Seconds;

/// Where families are written, one below the other.
pub(super) struct Sheet<'a> {
    pub(super) encoder: DescriptorEncoder<'a>,
    pub(super) format: Format,
}

/// The labels of a sample, with their values.
pub(super) type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

impl Sheet<'_> {
    /// Values that go up and down. A family without samples is left out, here and below.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (impl EncodeLabelSet, impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, samples, |mut sample, value| sample.encode_gauge(&value))
    }

    /// Values that only go up. The name ends in `_total`.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (impl EncodeLabelSet, impl EncodeCounterValue + EncodeGaugeValue)>,
    ) -> fmt::Result {
        let format = self.format;
        self.family(name, help, MetricType::Counter, samples, |mut sample, value| match format {
            // The whole family has the suffix already.
            Format::Text => sample.encode_gauge(&value),
            Format::OpenMetrics => sample.encode_counter::<NoLabelSet, _, f64>(&value, None),
        })
    }

    /// How long runs took: how many took no longer than each bound, or only how many there were and how long they took
    /// together.
    pub(super) fn durations(
        &mut self,
        name: &str,
        help: &str,
        has_histograms: bool,
        samples: impl IntoIterator<Item = (impl EncodeLabelSet, Runs)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Histogram, samples, |mut sample, runs| {
            let buckets = if has_histograms { buckets(&runs) } else { Vec::new() };
            sample.encode_histogram::<NoLabelSet>(runs.took().as_secs_f64(), runs.total(), &buckets, None)
        })
    }

    fn family<V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl IntoIterator<Item = (impl EncodeLabelSet, V)>,
        write: impl Fn(MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let (name, unit) = match self.format {
            Format::Text => (name, None),
            // There a suffix is added to each sample, and the unit has a line of its own.
            Format::OpenMetrics => {
                let name = name.strip_suffix("_total").unwrap_or(name);
                name.strip_suffix("_seconds").map_or((name, None), |name| (name, Some(&SECONDS)))
            }
        };
        let mut family = self.encoder.encode_descriptor(name, help, unit, kind)?;
        for (labels, value) in samples {
            write(family.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}

/// How many runs belong into each bucket and into none before it; what took longer than all bounds is in the last one.
fn buckets(runs: &Runs) -> Vec<(f64, u64)> {
    let mut counted = 0;
    let bounds = runs.within().map(|(bound, within)| (bound.as_secs_f64(), within));
    let all = bounds.chain([(f64::INFINITY, runs.total())]);
    all.map(|(bound, within)| {
        let fell = within.saturating_sub(counted);
        counted = within;
        (bound, fell)
    })
    .collect()
}

/// Calls the histogram of this name, which has no buckets, a summary. It is one, of a sum and a count, only that the
/// encoder has no word for it.
pub(super) fn summarise(text: &mut String, name: &str) {
    const WAS: &str = "histogram";
    let line = format!("# TYPE {name} {WAS}\n");
    if let Some(at) = text.find(&line) {
        let end = at + line.len() - 1;
        text.replace_range(end - WAS.len()..end, "summary");
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::text::encode_registry;
    use prometheus_client::registry::Registry;

    use super::*;

    #[derive(Debug)]
    struct Odd(Format);

    impl Collector for Odd {
        fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let mut sheet = Sheet { encoder, format: self.0 };
            let none: [(Labels<'_, 0>, u64); 0] = [];
            sheet.gauge("absent", "Nothing.", none)?;
            sheet.counter(
                "odd_seconds_total",
                "Odd.",
                [([("said", "\"}\n# EOF\n\\"), ("so", "ä")], 0.25)],
            )?;
            sheet.durations("took_seconds", "Odd.", false, [([("check", "odd")], Runs::default())])
        }
    }

    fn written(format: Format) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register_collector(Box::new(Odd(format)));
        encode_registry(&mut text, &registry).unwrap();
        summarise(&mut text, "took_seconds");
        text
    }

    #[test]
    fn no_label_ends_its_line_and_each_format_has_its_own_head() {
        let sample = r#"odd_seconds_total{said="\"}\n# EOF\n\\",so="ä"} 0.25"#;
        let summary = "took_seconds_sum{check=\"odd\"} 0.0\ntook_seconds_count{check=\"odd\"} 0\n";
        let text = format!(
            "# HELP odd_seconds_total Odd.\n# TYPE odd_seconds_total counter\n{sample}\n\
             # HELP took_seconds Odd.\n# TYPE took_seconds summary\n{summary}"
        );
        assert_eq!(written(Format::Text), text);
        let open_metrics = format!(
            "# HELP odd_seconds Odd.\n# TYPE odd_seconds counter\n# UNIT odd_seconds seconds\n{sample}\n\
             # HELP took_seconds Odd.\n# TYPE took_seconds summary\n# UNIT took_seconds seconds\n{summary}"
        );
        assert_eq!(written(Format::OpenMetrics), open_metrics);
    }
}
