//! What HAProxy's agent checks are told: one line for each connection.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use actix_web::rt;
use health_core::{Exposure, Phase, Probe, Question, Status, View};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

use super::application::Served;
use super::connection::part;
use super::door::{Door, Guest};
use super::limits::Limits;
use super::place::Never;

/// How long a reason may become by names. HAProxy keeps 127 bytes of one, of which it takes 19 for words of its own; the
/// rest is for the number of others.
const ROOM_FOR_NAMES: usize = 85;

/// How a health answers the [agent checks](https://docs.haproxy.org/2.6/configuration.html#5.2-agent-check) of HAProxy;
/// given to [`Server::haproxy_agent`](super::Server::haproxy_agent).
///
/// Whoever connects is told in one line how ready stands, and nothing is asked or run for it:
///
/// | ready | the line | what HAProxy does |
/// |---|---|---|
/// | healthy, degraded | `up 100%` | sends traffic |
/// | draining | `up 0%` | finishes what it has begun and what sticks to the server, sends nothing new |
/// | starting | `down #starting` | sends nothing |
/// | unhealthy | `down #unhealthy` | sends nothing |
///
/// Each line sets the weight of the server anew, as a share of the `weight` in HAProxy's configuration: a weight that an
/// operator has set is gone at the next answer, unless `disable agent app/one` was said to HAProxy before. `MAINT` and
/// `DRAIN` stay as an operator has set them: `ready`, `drain` and `maint` are never sent, because they overwrite that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it changes nothing until it is given to a server"]
pub struct HaproxyAgent {
    exposure: Exposure,
    /// In percent.
    while_degraded: u8,
}

impl HaproxyAgent {
    /// Tells nothing but what is in the table.
    pub const fn new() -> Self {
        Self { exposure: Exposure::Status, while_degraded: 100 }
    }

    /// With [`Exposure::Checks`] the names of the checks that make it unhealthy are told, as many as HAProxy has room for:
    /// `down #unhealthy: db cache and 3 more`. More than that is not told. Default: [`Exposure::Status`], also on a
    /// loopback address, because HAProxy writes it into its logs and shows it on its page of statistics.
    pub const fn exposure(mut self, exposure: Exposure) -> Self {
        self.exposure = exposure;
        self
    }

    /// The weight of a server while it is degraded, in percent of its own, from 1 to 100. Default: 100.
    ///
    /// **Every server line of HAProxy then needs `weight 100` or more.** HAProxy cuts the fraction off: half of its
    /// default weight, which is 1, is 0. Then a degraded server gets no traffic at all, and where all of them are degraded
    /// nobody is served.
    pub const fn weight_while_degraded(mut self, percent: u8) -> Self {
        self.while_degraded = percent;
        self
    }

    pub(super) const fn exposed(self) -> Exposure {
        self.exposure
    }

    /// Refuses what would be another thing than a weight.
    pub(super) fn checked(self) -> io::Result<Self> {
        if (1..=100).contains(&self.while_degraded) {
            return Ok(self);
        }
        let fault = "weight_while_degraded takes 1 to 100 percent";
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }

    fn line(self, view: &View<'_>) -> String {
        match (view.phase(), view.status()) {
            (Phase::Draining, _) => "up 0%\n".to_owned(),
            (Phase::Starting, _) => "down #starting\n".to_owned(),
            (Phase::Running, Status::Healthy) => "up 100%\n".to_owned(),
            (Phase::Running, Status::Degraded) => format!("up {}%\n", self.while_degraded),
            (Phase::Running, Status::Unhealthy) => format!("down #{}\n", reason(view)),
        }
    }
}

impl Default for HaproxyAgent {
    fn default() -> Self {
        Self::new()
    }
}

/// `unhealthy`, and as many of the names that may be told as there is room for. Without a comma, which would move columns
/// for those who read HAProxy's table by cutting it at each.
fn reason(view: &View<'_>) -> String {
    let (mut reason, mut between, mut others) = ("unhealthy".to_owned(), ": ", 0);
    for name in view.failing() {
        if reason.len() + between.len() + name.len() > ROOM_FOR_NAMES {
            others += 1;
            continue;
        }
        reason.extend([between, name]);
        between = " ";
    }
    if others > 0 && between == " " {
        reason.push_str(&format!(" and {others} more"));
    }
    reason
}

/// Tells everybody who comes in, and makes nobody wait: whoever stays longest has to go when there are too many.
pub(super) async fn admit(mut door: Door, served: &Served, limits: Limits) -> Never {
    let mut staying = VecDeque::new();
    loop {
        let (guest, _) = door.next().await;
        let Some(report) = served.health.look(Question::Probe(Probe::Ready)) else { continue };
        let line = served.agent.line(&report.view(served.agent.exposure));
        if staying.len() >= limits.connections {
            staying.retain(|guest: &oneshot::Sender<()>| !guest.is_closed());
        }
        if staying.len() >= limits.connections {
            drop(staying.pop_front());
        }
        let (stays, has_to_go) = oneshot::channel();
        staying.push_back(stays);
        rt::spawn(tell(guest, line, has_to_go));
    }
}

async fn tell(guest: Guest, line: String, has_to_go: oneshot::Receiver<()>) {
    let Ok(mut stream) = guest.greeted().await else { return };
    // It fits into the buffers of the kernel, so nobody is waited for; and nobody has to go before it is said.
    if stream.write_all(line.as_bytes()).await.is_err() {
        return;
    }
    let (mut parting, mut has_to_go) = (pin!(part(stream, b"")), pin!(has_to_go));
    poll_fn(|context| match parting.as_mut().poll(context) {
        Poll::Pending => has_to_go.as_mut().poll(context).map(drop),
        parted => parted,
    })
    .await;
}
