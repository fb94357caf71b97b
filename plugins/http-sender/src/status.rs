//! What an error status means: whose fault it is, and whether the same may work
//! later. Nothing of the server's answer is told: it may hold what the message
//! holds.

use std::time::{Duration, SystemTime};

use tureen_plugin_sdk::http::Response;
use tureen_plugin_sdk::{Problem, StepError};

/// The longest pause that a server is believed.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The step's answer to a status that is no success.
pub(crate) fn error(response: &Response) -> StepError {
    let status = response.status();
    let text = |meaning: &str| format!("the server answered with status {status}: {meaning}");
    let problem = |meaning: &str| {
        Problem::new("http.status", text(meaning)).at("Server").with("status", status.to_string())
    };
    match status {
        304 => StepError::Failed(problem(
            "it says that nothing changed, which is no answer to this request; leave conditions \
             such as If-None-Match and If-Modified-Since out of Headers, or see the server",
        )),
        300..=399 => StepError::Failed(problem(
            "it is elsewhere, and redirects are never followed; write its new address into Server",
        )),
        401 | 403 => StepError::Failed(problem("it does not accept these credentials")),
        407 => StepError::Failed(problem("the proxy does not accept these credentials")),
        404 | 405 | 410 => {
            StepError::Failed(problem("nothing takes such requests there; see Server and Method"))
        }
        400 | 409 | 413 | 422 => StepError::Rejected(problem("it does not take this message")),
        408 | 425 | 429 | 500 | 502..=504 | 507 | 509 => StepError::Retryable {
            problem: problem("it cannot do it now"),
            after: pause(response, SystemTime::now()),
        },
        501 | 505 | 506 | 508 | 511 => StepError::Failed(problem("it cannot do such a thing")),
        500..=599 => StepError::Retryable {
            problem: problem("something is wrong there"),
            after: pause(response, SystemTime::now()),
        },
        _ => StepError::Failed(problem("it does not take such requests")),
    }
}

/// What `Retry-After` says: seconds, or a date.
fn pause(response: &Response, now: SystemTime) -> Option<Duration> {
    let told = response.header("Retry-After")?.trim();
    let pause = match told.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(told).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(pause.min(PAUSE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16) -> &'static str {
        match error(&Response::new(status)) {
            StepError::Rejected(_) => "sender",
            StepError::Failed(_) => "author",
            StepError::Retryable { .. } => "outside",
        }
    }

    #[test]
    fn a_status_tells_whose_fault_it_is() {
        for (statuses, expected) in [
            (&[400, 409, 413, 422][..], "sender"),
            (&[301, 302, 304, 401, 403, 404, 405, 407, 415, 451, 501, 505], "author"),
            (&[408, 425, 429, 500, 502, 503, 504, 599], "outside"),
        ] {
            for status in statuses {
                assert_eq!(class(*status), expected, "{status}");
            }
        }
    }

    #[test]
    fn what_is_elsewhere_is_told_apart_from_what_did_not_change() {
        for (status, elsewhere) in [(301, true), (302, true), (304, false), (307, true)] {
            let told = error(&Response::new(status)).to_string();
            assert_eq!(told.contains("new address into Server"), elsewhere, "{told}");
            assert_eq!(told.contains("nothing changed"), !elsewhere, "{told}");
        }
    }

    #[test]
    fn a_server_may_say_when_to_come_back() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (told, expected) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999", Some(86_400)),
            ("soon", None),
        ] {
            let response = Response::new(503).with_header("Retry-After", told);
            assert_eq!(pause(&response, now).map(|it| it.as_secs()), expected, "{told}");
        }
    }
}
