//! What a problem of the network means for a step.

use std::time::Duration;

use tureen_plugin_sdk::{Context, Problem, StepError};

/// What a call keeps for itself when it waits for the network, so that the
/// network's own time-out is what is told.
const KEPT: Duration = Duration::from_millis(300);

/// How long may be waited: as the settings say, but no longer than the host lets
/// this call go on.
pub fn timeout_within(context: &Context, asked: Duration) -> Duration {
    asked.min(context.remaining().saturating_sub(KEPT)).max(Duration::from_millis(1))
}

/// Whose fault a problem of the network is: something outside that may recover,
/// or whoever set the sender up. `place` is the property that names the server.
pub fn network_error(problem: Problem, place: &str) -> StepError {
    tureen_plugin_sdk::http::step_error(problem.at(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_recover_may_be_tried_again_and_what_is_set_up_wrong_not() {
        for (code, may_recover) in [
            ("network.timeout", true),
            ("network.refused", true),
            ("network.closed", true),
            ("network.name", true),
            ("network.not-granted", false),
            ("network.address", false),
            ("network.certificate", false),
        ] {
            let error = network_error(Problem::new(code, "x").with("sent", "no"), "Server");
            assert_eq!(matches!(error, StepError::Retryable { .. }), may_recover, "{code}");
            assert_eq!(error.problem().place.as_deref(), Some("Server"));
            assert_eq!(error.problem().detail, [("sent".to_owned(), "no".to_owned())]);
        }
    }
}
