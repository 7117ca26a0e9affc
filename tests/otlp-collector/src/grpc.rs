//! gRPC.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::MetricsService;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceService;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::metadata::KeyAndValueRef;
use tonic::{Request, Response, Status, async_trait};

use crate::seen::{Call, Received};
use crate::{Health, Shared};

/// All three services.
#[derive(Debug)]
pub(crate) struct Services(pub(crate) Arc<Shared>);

impl Services {
    async fn answer<Q, A: Default>(
        &self,
        name: &str,
        request: Request<Q>,
        add: impl FnOnce(&mut Received, &Q) + Send,
    ) -> Result<Response<A>, Status> {
        let headers = request.metadata().iter().filter_map(|pair| match pair {
            KeyAndValueRef::Ascii(name, value) => {
                Some((name.to_string(), value.to_str().ok()?.to_owned()))
            }
            KeyAndValueRef::Binary(..) => None,
        });
        let call = Call {
            path: name.to_owned(),
            headers: headers.collect(),
        };
        match self.0.called(call) {
            Health::Busy => return Err(Status::unavailable("busy")),
            Health::Strict => return Err(Status::unauthenticated("who are you")),
            Health::Silent => std::future::pending::<()>().await,
            Health::Well => {}
        }
        let request = request.into_inner();
        self.0.keep(|received| add(received, &request));
        Ok(Response::new(A::default()))
    }
}

#[async_trait]
impl TraceService for Services {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.answer("TraceService", request, Received::add_spans)
            .await
    }
}

#[async_trait]
impl LogsService for Services {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.answer("LogsService", request, Received::add_lines)
            .await
    }
}

#[async_trait]
impl MetricsService for Services {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.answer("MetricsService", request, Received::add_numbers)
            .await
    }
}
