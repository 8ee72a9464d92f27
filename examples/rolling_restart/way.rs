//! The ways in which HAProxy learns that an instance leaves and that it has come back.

use std::net::SocketAddr;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It asks for ready, and three refusals take the instance out.
    Http,
    /// It asks the agent, whose `up 0%` takes the instance out at once.
    Agent,
    /// It asks for ready, and a 404 takes the instance out softly.
    SoftStop,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Http, Self::Agent, Self::SoftStop];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Agent => "agent",
            Self::SoftStop => "404",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == name)
    }

    /// What the backend says, once for all servers.
    pub(crate) fn backend(self) -> &'static str {
        match self {
            Self::Http => "option httpchk OPTIONS /health/ready",
            // Whether the process answers at all is asked beside it: HAProxy does not mind an agent that is gone.
            Self::Agent => "option httpchk OPTIONS /health/live",
            Self::SoftStop => "option httpchk OPTIONS /health/ready\n  http-check disable-on-404",
        }
    }

    /// What the line of one server says beyond its address.
    pub(crate) fn server(self, agent: SocketAddr) -> String {
        let checked = "check inter 200ms fall 3 rise 2";
        match self {
            Self::Http | Self::SoftStop => checked.to_owned(),
            Self::Agent => {
                let (host, port) = (agent.ip(), agent.port());
                format!(
                    "{checked} weight 100 agent-check agent-addr {host} agent-port {port} agent-inter 200ms"
                )
            }
        }
    }

    /// What the instances have to be told.
    pub(crate) fn variables(self, agent: SocketAddr) -> Option<(&'static str, String)> {
        match self {
            Self::Http => None,
            Self::Agent => Some(("AGENT", agent.to_string())),
            Self::SoftStop => Some(("PROFILE", "haproxy".to_owned())),
        }
    }
}
