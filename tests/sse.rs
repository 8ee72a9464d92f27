//! A reader of server-sent events, with the rules of the HTML standard for what a line means.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{Answer, Wire};

/// What comes from `/health/events` on one connection.
pub struct Events {
    pub answer: Answer,
    /// Parts without a word.
    pub comments: usize,
    /// What `retry` last said.
    pub retry: Option<u64>,
    wire: Wire,
    pending: VecDeque<Event>,
    is_over: bool,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: u64,
    pub data: Value,
}

impl Event {
    /// Which check, probe or phase it is about: the key and its value.
    pub fn subject(&self) -> (&str, &str) {
        let keys = ["check", "probe", "phase"];
        let found = keys.into_iter().find_map(|key| Some((key, self.data.get(key)?.as_str()?)));
        found.unwrap_or_else(|| panic!("no subject: {}", self.data))
    }

    /// From what to what.
    pub fn flip(&self) -> (&str, &str) {
        let word = |key: &str| self.data[key].as_str().unwrap_or_default();
        (word("from"), word("to"))
    }
}

impl Events {
    /// Connects and asks, with these lines beside those that are needed.
    pub async fn asking(address: SocketAddr, path: &str, lines: &str) -> Self {
        Self::on(Wire::to(address).await, path, lines).await
    }

    /// Asks on a connection that there is.
    pub async fn on(mut wire: Wire, path: &str, lines: &str) -> Self {
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")).await;
        let answer = wire.head().await;
        Self { answer, comments: 0, retry: None, wire, pending: VecDeque::new(), is_over: false }
    }

    /// Follows `/health/events`, where it is let in.
    pub async fn of(address: SocketAddr) -> Self {
        let events = Self::asking(address, "/health/events", "").await;
        assert_eq!(events.answer.code, 200);
        events
    }

    /// Follows, and takes the report that comes first.
    pub async fn after_the_report(address: SocketAddr) -> (Self, Event) {
        let mut events = Self::of(address).await;
        let report = events.next().await.expect("a report");
        assert_eq!(report.name, "report");
        (events, report)
    }

    /// The next event; `None` at the end of the answer.
    pub async fn next(&mut self) -> Option<Event> {
        while self.pending.is_empty() && !self.is_over {
            self.some().await;
        }
        self.pending.pop_front()
    }

    /// The next event about this check, probe or phase.
    pub async fn next_about(&mut self, subject: (&str, &str)) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("nothing about {subject:?}"));
            if event.subject() == subject {
                return event;
            }
        }
    }

    /// One more part of the answer.
    pub async fn some(&mut self) {
        let Some(part) = self.wire.chunk().await else {
            self.is_over = true;
            return;
        };
        let parsed = parsed(&part);
        self.comments += usize::from(parsed.is_empty());
        for (event, retry) in parsed {
            self.pending.extend(event);
            self.retry = retry.or(self.retry);
        }
    }

    /// Talks while it should listen, for as long as anybody listens to that.
    pub async fn says(&mut self, text: &str) {
        for part in text.as_bytes().chunks(4096) {
            if !self.wire.send_if_it_reads(part).await {
                return;
            }
        }
    }

    /// Everything until the other side closes, however it does.
    pub async fn whatever_comes(&mut self) -> Vec<u8> {
        self.wire.whatever_comes().await
    }

    /// Hangs up with a goodbye, as when a page is closed.
    pub fn close(self) {
        drop(self.wire);
    }

    /// Hangs up without one.
    pub fn reset(self) {
        self.wire.reset();
    }
}

/// Every event in a text, and the `retry` in it.
pub fn parsed(text: &str) -> Vec<(Option<Event>, Option<u64>)> {
    assert!(text.ends_with("\n\n"), "whole events: {text:?}");
    // All that ends a line for a browser.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut found = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        let (mut name, mut id, mut data, mut retry) = (None, None, None, None);
        for line in block.split('\n') {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "event" => assert!(name.replace(value).is_none(), "two names: {block}"),
                "id" => assert!(id.replace(value).is_none(), "two ids: {block}"),
                "data" => assert!(data.replace(value).is_none(), "two lines of data: {block}"),
                "retry" => retry = Some(value.parse().expect("a number")),
                "" => {}
                _ => panic!("an unknown field: {line:?}"),
            }
        }
        let event = data.map(|data| Event {
            name: name.expect("a name"),
            id: id.expect("an id").parse().expect("a number"),
            data: serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data:?}")),
        });
        if event.is_some() || retry.is_some() {
            found.push((event, retry));
        }
    }
    found
}
