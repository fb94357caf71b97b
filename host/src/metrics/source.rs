//! Numbers that others have: asked for when somebody looks.

use std::borrow::Cow;

/// Does a number only grow?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    Counter,
    Gauge,
}

type Read = dyn Fn() -> Vec<(Cow<'static, str>, u64)> + Send + Sync;

/// One number, or one for each value of a label.
pub struct Source {
    pub(super) kind: SourceKind,
    /// Snake case, with its unit, without `tureen_` before it and `_total` behind it.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) label: Option<&'static str>,
    pub(super) read: Box<Read>,
}

impl Source {
    /// A number without labels; nothing is told where there is none.
    pub fn one(
        kind: SourceKind,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        let read = move || read().map(|number| (Cow::Borrowed(""), number)).into_iter().collect();
        Self { kind, name, help, label: None, read: Box::new(read) }
    }

    /// A number for each value of a label. The values must be few and hold nothing of a message.
    pub fn by(
        kind: SourceKind,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        read: impl Fn() -> Vec<(Cow<'static, str>, u64)> + Send + Sync + 'static,
    ) -> Self {
        Self { kind, name, help, label: Some(label), read: Box::new(read) }
    }
}
