//! The one answer of a message.

use tokio::sync::oneshot;

use crate::response::Response;

/// Gives the answer away once; later ones are dropped, because the first has
/// already left.
pub struct Answer {
    sender: Option<oneshot::Sender<Response>>,
    given: Option<Response>,
    keep: bool,
}

impl Answer {
    /// An answer that goes to whoever waits at the other end.
    pub fn new(sender: oneshot::Sender<Response>) -> Self {
        Self { sender: Some(sender), given: None, keep: false }
    }

    /// An answer that is only kept for the run's record.
    pub fn kept() -> Self {
        Self { sender: None, given: None, keep: true }
    }

    /// Has nothing been answered yet?
    pub fn is_open(&self) -> bool {
        self.sender.is_some() || (self.keep && self.given.is_none())
    }

    pub(super) fn give(&mut self, response: Response) {
        if self.keep {
            self.given.get_or_insert(response);
        } else if let Some(sender) = self.sender.take() {
            // The other end is gone when the server stops at once: no one to tell.
            let _ = sender.send(response);
        }
    }

    pub(super) fn given(&self) -> Option<&Response> {
        self.given.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> Response {
        Response { status, content_type: None, body: Vec::new() }
    }

    #[test]
    fn only_the_first_answer_leaves() {
        let (sender, mut receiver) = oneshot::channel();
        let mut answer = Answer::new(sender);
        assert!(answer.is_open());
        answer.give(response(200));
        assert!(!answer.is_open());
        answer.give(response(500));
        assert_eq!(receiver.try_recv().map(|it| it.status), Ok(200));
    }

    #[test]
    fn a_kept_answer_is_the_first_one_too() {
        let mut answer = Answer::kept();
        answer.give(response(200));
        answer.give(response(500));
        assert_eq!(answer.given().map(|it| it.status), Some(200));
    }
}
