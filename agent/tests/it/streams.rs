//! The streaming side of the scripted endpoint: gRPC by hand, on the port of everything else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::endpoint::PATIENCE;

/// What comes of a stream.
type Part = Result<Frame<Bytes>, std::io::Error>;

/// Where opened streams are handed over to the test; without one, there are no streams.
#[derive(Default)]
pub(crate) struct Streams {
    desk: Mutex<Option<mpsc::UnboundedSender<Asked>>>,
    /// How many were asked for while none were offered.
    missed: AtomicUsize,
}

/// Streams in the order in which agents ask for them.
pub(crate) struct Incoming(mpsc::UnboundedReceiver<Asked>);

/// An agent that asks for a stream and has got no answer yet.
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    answer: oneshot::Sender<Response<Body>>,
}

/// An open stream.
pub(crate) struct Opened(mpsc::UnboundedSender<Part>);

impl Streams {
    /// Streams are offered from now on.
    pub(crate) fn offer(&self) -> Incoming {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.desk.lock().unwrap() = Some(sender);
        Incoming(receiver)
    }

    /// How many were asked for in vain.
    pub(crate) fn missed(&self) -> usize {
        self.missed.load(Ordering::Relaxed)
    }

    /// Answers as the test says; `None` when no streams are offered.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Option<Response<Body>> {
        let Some(desk) = self.desk.lock().unwrap().clone() else {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let (answer, answered) = oneshot::channel();
        let headers = head.headers;
        let asked = Asked {
            headers,
            body,
            answer,
        };
        desk.send(asked).ok()?;
        answered.await.ok()
    }
}

impl Incoming {
    /// The next agent that asks.
    pub(crate) async fn asked(&mut self) -> Asked {
        timeout(PATIENCE, self.0.recv())
            .await
            .expect("a stream is asked for")
            .expect("the endpoint runs")
    }

    /// The next stream, open.
    pub(crate) async fn opened(&mut self) -> Opened {
        self.asked().await.open()
    }
}

impl Asked {
    pub(crate) fn open(self) -> Opened {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let parts = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
        let _ = self.answer.send(grpc(Body::new(StreamBody::new(parts))));
        Opened(sender)
    }

    /// Answers with a status and nothing else.
    pub(crate) fn refuse(self, code: &'static str) {
        let mut response = grpc(Body::empty());
        response.headers_mut().extend(status(code));
        let _ = self.answer.send(response);
    }

    /// Answers with a page and a status of HTTP.
    pub(crate) fn page(self, status: u16) {
        let page = Response::builder().status(status).body("<html>".into());
        let _ = self.answer.send(page.unwrap());
    }
}

impl Opened {
    pub(crate) fn resume(&self) {
        self.say(&[0x12, 0]);
    }

    pub(crate) fn pause(&self) {
        self.say(b"\x1a\x0e\x0a\x0cspring clean");
    }

    pub(crate) fn disconnect(&self) {
        self.say(b"\x22\x00");
    }

    pub(crate) fn job(&self, id: &str) {
        let length = u8::try_from(id.len()).unwrap();
        let head = [0x2a, length + 4, 0x0a, length + 2, 0x0a, length];
        self.say(&[&head, id.as_bytes()].concat());
    }

    fn say(&self, message: &[u8]) {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let bytes = [&[0], &length[..], message].concat();
        let _ = self.0.send(Ok(Frame::data(bytes.into())));
    }

    pub(crate) fn end(self, code: &'static str) {
        let _ = self.0.send(Ok(Frame::trailers(status(code))));
    }

    pub(crate) fn break_off(self) {
        let _ = self.0.send(Err(std::io::Error::other("broken off")));
    }

    /// Waits until the agent has no use for it any more.
    pub(crate) async fn closed(&self) {
        timeout(PATIENCE, self.0.closed())
            .await
            .expect("the stream is left");
    }
}

fn grpc(body: Body) -> Response<Body> {
    let response = Response::builder().header("content-type", "application/grpc+proto");
    response.body(body).unwrap()
}

fn status(code: &'static str) -> HeaderMap {
    let pairs = [("grpc-status", code), ("grpc-message", "so%20it%20is")];
    let header = |(name, value): (&'static str, &'static str)| {
        (name.parse().unwrap(), HeaderValue::from_static(value))
    };
    pairs.into_iter().map(header).collect()
}
