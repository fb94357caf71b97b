//! Requests of a guest: built in the host, sent within the budgets of its call.

use std::time::Duration;

use wasmtime::component::Resource;

use super::header_bytes;
use crate::bindings::network::tureen::plugin::http;
use crate::bindings::transformer::tureen::plugin::types;
use crate::guest::Guest;
use crate::limits::Exceeded;
use crate::outbound::{HttpProxy, HttpRequest, HttpResponse, OutboundFault, OutboundProblem};

/// What a header field costs in memory besides its text.
const FIELD_BYTES: usize = 64;

type Answer<T> = wasmtime::Result<Result<T, types::Problem>>;

/// What a guest's `request` handle stands for.
#[derive(Default)]
#[expect(unreachable_pub, reason = "the generated bindings name it in public items")]
pub struct RequestDraft {
    request: HttpRequest,
    within: Option<Duration>,
}

/// What a guest's `response` handle stands for.
#[expect(unreachable_pub, reason = "the generated bindings name it in public items")]
pub struct Response(HttpResponse);

impl RequestDraft {
    fn held(&self) -> usize {
        let HttpRequest { method, url, headers, body, client_certificate, proxy, .. } =
            &self.request;
        let texts = [client_certificate.as_ref(), proxy.as_ref().map(|it| &it.url)];
        let credentials = proxy.iter().flat_map(|it| [it.user_name.as_ref(), it.password.as_ref()]);
        let texts = texts.into_iter().chain(credentials).flatten().map(String::len);
        let fields = header_bytes(headers) + headers.len() * FIELD_BYTES;
        method.len() + url.len() + fields + body.len() + texts.sum::<usize>()
    }
}

impl Response {
    fn held(&self) -> usize {
        header_bytes(&self.0.headers) + self.0.body.len()
    }
}

impl Guest {
    /// Changes a request, and keeps what the instance holds in bounds.
    fn draft(
        &mut self,
        this: &Resource<RequestDraft>,
        change: impl FnOnce(&mut RequestDraft),
    ) -> wasmtime::Result<()> {
        self.enter()?;
        let draft = self.table.get_mut(this)?;
        let before = draft.held();
        change(draft);
        let after = draft.held();
        self.network.release(before);
        Ok(self.network.hold(after)?)
    }

    async fn send(
        &mut self,
        request: HttpRequest,
    ) -> wasmtime::Result<Result<HttpResponse, OutboundProblem>> {
        let limits = self.network.access.caller.limits;
        let headers = header_bytes(&request.headers);
        if headers > limits.header_bytes {
            let text = format!(
                "the request's header fields have {headers} bytes, at most {} are sent",
                limits.header_bytes
            );
            return Ok(Err(OutboundProblem::before(OutboundFault::Size, text)));
        }
        self.network.take_request()?;
        self.network.take_bytes(headers + request.url.len() + request.body.len())?;
        let access = &self.network.access;
        let answer = match access.outbound() {
            Ok(outbound) => outbound.http(&access.caller, request).await,
            Err(problem) => Err(problem),
        };
        if let Ok(response) = &answer {
            self.network.take_bytes(header_bytes(&response.headers) + response.body.len())?;
        }
        Ok(answer)
    }
}

impl http::Host for Guest {}

impl http::HostRequest for Guest {
    fn new(&mut self, method: String, url: String) -> wasmtime::Result<Resource<RequestDraft>> {
        self.enter()?;
        let request = HttpRequest { method, url, ..HttpRequest::default() };
        let draft = RequestDraft { request, within: None };
        self.network.hold(draft.held())?;
        let allowed = self.limits.handles;
        Ok(self.table.push(draft).map_err(|_| Exceeded::Handles { allowed })?)
    }

    fn header(
        &mut self,
        this: Resource<RequestDraft>,
        name: String,
        value: String,
    ) -> wasmtime::Result<()> {
        self.draft(&this, |draft| draft.request.headers.push((name, value.into_bytes())))
    }

    fn body(&mut self, this: Resource<RequestDraft>, data: Vec<u8>) -> wasmtime::Result<()> {
        self.draft(&this, |draft| draft.request.body = data)
    }

    fn timeout_ms(
        &mut self,
        this: Resource<RequestDraft>,
        milliseconds: u32,
    ) -> wasmtime::Result<()> {
        let within = Duration::from_millis(milliseconds.into());
        self.draft(&this, |draft| draft.within = Some(within))
    }

    fn client_certificate(
        &mut self,
        this: Resource<RequestDraft>,
        thumbprint: String,
    ) -> wasmtime::Result<()> {
        self.draft(&this, |draft| draft.request.client_certificate = Some(thumbprint))
    }

    fn proxy(
        &mut self,
        this: Resource<RequestDraft>,
        url: String,
        user_name: Option<String>,
        password: Option<String>,
    ) -> wasmtime::Result<()> {
        let proxy = HttpProxy { url, user_name, password };
        self.draft(&this, |draft| draft.request.proxy = Some(proxy))
    }

    async fn send(&mut self, this: Resource<RequestDraft>) -> Answer<Resource<Response>> {
        self.enter()?;
        let draft = self.table.get(&this)?;
        let within = self.network.within(draft.within);
        let request = HttpRequest { within, ..draft.request.clone() };
        let response = match Self::send(self, request).await? {
            Ok(response) => Response(response),
            Err(problem) => return Ok(Err(problem.into())),
        };
        self.network.hold(response.held())?;
        let allowed = self.limits.handles;
        let handle = self.table.push(response).map_err(|_| Exceeded::Handles { allowed })?;
        Ok(Ok(handle))
    }

    fn drop(&mut self, this: Resource<RequestDraft>) -> wasmtime::Result<()> {
        let draft = self.table.delete(this)?;
        self.network.release(draft.held());
        Ok(())
    }
}

impl http::HostResponse for Guest {
    fn status(&mut self, this: Resource<Response>) -> wasmtime::Result<u16> {
        self.enter()?;
        Ok(self.table.get(&this)?.0.status)
    }

    fn headers(&mut self, this: Resource<Response>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        self.enter()?;
        Ok(self.table.get(&this)?.0.headers.clone())
    }

    fn body(&mut self, this: Resource<Response>) -> wasmtime::Result<Vec<u8>> {
        self.enter()?;
        Ok(self.table.get(&this)?.0.body.clone())
    }

    fn drop(&mut self, this: Resource<Response>) -> wasmtime::Result<()> {
        let response = self.table.delete(this)?;
        self.network.release(response.held());
        Ok(())
    }
}
