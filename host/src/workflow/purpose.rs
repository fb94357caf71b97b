//! What a workflow file is loaded for.
//!
//! The same property may be a fault for one purpose and none for another: a
//! server needs a receiver that it can open, `tureen run` only needs to know how
//! the message is read.

/// What a workflow is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To receive messages: everything must be there and granted.
    Serve,
    /// `tureen check` without a home: as [`Purpose::Serve`], but nobody could
    /// have granted anything yet, so what is missing there is a warning.
    Check,
    /// `tureen run`: one message is read as the receiver would, and activities
    /// are only shown.
    Show,
    /// `tureen run --live`: one message, and every activity is performed.
    Perform,
    /// `tureen test`: activities whose plugins reach nothing but files are
    /// performed, the others shown.
    Test,
}

impl Purpose {
    /// Does the receiver only say how a message is read?
    pub fn takes_any_receiver(self) -> bool {
        matches!(self, Self::Show | Self::Perform | Self::Test)
    }

    /// May an activity be shown because nothing can perform it?
    pub fn may_show(self) -> bool {
        matches!(self, Self::Show | Self::Test)
    }

    /// Is a plugin that is not granted what it asks for only warned about?
    pub fn forgives_grants(self) -> bool {
        matches!(self, Self::Check | Self::Show)
    }
}
