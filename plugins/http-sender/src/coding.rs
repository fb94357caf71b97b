//! The content coding of a response. None is read, and none is asked for: what
//! comes in one is told as such, not as a broken text.

use tureen_plugin_sdk::StepError;
use tureen_plugin_sdk::http::Response;

use crate::headers::is_token;

/// The longest name of a coding that is told.
const NAME_BYTES_MAX: usize = 40;

/// Refuses a response whose body is in a content coding. `asked`: the workflow
/// itself sends the header field `Accept-Encoding`.
///
/// # Errors
/// `http.content-coding`. The server has taken the message all the same.
pub(crate) fn check(response: &Response, asked: bool) -> Result<(), StepError> {
    if response.body().is_empty() {
        return Ok(());
    }
    let headers = response.headers().iter();
    let fields = headers.filter(|(name, _)| name.eq_ignore_ascii_case("Content-Encoding"));
    let mut codings = fields.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    let coding = codings.find(|coding| !is_none(coding));
    let Some(coding) = coding else { return Ok(()) };
    let whose = match asked {
        false => "Tureen does not ask for one, so the server is at fault: let it answer without",
        true => "Headers asks for one: leave Accept-Encoding out",
    };
    let text = format!(
        "the server took the message, and its response of {} bytes is in {}, which is not read; \
         {whose}",
        response.body().len(),
        told(coding),
    );
    Err(StepError::failed("http.content-coding", text))
}

/// Whether the name means that nothing was done to the body.
fn is_none(coding: &[u8]) -> bool {
    let name = coding.trim_ascii();
    name.is_empty() || name.eq_ignore_ascii_case(b"identity")
}

/// A coding by its name, where it looks like one.
fn told(coding: &[u8]) -> String {
    match std::str::from_utf8(coding.trim_ascii()) {
        Ok(name) if name.len() <= NAME_BYTES_MAX && name.chars().all(is_token) => {
            format!("the content coding {name}")
        }
        _ => "a content coding".to_owned(),
    }
}
