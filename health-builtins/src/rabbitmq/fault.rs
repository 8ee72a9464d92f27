//! What an error of the broker or of the client means.

use health_core::{Failure, Outcome, Status};
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Connection, Error, ErrorKind};

use super::current::why_not;
use crate::Fault;

/// Used up channels are the application's own doing, and no fault of the broker.
pub(super) fn on(connection: &Connection, error: Error) -> Result<Outcome, Failure> {
    if matches!(error.kind(), ErrorKind::ChannelsLimitReached) {
        let all = connection.configuration().channel_max();
        let busy = Failure::new(format!("all {all} channels of the connection are in use"));
        return Ok(busy.because(error).into_outcome_of(Status::Degraded));
    }
    Err(of(error))
}

pub(super) fn of(error: Error) -> Failure {
    let summary = match error.kind() {
        ErrorKind::InvalidConnectionState(now) => why_not(*now),
        ErrorKind::MissingHeartbeatError => Some("not connected: the broker is silent"),
        ErrorKind::ProtocolError(said) => match said.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => return Fault::Denied.because(error),
            AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED) => return Fault::NotServing.because(error),
            _ => Some("the broker refused"),
        },
        _ => None,
    };
    match (summary, Fault::below(&error)) {
        (Some(summary), _) => Failure::new(summary).because(error),
        (None, Some(fault)) => fault.because(error),
        (None, None) => error.into(),
    }
}
