//! Streams of pings from a server that others wrote: tonic, with TLS and real HTTP/2, on the port of
//! everything else. The messages are declared once more, as an endpoint declares them.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tonic::codegen::{BoxFuture, CompressionEncoding, Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::endpoint::{Endpoint, PATIENCE};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StreamPings {
    #[prost(string, tag = "1")]
    pub(crate) agent_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Said {
    #[prost(oneof = "Action", tags = "2, 3, 4, 5")]
    action: Option<Action>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Action {
    #[prost(message, tag = "2")]
    Resume(()),
    #[prost(message, tag = "3")]
    Pause(Text),
    #[prost(message, tag = "4")]
    Disconnect(Text),
    #[prost(message, tag = "5")]
    JobAssigned(Assigned),
}

/// A reason, or an id.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Assigned {
    #[prost(message, optional, tag = "1")]
    job: Option<Text>,
}

/// Made for these tests, for 127.0.0.1 and a hundred years; it signs itself.
pub(crate) const CERTIFICATE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/endpoint.pem");
/// Its key.
const KEY: &str = include_str!("tls/endpoint.key");
/// One like it, whose key is gone.
pub(crate) const STRANGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/stranger.pem");

type Answer = Result<Response<BoxStream<'static, Result<Said, Status>>>, Status>;

/// Streams in the order in which agents ask for them.
pub(crate) struct Incoming(mpsc::UnboundedReceiver<Asked>);

/// An agent that asks for a stream and has got no answer yet.
pub(crate) struct Asked {
    pub(crate) request: Request<StreamPings>,
    answer: oneshot::Sender<Answer>,
}

/// An open stream.
pub(crate) struct Opened(mpsc::UnboundedSender<Result<Said, Status>>);

#[derive(Clone)]
struct Pings(mpsc::UnboundedSender<Asked>);

/// Starts an endpoint whose streams come from tonic, without TLS.
pub(crate) fn plain(server: Server) -> (Endpoint, Incoming) {
    serve(server.accept_http1(true), "http")
}

/// The same over TLS, with a certificate that only [`CERTIFICATE`] vouches for.
pub(crate) fn secure(server: Server) -> (Endpoint, Incoming) {
    let identity = Identity::from_pem(include_str!("tls/endpoint.pem"), KEY);
    let server = server.tls_config(ServerTlsConfig::new().identity(identity));
    serve(server.unwrap(), "https")
}

fn serve(mut server: Server, scheme: &str) -> (Endpoint, Incoming) {
    let port = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("{scheme}://{}/v3", port.local_addr().unwrap());
    let (endpoint, router) = Endpoint::unserved(url);
    let (asked, incoming) = mpsc::unbounded_channel();
    let all = Routes::from(router).add_service(Pings(asked));
    tokio::spawn(server.add_routes(all).serve_with_incoming(port));
    (endpoint, Incoming(incoming))
}

impl NamedService for Pings {
    const NAME: &'static str = "agentedge.v1.AgentEdgeService";
}

impl Service<http::Request<tonic::body::Body>> for Pings {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let pings = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<Said, StreamPings>::default();
            let mut grpc = Grpc::new(codec)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip);
            Ok(grpc.server_streaming(pings, request).await)
        })
    }
}

impl ServerStreamingService<StreamPings> for Pings {
    type Response = Said;
    type ResponseStream = BoxStream<'static, Result<Said, Status>>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<StreamPings>) -> Self::Future {
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send(Asked { request, answer });
        Box::pin(async move {
            let gone = |_| Err(Status::unavailable("the test is over"));
            answered.await.unwrap_or_else(gone)
        })
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
        let said = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
        let _ = self.answer.send(Ok(Response::new(Box::pin(said))));
        Opened(sender)
    }

    /// Answers with a status and nothing else.
    pub(crate) fn refuse(self, status: Status) {
        let _ = self.answer.send(Err(status));
    }
}

impl Opened {
    pub(crate) fn resume(&self) {
        self.say(Action::Resume(()));
    }

    pub(crate) fn pause(&self, reason: &str) {
        let text = reason.to_owned();
        self.say(Action::Pause(Text { text }));
    }

    pub(crate) fn disconnect(&self) {
        self.say(Action::Disconnect(Text::default()));
    }

    pub(crate) fn job(&self, id: &str) {
        let job = Text {
            text: id.to_owned(),
        };
        self.say(Action::JobAssigned(Assigned { job: Some(job) }));
    }

    fn say(&self, action: Action) {
        let action = Some(action);
        let _ = self.0.send(Ok(Said { action }));
    }

    /// Ends with a status after what was said.
    pub(crate) fn end(self, status: Status) {
        let _ = self.0.send(Err(status));
    }

    /// Waits until the agent, or the server, has no use for it any more.
    pub(crate) async fn closed(&self) {
        timeout(PATIENCE, self.0.closed())
            .await
            .expect("the stream is left");
    }
}
