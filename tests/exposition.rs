//! Metrics as Prometheus is given them, read by the letter: whatever a format does not allow is a panic with the line.

use std::collections::HashSet;

/// What stands below one `# TYPE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// As the format has it: OpenMetrics leaves `_total` to the samples.
    pub name: String,
    pub kind: String,
    pub help: String,
    pub unit: Option<String>,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

impl Sample {
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// Every sample of all of them.
pub fn samples(families: &[Family]) -> Vec<Sample> {
    families.iter().flat_map(|family| family.samples.clone()).collect()
}

/// The value of the one sample of this name that has these labels, and maybe others.
pub fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |sample: &&Sample| labels.iter().all(|(name, value)| sample.label(name) == Some(value));
    let mut found = samples.iter().filter(|sample| sample.name == name).filter(has);
    let value = found.next().map(|sample| sample.value);
    assert_eq!(found.next(), None, "another {name} with {labels:?}");
    value
}

/// Reads the text format 0.0.4.
pub fn read_text(text: &str) -> Vec<Family> {
    let families = read(text);
    for family in &families {
        assert_eq!(family.unit, None, "this format has no units: {family:?}");
        assert_eq!(family.kind == "counter", family.name.ends_with("_total"), "{family:?}");
        is_sound(family, &family.name);
    }
    families
}

/// Reads OpenMetrics 1.0, to the `# EOF` that ends it.
pub fn read_open_metrics(text: &str) -> Vec<Family> {
    let families = read(text.strip_suffix("# EOF\n").expect("it ends with # EOF"));
    for family in &families {
        let suffix = family.unit.as_ref().map(|unit| format!("_{unit}"));
        assert!(suffix.is_none_or(|suffix| family.name.ends_with(&suffix)), "{family:?}");
        // The unit of a time has to be said.
        assert_eq!(family.unit.is_some(), family.name.ends_with("_seconds"), "{family:?}");
        let total = if family.kind == "counter" { "_total" } else { "" };
        assert!(!family.name.ends_with("_total"), "{family:?}");
        is_sound(family, &format!("{}{total}", family.name));
    }
    families
}

fn read(text: &str) -> Vec<Family> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has an end");
    let mut families: Vec<Family> = Vec::new();
    for line in text.split_terminator('\n') {
        let Some(comment) = line.strip_prefix("# ") else {
            families.last_mut().expect(line).samples.push(read_sample(line));
            continue;
        };
        let (word, rest) = comment.split_once(' ').expect(line);
        let (name, said) = rest.split_once(' ').expect(line);
        if word == "HELP" {
            is_name(name, true);
            assert!(families.iter().all(|family| family.name != name), "twice, or in pieces: {line}");
            let (name, help) = (name.to_owned(), said.to_owned());
            families.push(Family { name, kind: String::new(), help, unit: None, samples: Vec::new() });
            continue;
        }
        let family = families.last_mut().expect(line);
        assert!(family.name == name && family.samples.is_empty(), "not above its samples: {line}");
        match word {
            "TYPE" if family.kind.is_empty() => said.clone_into(&mut family.kind),
            "UNIT" if family.unit.is_none() && !family.kind.is_empty() => family.unit = Some(said.to_owned()),
            _ => panic!("no such comment here: {line}"),
        }
    }
    let all = samples(&families);
    let different: HashSet<_> = all.iter().map(|sample| (&sample.name, sorted(&sample.labels))).collect();
    assert_eq!(different.len(), all.len(), "a sample is there twice");
    families
}

fn sorted(labels: &[(String, String)]) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = labels.iter().collect();
    sorted.sort();
    sorted
}

fn read_sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(end);
    is_name(name, true);
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (name, quoted) = rest.split_once("=\"").expect(line);
            is_name(name, false);
            assert!(labels.iter().all(|(known, _)| known != name), "twice: {line}");
            let (value, behind) = read_value(quoted).unwrap_or_else(|| panic!("{line}"));
            labels.push((name.to_owned(), value));
            match behind.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = behind.strip_prefix('}').expect(line);
                    break;
                }
            }
        }
    }
    let number = rest.strip_prefix(' ').expect(line);
    let is_number = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e'));
    assert!(is_number, "neither a timestamp nor an exemplar nor a word: {line}");
    Sample { name: name.to_owned(), labels, value: number.parse().expect(line) }
}

/// What stands before the closing quote, and what behind it.
fn read_value(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        value.push(match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            },
            plain => plain,
        });
    }
    None
}

fn is_name(name: &str, may_have_colons: bool) {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || (may_have_colons && c == ':');
    let starts = name.starts_with(|c: char| is_inner(c) && !c.is_ascii_digit());
    assert!(starts && name.chars().all(is_inner), "no name: {name:?}");
}

/// Whether the samples are what the type says; `plain` is what a sample of one value is called.
fn is_sound(family: &Family, plain: &str) {
    assert!(!family.samples.is_empty() && family.help.ends_with('.') && family.help.len() > 10, "{family:?}");
    let own = |suffix: &str| format!("{}{suffix}", family.name);
    match &*family.kind {
        "counter" | "gauge" => {
            for sample in &family.samples {
                assert_eq!(sample.name, plain);
                assert!(sample.value >= 0.0 && sample.value.is_finite(), "{sample:?}");
            }
        }
        "summary" => {
            for pair in family.samples.chunks(2) {
                let names: Vec<_> = pair.iter().map(|sample| &*sample.name).collect();
                assert_eq!(names, [own("_sum"), own("_count")]);
                assert_eq!(pair[0].labels, pair[1].labels);
            }
        }
        "histogram" => {
            let mut samples = &*family.samples;
            while let [sum, count, rest @ ..] = samples {
                assert_eq!((&sum.name, &count.name), (&own("_sum"), &own("_count")));
                let buckets = rest.iter().take_while(|sample| sample.name == own("_bucket")).count();
                is_cumulative(count, &rest[..buckets]);
                samples = &rest[buckets..];
            }
            assert_eq!(samples, []);
        }
        kind => panic!("no type that lint lets pass: {kind}"),
    }
}

fn is_cumulative(count: &Sample, buckets: &[Sample]) {
    let bounds: Vec<_> = buckets.iter().map(|bucket| bucket.label("le").expect("a bound")).collect();
    assert_eq!(bounds.last(), Some(&"+Inf"), "{buckets:?}");
    let as_numbers: Vec<f64> = bounds.iter().map(|bound| bound.parse().expect("a number")).collect();
    assert!(as_numbers.is_sorted_by(|one, next| one < next), "{bounds:?}");
    // As Prometheus writes them, so that both formats make the same series of them.
    assert!(bounds[..bounds.len() - 1].iter().all(|bound| bound.contains('.')), "{bounds:?}");
    assert!(buckets.is_sorted_by(|one, next| one.value <= next.value), "{buckets:?}");
    assert_eq!(buckets.last().map(|bucket| bucket.value), Some(count.value));
    for bucket in buckets {
        let others = bucket.labels.iter().filter(|(name, _)| name != "le");
        assert!(others.eq(&count.labels), "{bucket:?}");
    }
}
