//! What a failure means to whoever writes the plugin.

use tureen_sandbox::Fault;

/// Whose fault it is, what a sender would see, what to look at.
pub(super) fn on(code: &str, fault: Fault) -> &'static str {
    match (code, fault) {
        ("plugin.trap", _) => {
            "the plugin panicked, or did what WebAssembly does not allow; its functions are named, the innermost first. What a panic says goes nowhere, since it may hold message content: repeat the case in a native test to read it. A sender gets AE"
        }
        ("plugin.time", _) => {
            "it ran or waited longer than it may: look for a loop that does not end or a wait that is too long; running_time_milliseconds and call_time_milliseconds of its table in tureen.toml are the limits. A sender gets AE"
        }
        ("plugin.memory", _) => {
            "it wants more memory than it may have: look for something that grows with every step; memory_bytes is the limit. A sender gets AE"
        }
        ("plugin.host-calls", _) => {
            "it calls the host too often: ask for whole segments (`message.segments`) instead of single places; host_calls is the limit. A sender gets AE"
        }
        ("plugin.output", _) => {
            "it makes its message larger than it may be; output_bytes is the limit. A sender gets AE"
        }
        ("plugin.handles", _) => {
            "it holds too many messages at a time: let those go that are not needed any more. A sender gets AE"
        }
        ("plugin.table", _) => "its tables of functions are larger than any plugin needs",
        ("edit.read-only", _) => {
            "this use of a step may read its message, not change it; --role names another use"
        }
        (_, Fault::Sender) => {
            "the step says that the message is at fault: a sender gets AR with this text"
        }
        (_, Fault::Author) => {
            "the step says that it, or its settings, are at fault: a sender gets AE with this code"
        }
        (_, Fault::Host) => {
            "something outside the plugin is at fault and may recover: a sender gets AE"
        }
        (_, Fault::Plugin) => "this is a fault of the plugin: a sender gets AE",
    }
}
