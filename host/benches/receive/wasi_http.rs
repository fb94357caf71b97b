//! The nearest thing that exists: a component of `wasi:http`, a fresh instance of it for
//! every request, as `wasmtime serve` runs them. The same library does it here, behind the
//! same TLS as everything else in this benchmark; `wasmtime serve` itself has none.
//!
//! The component does what the workflow of one step does, and no more: see
//! `host/sandbox/guests/answering`.

use std::net::SocketAddr;
use std::path::Path;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// Of its threads, and in the table.
pub(crate) const NAME: &str = "wasi-http";

pub(crate) struct WasiHttp {
    pub(crate) address: SocketAddr,
    /// Lives as long as its threads are to.
    _runtime: Runtime,
}

impl WasiHttp {
    /// With the certificate of a home.
    pub(crate) fn start(home: &Path, component: &[u8]) -> Self {
        let mut config = Config::new();
        let pool = PoolingAllocationConfig::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
        let proxy = ProxyPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        let runtime = crate::threads(NAME);
        let address = runtime.block_on(crate::listen(home, move |stream| {
            let proxy = proxy.clone();
            let service = service_fn(move |request| answer(proxy.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new();
            async move {
                let _ended = connection.serve_connection(TokioIo::new(stream), service).await;
            }
        }));
        Self { address, _runtime: runtime }
    }
}

async fn answer(
    proxy: ProxyPre<Client>,
    request: Request<Incoming>,
) -> Result<Response<HyperOutgoingBody>, wasmtime::Error> {
    let mut store = Store::new(proxy.engine(), Client::new());
    let (sender, answered) = oneshot::channel();
    let request = store.data_mut().http().new_incoming_request(Scheme::Https, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    // A task of its own: the component goes on after it has begun to answer.
    let task = tokio::spawn(async move {
        let instance = proxy.instantiate_async(&mut store).await?;
        instance.wasi_http_incoming_handler().call_handle(store, request, out).await
    });
    match answered.await {
        Ok(response) => Ok(response?),
        Err(_) => {
            task.await??;
            Err(wasmtime::Error::msg("the component has not answered"))
        }
    }
}

/// What one request has.
struct Client {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NoRequests,
    table: ResourceTable,
}

impl Client {
    fn new() -> Self {
        let wasi = WasiCtx::builder().build();
        Self { wasi, http: WasiHttpCtx::new(), hooks: NoRequests, table: ResourceTable::new() }
    }
}

impl WasiView for Client {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Client {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// The component asks nobody.
struct NoRequests;

type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for NoRequests {
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answered, Error>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
