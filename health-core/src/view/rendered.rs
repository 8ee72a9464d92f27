//! Bytes that are rendered once and handed out as often as somebody asks.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Exposure, Form};
use crate::redact;

/// How many formats of others are kept of one report. Only a format that is made up for a request would need more.
const MOST: usize = 48;

/// The rendered forms of one report, each made when it is first asked for.
#[derive(Default)]
pub(crate) struct Rendered {
    json: [OnceLock<Bytes>; 3],
    text: [OnceLock<Bytes>; 3],
    others: Chain,
}

/// The formats of others, in the order in which they were first asked for. Nothing in it changes, so nobody waits but for
/// the very bytes he wants.
#[derive(Default)]
struct Chain(OnceLock<Box<Link>>);

struct Link {
    format: Box<dyn Any + Send + Sync>,
    exposure: Exposure,
    /// Not rendered where the chain grows: a format may be made of another one of the same report.
    rendered: OnceLock<Result<Bytes, RenderError>>,
    next: Chain,
}

/// Why a view could not be written in a format, as the format said it; redacted, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError(Arc<str>);

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the view could not be rendered: {}", self.0)
    }
}

impl std::error::Error for RenderError {}

impl Rendered {
    pub(super) fn get(&self, form: Form, exposure: Exposure, render: impl FnOnce() -> Bytes) -> Bytes {
        let [status, checks, full] = match form {
            Form::Json => &self.json,
            Form::Text => &self.text,
        };
        let slot = match exposure {
            Exposure::Status => status,
            Exposure::Checks => checks,
            Exposure::Full => full,
        };
        slot.get_or_init(render).clone()
    }

    pub(super) fn of_format<F, E>(
        &self,
        format: &F,
        exposure: Exposure,
        render: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Bytes, RenderError>
    where
        F: PartialEq + Clone + Send + Sync + 'static,
        E: fmt::Display,
    {
        let refused = |error: E| RenderError(redact::text(&error.to_string()).into());
        let rendered = || render().map(Bytes::from).map_err(refused);
        let mut chain = &self.others;
        for _ in 0..MOST {
            let link = chain.0.get_or_init(|| {
                let (format, rendered) = (Box::new(format.clone()), OnceLock::new());
                Box::new(Link { format, exposure, rendered, next: Chain::default() })
            });
            if link.exposure == exposure && link.format.downcast_ref() == Some(format) {
                return link.rendered.get_or_init(rendered).clone();
            }
            chain = &link.next;
        }
        rendered()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn each_format_is_rendered_once_for_each_exposure() {
        let (rendered, count) = (Rendered::default(), Cell::new(0));
        let get = |format: &'static str, exposure| {
            let bytes = rendered.of_format(&format, exposure, || {
                count.set(count.get() + 1);
                Ok::<_, Infallible>(format!("{format} {exposure:?}").into_bytes())
            });
            String::from_utf8(bytes.unwrap().to_vec()).unwrap()
        };
        for _ in 0..3 {
            assert_eq!(get("a", Exposure::Status), "a Status");
            assert_eq!(get("b", Exposure::Status), "b Status");
            assert_eq!(get("a", Exposure::Full), "a Full");
        }
        assert_eq!(count.get(), 3);
        // Another type is another format, even if it is written alike.
        let other = rendered.of_format(&"a".to_owned(), Exposure::Status, || Ok::<_, Infallible>(vec![]));
        assert_eq!(other, Ok(Bytes::new()));
    }

    #[test]
    fn formats_without_end_are_not_kept() {
        let rendered = Rendered::default();
        for format in 0..10_000_usize {
            let bytes = rendered.of_format(&format, Exposure::Status, || Ok::<_, Infallible>(vec![0; 3]));
            assert_eq!(bytes.unwrap().len(), 3);
        }
        let mut links = 0;
        let mut chain = &rendered.others;
        while let Some(link) = chain.0.get() {
            (links, chain) = (links + 1, &link.next);
        }
        assert_eq!(links, MOST);
    }

    #[test]
    fn what_cannot_be_rendered_is_an_error_each_time() {
        let rendered = Rendered::default();
        for _ in 0..2 {
            let error = rendered.of_format(&1, Exposure::Full, || Err("no such key")).unwrap_err();
            assert_eq!(error.to_string(), "the view could not be rendered: no such key");
        }
    }

    #[test]
    fn why_it_cannot_be_rendered_ends_no_line_and_tells_no_secret() {
        let why = || Err("no key\nERROR forged postgres://app:hunter2@db/app");
        let error = Rendered::default().of_format(&1, Exposure::Full, why).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("no key") && !said.contains('\n') && !said.contains(r"\n"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn a_format_may_be_made_of_another_one() {
        let rendered = Arc::new(Rendered::default());
        let (done, wait) = std::sync::mpsc::channel();
        let within = Arc::clone(&rendered);
        std::thread::spawn(move || {
            let inner = || Ok::<_, Infallible>(b"word".to_vec());
            let outer = within.of_format(&"outer", Exposure::Status, || {
                within.of_format(&"inner", Exposure::Status, inner).map(|word| [&b"a "[..], &word].concat())
            });
            done.send(outer.unwrap()).unwrap();
        });
        let outer = wait.recv_timeout(std::time::Duration::from_secs(20)).expect("nobody waits for himself");
        assert_eq!(outer, "a word");
    }
}
