//! The admin address: is the server alive, and does everything run that should?
//!
//! Knows HTTP and names of workflows. Deliberately does not know messages; nothing here changes
//! anything, and no answer holds more than names and counts.
//!
//! `/healthz` is 200 while the server can answer at all. `/readyz` is 200 while every workflow that
//! is not disabled runs in the version of its file, else 503; both with a JSON body that says why.
//! A step that is set aside makes it `degraded`, and leaves it 200: what else the server does goes
//! on, and a balancer that took it out would stop that, too. `/metrics` gives the counters.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::faults::{FaultRegister, SetAside};
use crate::listener::{Connection, Protocol};
use crate::metrics;
use crate::refusals::Refusals;

/// The head of a request must be complete, and the next one must come, within this time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// A connection is closed after this long, whatever happens on it.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(60);

/// What the admin address tells. Replaced as a whole after every look at the home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub workflows: Vec<WorkflowStanding>,
}

/// One workflow as its operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowStanding {
    /// The workflow's name, or the file's when it could not be read.
    pub name: String,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// The file has errors: the version before goes on.
    RunningOlder,
    /// The file has errors and nothing runs.
    Failed,
    /// Its author does not want it to run.
    Disabled,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::RunningOlder => "running an older version",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        }
    }

    fn is_as_wanted(self) -> bool {
        matches!(self, Self::Running | Self::Disabled)
    }
}

impl Standing {
    /// Whether everything runs that should.
    pub fn is_ready(&self) -> bool {
        self.workflows.iter().all(|workflow| workflow.state.is_as_wanted())
    }
}

/// Answers on the connections of the admin address.
pub struct AdminProtocol {
    pub refusals: Arc<Refusals>,
    pub faults: Arc<FaultRegister>,
}

impl Protocol for AdminProtocol {
    type Routes = Standing;

    async fn serve(&self, connection: Connection, routes: Arc<ArcSwap<Standing>>) {
        let service = service_fn(|request| {
            let standing = routes.load_full();
            async move { Ok::<_, Infallible>(self.answer(&request, &standing).await) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        builder.max_header_size(HEADER_BYTES_MAX);
        let mut http =
            std::pin::pin!(builder.serve_connection(TokioIo::new(connection.stream), service));
        let served = async {
            tokio::select! {
                served = http.as_mut() => served,
                () = connection.stop.cancelled() => {
                    http.as_mut().graceful_shutdown();
                    http.as_mut().await
                }
            }
        };
        match tokio::time::timeout(CONNECTION_TIME_MAX, served).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => tracing::debug!(%error, "an admin connection ended early"),
        }
    }
}

impl AdminProtocol {
    async fn answer(
        &self,
        request: &Request<Incoming>,
        standing: &Standing,
    ) -> Response<Full<Bytes>> {
        if !request.body().is_end_stream() {
            return with_status(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new());
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = with_status(StatusCode::METHOD_NOT_ALLOWED, Bytes::new());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/healthz" => with_status(StatusCode::OK, "{\"status\":\"alive\"}\n".into()),
            "/readyz" => {
                let ready = standing.is_ready();
                let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                with_status(status, readiness(standing, &self.refusals, &self.faults.set_aside()))
            }
            "/metrics" => self.metrics().await,
            _ => with_status(StatusCode::NOT_FOUND, Bytes::new()),
        }
    }

    /// Written apart from the threads that receive: there may be tens of thousands of lines.
    async fn metrics(&self) -> Response<Full<Bytes>> {
        let metrics = Arc::clone(self.faults.metrics());
        let Ok(text) = tokio::task::spawn_blocking(move || metrics.text()).await else {
            return with_status(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new());
        };
        let mut response = with_status(StatusCode::OK, text.into());
        let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }
}

fn readiness(standing: &Standing, refusals: &Refusals, aside: &[SetAside]) -> Bytes {
    let workflows = standing.workflows.iter().map(
        |workflow| serde_json::json!({ "name": workflow.name, "state": workflow.state.name() }),
    );
    let refused = refusals.snapshot();
    let refused = refused.iter().filter(|(_, count)| *count > 0);
    let refused: serde_json::Map<String, serde_json::Value> =
        refused.map(|(kind, count)| (kind.name().to_owned(), (*count).into())).collect();
    let status = match (standing.is_ready(), aside.is_empty()) {
        (false, _) => "not ready",
        (true, false) => "degraded",
        (true, true) => "ready",
    };
    let mut told = serde_json::json!({
        "status": status,
        "workflows": workflows.collect::<Vec<_>>(),
        "refused": refused,
    });
    if !aside.is_empty()
        && let Some(told) = told.as_object_mut()
    {
        told.insert("quarantined".to_owned(), aside.iter().map(quarantined).collect());
    }
    format!("{told}\n").into()
}

fn quarantined(aside: &SetAside) -> serde_json::Value {
    serde_json::json!({
        "workflow": aside.workflow,
        "step": aside.step,
        "plugin": aside.plugin,
        "version": aside.version,
        "retry_milliseconds": u64::try_from(aside.retry_in.as_millis()).unwrap_or(u64::MAX),
    })
}

fn with_status(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let has_body = !body.is_empty();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
