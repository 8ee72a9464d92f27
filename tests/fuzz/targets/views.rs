//! What checks say, however odd, leaves as JSON that parses and as clean lines, at every exposure.
#![no_main]

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use health_core::{Exposure, Failure, Form, Health, Outcome, Probe, Spec, Status};
use health_fuzz::answers::{judge_json, judge_lines};
use libfuzzer_sys::arbitrary::{self, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Number, Value};

const NAMES: [&str; 3] = ["a", "b/c", "d"];

/// What each check says next.
type Next = Arc<Mutex<Option<Result<Outcome, Failure>>>>;

struct World {
    health: Health,
    next: Vec<Next>,
}

static WORLD: OnceLock<World> = OnceLock::new();

fn world() -> &'static World {
    WORLD.get_or_init(|| {
        let next: Vec<Next> = NAMES.iter().map(|_| Next::default()).collect();
        let mut builder = Health::builder();
        for (name, next) in NAMES.into_iter().zip(&next) {
            let (spec, next) = (Spec::named(name).interval("never").cache("1ms"), Arc::clone(next));
            builder = builder.check_fn(spec, move || {
                let said = next.lock().expect("no panic").take();
                async move { said.unwrap_or_else(|| Ok(Outcome::healthy())) }
            });
        }
        World { health: builder.build().expect("a valid health").start(), next }
    })
}

fn says(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Result<Outcome, Failure>> {
    let summary: String = bytes.arbitrary()?;
    if bytes.ratio(1, 4)? {
        return Ok(Err(Failure::new(summary).because(bytes.arbitrary::<String>()?)));
    }
    let mut outcome = Outcome::of(*bytes.choose(&Status::ALL)?).with_summary(summary);
    for _ in 0..bytes.int_in_range(0..=40)? {
        outcome = outcome.data(bytes.arbitrary::<String>()?, value(bytes, 8)?);
    }
    if bytes.arbitrary()? {
        outcome = outcome.because(bytes.arbitrary::<String>()?);
    }
    Ok(Ok(outcome))
}

fn value(bytes: &mut Unstructured<'_>, depth: u32) -> arbitrary::Result<Value> {
    let kinds = if depth == 0 { 4 } else { 6 };
    Ok(match bytes.int_in_range(0..=kinds)? {
        0 => Value::Null,
        1 => Value::Bool(bytes.arbitrary()?),
        2 => Number::from_f64(bytes.arbitrary()?).map_or(Value::Null, Value::Number),
        3 => Value::from(bytes.arbitrary::<i64>()?),
        4 => Value::from(bytes.arbitrary::<String>()?),
        5 => {
            let length = bytes.int_in_range(0..=6)?;
            (0..length).map(|_| value(bytes, depth - 1)).collect::<Result<_, _>>()?
        }
        _ => {
            let length = bytes.int_in_range(0..=6)?;
            let field = |_| Ok((bytes.arbitrary()?, value(bytes, depth - 1)?));
            Value::Object((0..length).map(field).collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

async fn judge(world: &World) {
    // What was said before is no longer fresh.
    tokio::time::advance(Duration::from_millis(5)).await;
    let report = world.health.report(Probe::Ready).await;
    assert!(world.next.iter().all(|next| next.lock().expect("no panic").is_none()), "every check was asked");
    for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
        let view = report.view(exposure);
        let json = view.body(Form::Json);
        judge_json(std::str::from_utf8(&json).expect("UTF-8"), Some(report.status().as_str()));
        assert_eq!(serde_json::to_vec(&view).expect("JSON"), json);
        let text = view.text();
        judge_lines(&text);
        let lines = if exposure == Exposure::Status { 1 } else { NAMES.len() + 1 };
        assert_eq!(text.lines().count(), lines, "{text:?}");
        // A cap of 1 KiB for each text, 32 values of each check, each of bounded width and depth.
        assert!(exposure == Exposure::Full || json.len() < 8 * 1024, "{}", json.len());
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Unstructured::new(data);
    health_fuzz::run(async {
        let world = world();
        for next in &world.next {
            let Ok(said) = says(&mut bytes) else { return };
            *next.lock().expect("no panic") = Some(said);
        }
        judge(world).await;
    });
});
