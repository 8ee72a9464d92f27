//! How it ended.

use std::process::{ExitCode, Termination};

/// How the process has left; what [`run`](crate::run) returns and `main` may return as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "`main` returns it, so that whoever started the process knows"]
pub struct Exit(u8);

impl Exit {
    /// Everything has finished.
    pub(super) const FINISHED: Self = Self(0);
    /// Something was cut off.
    pub(super) const CUT_OFF: Self = Self(1);

    /// The exit code of the process: 0 when everything that was under way has finished, 1 when the limit cut something
    /// off.
    ///
    /// There is no value for a second signal: that ends the process itself, with 128 and the number of the signal, so
    /// 143 for SIGTERM and 130 for SIGINT.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Whether everything that was under way has finished.
    #[must_use]
    pub const fn is_clean(self) -> bool {
        self.0 == 0
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.0.into()
    }
}
