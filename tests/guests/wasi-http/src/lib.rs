//! Sends its settings' body by `wasi:http`, and tells in the variable `Outbound`
//! what came of it.

use tureen_plugin_sdk::prelude::*;
use wasip2::http::outgoing_handler::{OutgoingRequest, handle};
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, Scheme};
use wasip2::io::streams::StreamError;

struct WasiHttp {
    authority: String,
    body: String,
    repeat: usize,
}

impl Configure for WasiHttp {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let authority = settings.text("Authority")?.unwrap_or_default();
        let body = settings.text("Body")?.unwrap_or_default();
        let repeat = settings.text("Repeat")?.and_then(|text| text.parse().ok()).unwrap_or(1);
        Ok(Self { authority, body, repeat })
    }
}

impl WasiHttp {
    fn exchange(&self) -> Result<String, ErrorCode> {
        let request = OutgoingRequest::new(Fields::new());
        let built = request
            .set_method(&Method::Post)
            .and_then(|()| request.set_scheme(Some(&Scheme::Http)))
            .and_then(|()| request.set_authority(Some(&self.authority)))
            .and_then(|()| request.set_path_with_query(Some("/wasi?x=1")));
        built.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
        let body = request.body().map_err(|()| ErrorCode::InternalError(None))?;
        let answer = handle(request, None)?;
        {
            let stream = body.write().map_err(|()| ErrorCode::InternalError(None))?;
            for part in self.body.as_bytes().chunks(4_096) {
                let written = stream.blocking_write_and_flush(part);
                written.map_err(|_| ErrorCode::ConnectionTerminated)?;
            }
        }
        OutgoingBody::finish(body, None)?;
        answer.subscribe().block();
        let response =
            answer.get().and_then(Result::ok).ok_or(ErrorCode::InternalError(None))??;
        let read = read(&response);
        Ok(format!("{} {}", response.status(), String::from_utf8_lossy(&read)))
    }
}

fn read(response: &IncomingResponse) -> Vec<u8> {
    let mut read = Vec::new();
    let Ok(body) = response.consume() else { return read };
    let Ok(stream) = body.stream() else { return read };
    loop {
        match stream.blocking_read(65_536) {
            Ok(part) => read.extend(part),
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => return read,
        }
    }
}

impl Activity for WasiHttp {
    fn process(
        &mut self,
        context: &Context,
        _message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let mut told = String::new();
        for _ in 0..self.repeat {
            told = self.exchange().unwrap_or_else(|error| format!("{error:?}"));
        }
        context.set_variable("Outbound", &told)?;
        Ok(None)
    }
}

tureen_plugin_sdk::activity!(WasiHttp, handles = ["Test.WasiHttp"]);
