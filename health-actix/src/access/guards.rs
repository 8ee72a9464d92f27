//! Whatever else the application lets decide.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::guard::Guard;
use health_core::Exposure;

/// Guards of actix-web. The workers share them, which most guards can bear although actix-web does not ask for it.
#[derive(Clone, Default)]
pub(super) struct Guards(Vec<(Exposure, Arc<dyn Guard + Send + Sync>)>);

impl Guards {
    pub(super) fn add(&mut self, exposure: Exposure, guard: impl Guard + Send + Sync + 'static) {
        self.0.push((exposure, Arc::new(guard)));
    }

    /// What they grant beyond this. A guard that could not is not asked.
    pub(super) fn raise(&self, mut granted: Exposure, request: &ServiceRequest) -> Exposure {
        for (exposure, guard) in &self.0 {
            if *exposure > granted && lets_pass(&**guard, request) {
                granted = *exposure;
            }
        }
        granted
    }
}

/// A guard that panics lets nobody pass, and the probe that was asked for is answered all the same.
fn lets_pass(guard: &dyn Guard, request: &ServiceRequest) -> bool {
    catch_unwind(AssertUnwindSafe(|| guard.check(&request.guard_ctx()))).unwrap_or(false)
}

/// What each of them grants; what they are cannot be told.
impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(exposure, _)| exposure)).finish()
    }
}
