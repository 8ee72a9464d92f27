//! A body that counts as under way until its last byte.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use health_core::Hold;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an answer, as it is. While it lives its request is under way, unless it is one that never ends.
    #[derive(Debug)]
    pub struct Counted<B> {
        #[pin]
        body: B,
        hold: Option<Hold>,
    }
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, hold: Option<Hold>) -> Self {
        Self { body, hold }
    }
}

impl<B: MessageBody> MessageBody for Counted<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(context)
    }
}
