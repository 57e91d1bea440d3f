//! The stand-in's network side: three calls over HTTP/2.

// The size of a status is for tonic to say.
#![allow(clippy::result_large_err)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::runtime::{Builder, Runtime};
use tonic::body::BoxBody;
use tonic::codec::ProstCodec;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::proto::{AppendReq, AppendResp, ReadReq, ReadResp, SupportedMethod, SupportedMethods};
use super::store::{Fault, Outcome, Store};

type Answering<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;
type Kept = Arc<Mutex<Store>>;

/// A server that speaks enough of the protocol.
pub(super) struct StandIn {
    store: Kept,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl StandIn {
    pub(super) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut new = Self { store: Kept::default(), address, runtime: None };
        new.listen(listener);
        new
    }

    fn listen(&mut self, listener: std::net::TcpListener) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (features, streams) = (Features, Streams(Arc::clone(&self.store)));
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let incoming = TcpIncoming::from_listener(listener, true, None).unwrap();
            let server = Server::builder().add_service(features).add_service(streams);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        self.runtime = Some(runtime);
    }

    pub(super) fn address(&self) -> String {
        format!("esdb://{}?tls=false", self.address)
    }

    /// What goes wrong with the next append.
    pub(super) fn next(&self, fault: Fault) {
        self.store.lock().unwrap().faults.push_back(fault);
    }

    /// How many events a reader of a stream is shown.
    pub(super) fn visible(&self, stream: &str) -> usize {
        self.store.lock().unwrap().visible(stream.as_bytes()).len()
    }

    /// Ends all connections and takes no new ones.
    pub(super) fn stop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// Takes connections again, at the same address and with what is kept.
    pub(super) fn go_on(&mut self) {
        let listener = loop {
            match std::net::TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(_) => std::thread::yield_now(),
            }
        };
        self.listen(listener);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Clone)]
struct Features;

#[derive(Clone)]
struct Streams(Kept);

impl NamedService for Features {
    const NAME: &'static str = "event_store.client.server_features.ServerFeatures";
}

impl NamedService for Streams {
    const NAME: &'static str = "event_store.client.streams.Streams";
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<BoxBody>, Infallible>> + Send>>;

impl Service<http::Request<BoxBody>> for Features {
    type Response = http::Response<BoxBody>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<BoxBody>) -> Answer {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(Self, request).await) })
    }
}

impl Service<http::Request<BoxBody>> for Streams {
    type Response = http::Response<BoxBody>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<BoxBody>) -> Answer {
        let this = self.clone();
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Box::pin(async move {
            Ok(match method.as_str() {
                "Read" => Grpc::new(ProstCodec::default()).server_streaming(this, request).await,
                "BatchAppend" => Grpc::new(ProstCodec::default()).streaming(this, request).await,
                _ => Status::unimplemented("beyond the stand-in").into_http(),
            })
        })
    }
}

impl UnaryService<()> for Features {
    type Response = SupportedMethods;
    type Future = Answering<SupportedMethods>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let method = SupportedMethod {
            method: "batchappend".to_owned(),
            service: "event_store.client.streams.streams".to_owned(),
        };
        let server_version = "24.10.0".to_owned();
        let supported = SupportedMethods { methods: vec![method], server_version };
        Box::pin(std::future::ready(Ok(Response::new(supported))))
    }
}

impl ServerStreamingService<ReadReq> for Streams {
    type Response = ReadResp;
    type ResponseStream = BoxStream<'static, Result<ReadResp, Status>>;
    type Future = Answering<Self::ResponseStream>;

    fn call(&mut self, request: Request<ReadReq>) -> Self::Future {
        let options = request.into_inner().options.unwrap();
        let read = self.0.lock().unwrap().read(&options);
        let answer =
            read.map(|events| Response::new(stream::iter(events.into_iter().map(Ok)).boxed()));
        Box::pin(std::future::ready(answer))
    }
}

impl StreamingService<AppendReq> for Streams {
    type Response = AppendResp;
    type ResponseStream = BoxStream<'static, Result<AppendResp, Status>>;
    type Future = Answering<Self::ResponseStream>;

    fn call(&mut self, request: Request<Streaming<AppendReq>>) -> Self::Future {
        let store = Arc::clone(&self.0);
        let answers =
            request.into_inner().map(move |request| match store.lock().unwrap().append(request?) {
                Outcome::Answer(answer) => Ok(answer),
                Outcome::SessionEnds => Err(Status::unavailable("the session ends")),
            });
        Box::pin(std::future::ready(Ok(Response::new(answers.boxed()))))
    }
}
