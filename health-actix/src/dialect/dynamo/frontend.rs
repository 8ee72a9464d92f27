//! The words of a frontend.

use actix_web::web::Bytes;
use health_core::{RenderError, View};
use serde::Serialize;

use super::super::Asked;
use super::is_up;

/// What of a format is not in the report: the verdict, which an option may have changed.
#[derive(Clone, Copy, PartialEq)]
struct Health {
    is_passed: bool,
}

pub(super) fn live(asked: &Asked<'_>) -> Bytes {
    Bytes::from_static(if asked.is_passed() {
        br#"{"status":"live","message":"Service is live"}"#
    } else {
        br#"{"status":"not_live","message":"Service is not live"}"#
    })
}

pub(super) fn health(asked: &Asked<'_>) -> Result<Bytes, RenderError> {
    let (view, is_passed) = (asked.view(), asked.is_passed());
    view.rendered(&Health { is_passed }, || serde_json::to_vec(&Discovered::of(view, is_passed)))
}

/// The body, its fields in the order of the wire.
#[derive(Serialize)]
struct Discovered<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    endpoints: Vec<&'a str>,
    instances: Vec<Instance<'a>>,
}

#[derive(Serialize)]
struct Instance<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    endpoint: &'a str,
}

impl<'a> Discovered<'a> {
    fn of(view: &View<'a>, is_passed: bool) -> Self {
        let endpoints: Vec<_> = view.entries().filter(is_up).map(|entry| entry.name()).collect();
        let instances = endpoints.iter().copied().map(Instance::of).collect();
        let stage = [(view.is_starting(), "starting"), (view.is_draining(), "draining")];
        Self {
            status: if is_passed { "healthy" } else { "not_ready" },
            stage: stage.into_iter().find_map(|(is_now, stage)| (is_now && !is_passed).then_some(stage)),
            endpoints,
            instances,
        }
    }
}

impl<'a> Instance<'a> {
    fn of(name: &'a str) -> Self {
        match name.rsplit_once('/') {
            Some((component, endpoint)) => Self { component: Some(component), endpoint },
            None => Self { component: None, endpoint: name },
        }
    }
}
