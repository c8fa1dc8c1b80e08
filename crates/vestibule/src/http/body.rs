//! Bodies on their way through, and what is noted of them.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::{exchange::Exchange, fields::clean_trailers, front::Front, link::LinkState};

/// The body of a request on its way to a server.
pub(super) struct RequestBody {
    /// `None`: it was and is empty.
    incoming: Option<Incoming>,
    /// `None`: it is empty.
    upload: Option<Rc<Upload>>,
}

/// What is known of the body of a request.
pub(super) struct Upload {
    front: Rc<Front>,
    bytes: Cell<u64>,
    /// Whether all of it was taken.
    ended: Cell<bool>,
    /// Whether it breaks the rules of HTTP, or breaks off.
    failed: Cell<bool>,
    /// Where it goes.
    link: RefCell<Option<Rc<LinkState>>>,
}

/// The body of a response on its way to the client.
pub(super) enum ResponseBody {
    /// Ours, or that of a server if it was revised. With what is to be recorded when it is gone.
    Answer(Bytes, Box<Exchange>),
    /// Of a server.
    Passed(Incoming, Box<Exchange>),
}

impl RequestBody {
    /// `incoming` and what will be known of it; that is `None` if it is empty.
    pub(super) fn new(front: &Rc<Front>, incoming: Incoming) -> (Self, Option<Rc<Upload>>) {
        if incoming.is_end_stream() {
            return (Self::empty(), None);
        }
        front.upload_begins();
        let upload = Rc::new(Upload {
            front: Rc::clone(front),
            bytes: Cell::new(0),
            ended: Cell::new(false),
            failed: Cell::new(false),
            link: RefCell::default(),
        });
        let known = Some(Rc::clone(&upload));
        let body = Self {
            incoming: Some(incoming),
            upload: Some(upload),
        };
        (body, known)
    }

    /// None.
    pub(super) fn empty() -> Self {
        Self {
            incoming: None,
            upload: None,
        }
    }
}

impl Upload {
    /// How much was taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Whether all of it was taken.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether it breaks the rules of HTTP, or breaks off.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// Says where it goes.
    pub(super) fn goes_to(&self, link: &Rc<LinkState>) {
        *self.link.borrow_mut() = Some(Rc::clone(link));
    }

    /// The server waits for more of it, or not.
    fn starves(&self, starves: bool) {
        if let Some(link) = &*self.link.borrow() {
            link.starves(starves);
        }
    }

    fn end(&self) {
        if self.ended.replace(true) {
            return;
        }
        self.front.upload_ends(true);
        if let Some(link) = self.link.take() {
            link.request_ended();
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            if !upload.ended.get() {
                upload.front.upload_ends(false);
            }
            upload.link.take();
        }
    }
}

/// Trailers are fields, too.
fn clean(frame: &mut Option<Result<Frame<Bytes>, hyper::Error>>) {
    if let Some(Ok(frame)) = frame
        && let Some(trailers) = frame.trailers_mut()
    {
        clean_trailers(trailers);
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(&mut *incoming).poll_frame(cx);
        if let Some(upload) = &this.upload {
            upload.starves(frame.is_pending());
            if frame.is_pending() {
                upload.front.flow.lacks_body(cx);
            }
        }
        let mut frame = ready!(frame);
        clean(&mut frame);
        if let Some(upload) = &this.upload {
            match &frame {
                None => upload.end(),
                Some(Err(_)) => upload.failed.set(true),
                Some(Ok(frame)) => {
                    upload.front.body_moves();
                    if let Some(data) = frame.data_ref() {
                        upload.bytes.set(upload.bytes.get() + data.len() as u64);
                    }
                    if frame.is_trailers() || incoming.is_end_stream() {
                        upload.end();
                    }
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let none = || SizeHint::with_exact(0);
        self.incoming.as_ref().map_or_else(none, Body::size_hint)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Answer(bytes, exchange) => {
                if bytes.is_empty() {
                    return Poll::Ready(None);
                }
                let bytes = std::mem::take(bytes);
                exchange.sends(bytes.len());
                exchange.ends();
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Passed(incoming, exchange) => {
                let frame = Pin::new(&mut *incoming).poll_frame(cx);
                exchange.wants_more(frame.is_pending());
                let mut frame = ready!(frame);
                clean(&mut frame);
                match frame {
                    None => {
                        exchange.ends();
                        Poll::Ready(None)
                    }
                    Some(Ok(frame)) => {
                        if let Some(data) = frame.data_ref() {
                            exchange.sends(data.len());
                        }
                        // Nobody asks for more after trailers.
                        if frame.is_trailers() || incoming.is_end_stream() {
                            exchange.ends();
                        }
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Err(error)) => {
                        exchange.breaks(&error);
                        Poll::Ready(Some(Err(io::Error::other(error))))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Answer(bytes, _) => bytes.is_empty(),
            Self::Passed(incoming, _) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Answer(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            Self::Passed(incoming, _) => incoming.size_hint(),
        }
    }
}
