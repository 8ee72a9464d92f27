//! The bytes of one event. JSON has no line breaks in it, so the data of an event is one line.

use actix_web::web::Bytes;
use health_core::{Form, Transition, View};

/// A line that says nothing.
pub(super) const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// How long a reader waits before it connects again, in milliseconds.
const RECONNECT: u64 = 2_000;

/// How everything stands after the transition of this number.
pub(super) fn report(id: u64, view: &View<'_>) -> Bytes {
    let mut event = format!("retry: {RECONNECT}\nid: {id}\nevent: report\ndata: ").into_bytes();
    event.extend_from_slice(&view.body(Form::Json));
    event.extend_from_slice(b"\n\n");
    event.into()
}

pub(super) fn transition(transition: &Transition) -> Bytes {
    // Nothing in it can fail to serialise.
    let json = serde_json::to_string(transition).unwrap_or_else(|_| "{}".into());
    format!("id: {}\nevent: transition\ndata: {json}\n\n", transition.sequence()).into()
}
