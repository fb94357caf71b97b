//! Every diagnostic code, in one place.
//!
//! A code is never given another meaning: a retired number stays retired. What
//! each means and what to do about it is told in `docs/diagnostics.md`.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Fault, Severity};

/// A stable code such as `WF012`. Only this module makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    text: &'static str,
    severity: Usual,
    fault: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Usual {
    Error,
    Warning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Whose {
    Author,
    Operator,
    Plugin,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        self.text
    }

    /// The severity that a finding of this code usually has.
    pub fn severity(self) -> Severity {
        match self.severity {
            Usual::Error => Severity::Error,
            Usual::Warning => Severity::Warning,
        }
    }

    /// Who can usually put it right.
    pub fn fault(self) -> Fault {
        match self.fault {
            Whose::Author => Fault::Author,
            Whose::Operator => Fault::Operator,
            Whose::Plugin => Fault::Plugin,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text)
    }
}

macro_rules! codes {
    ($($name:ident = $text:literal $severity:ident $fault:ident,)*) => {
        $(
            pub const $name: Code =
                Code { text: $text, severity: Usual::$severity, fault: Whose::$fault };
        )*
        /// Every code, in the order of their numbers.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    // The file itself.
    FILE_UNREADABLE = "WF001" Error Operator,
    FILE_EMPTY = "WF002" Error Author,
    FILE_TOO_LARGE = "WF003" Error Author,
    FILE_NOT_REGULAR = "WF004" Error Operator,
    FILE_OF_ZEROS = "WF005" Error Operator,
    NOT_UTF8 = "WF006" Error Author,
    NOT_JSON = "WF007" Error Author,
    TOO_DEEP = "WF008" Error Author,
    NOT_A_WORKFLOW = "WF009" Error Author,
    BARE_ARRAY = "WF010" Warning Author,
    DUPLICATE_PROPERTY = "WF011" Warning Author,
    NULL_ELEMENT = "WF012" Warning Author,
    UNKNOWN_PROPERTY = "WF013" Warning Author,
    PROPERTY_CASE = "WF014" Warning Author,
    WRONG_KIND = "WF015" Error Author,
    OUT_OF_RANGE = "WF016" Error Author,
    OLD_TYPE_PROPERTY = "WF017" Warning Author,
    LEGACY_CERTIFICATE_FIELDS = "WF018" Warning Author,
    LITERAL_BACKSLASH_R = "WF019" Warning Author,

    // Settings and the links between them.
    SETTING_NOT_AN_OBJECT = "WF020" Error Author,
    TYPE_MISSING = "WF021" Error Author,
    TYPE_MISSPELT = "WF022" Error Author,
    ID_MISSING = "WF023" Error Author,
    ID_TWICE = "WF024" Error Author,
    ID_NOT_A_GUID = "WF025" Error Author,
    NO_RECEIVER = "WF026" Error Author,
    SEVERAL_RECEIVERS = "WF027" Error Author,
    WORKFLOW_ID_DIFFERS = "WF028" Warning Author,
    TOO_MANY_SETTINGS = "WF029" Error Author,
    LINK_TO_NOTHING = "WF030" Error Author,
    LINK_TO_WRONG_KIND = "WF031" Error Author,
    ACTIVITY_TWICE = "WF032" Error Author,
    NEVER_RUNS = "WF033" Warning Author,
    READS_TOO_EARLY = "WF034" Warning Author,
    DISABLED_STEP = "WF035" Warning Author,
    TRANSFORMERS_NOT_AVAILABLE = "WF036" Warning Author,
    TRANSFORMERS_INERT = "WF037" Warning Author,
    NAME_TWICE = "WF038" Warning Author,

    // The receiver.
    RECEIVER_UNSUPPORTED = "WF040" Error Author,
    MESSAGE_TYPE_UNSUPPORTED = "WF041" Error Author,
    OPTIONS_OF_OTHER_TYPE = "WF042" Warning Author,
    DELIMITER = "WF043" Error Author,
    SERVICE_NAME = "WF044" Error Author,
    SERVICE_NAME_ADJUSTED = "WF045" Warning Author,
    PORT_CHOSEN_BY_SYSTEM = "WF046" Warning Author,
    REQUEST_VARIABLE = "WF047" Warning Author,
    RESERVED_VARIABLE = "WF048" Error Author,
    BASIC_WITHOUT_TLS = "WF050" Error Author,
    CLIENT_CERTIFICATE_WITHOUT_TLS = "WF051" Error Author,
    CERTIFICATE_NOT_NAMED = "WF052" Error Author,
    THUMBPRINT = "WF053" Error Author,
    // WF054 is retired.
    CREDENTIALS_EMPTY = "WF055" Error Author,
    WEAK_THUMBPRINT = "WF056" Warning Author,
    INERT_PROPERTY = "WF057" Warning Author,
    NO_SERVICE_ADDRESS = "WF058" Error Operator,
    CREDENTIALS_UNKNOWN = "WF059" Error Operator,

    // The response.
    SEVERAL_RESPONSES = "WF060" Warning Author,
    RESPONSE_BEFORE_ACTIVITY = "WF061" Error Author,
    RESPONSE_ACTIVITY = "WF062" Error Author,
    ACKNOWLEDGEMENT_OF_OTHER_TYPE = "WF063" Warning Author,
    RESPONSE_EMPTY = "WF064" Warning Author,
    PLACEHOLDER = "WF065" Error Author,

    // Workflows beside each other.
    PORT_TLS_CONFLICT = "WF070" Error Author,
    ADDRESS_TWICE = "WF071" Error Author,
    HOSTED_NAME_TWICE = "WF072" Error Author,
    WORKFLOW_TWICE = "WF073" Error Operator,

    // Plugins.
    NO_PLUGIN = "WF080" Error Operator,
    PLUGIN_FINDING = "WF081" Error Author,
    PLUGIN_FAILED = "WF082" Error Plugin,
    GRANT_MISSING = "WF083" Error Operator,
    PLUGIN_FILE = "WF084" Error Operator,
    PLUGIN_TWICE = "WF085" Error Operator,
    ACTIVITY_NOT_OPEN = "WF086" Error Operator,
    PLUGIN_ISOLATION = "WF087" Error Operator,

    // The home.
    NOT_LISTENING = "WF090" Error Operator,
    CERTIFICATE = "WF091" Error Operator,
    TABLE = "WF092" Error Operator,
    SECRET = "WF093" Error Operator,
    CLIENT_AUTHORITIES = "WF094" Error Operator,
    RECEIVER_NOT_FOUND = "WF095" Warning Operator,
    OUTBOUND_AUTHORITIES = "WF096" Error Operator,

    // Trying workflows, and code in them.
    CODE_UNBOUND = "WF110" Error Operator,
    CODE_BINDING = "WF111" Error Operator,
    CODE_BINDING_UNUSED = "WF112" Warning Operator,
    SENDER_SHOWN = "WF113" Warning Operator,

    // Plugins while they run.
    STEP_SET_ASIDE = "WF130" Error Plugin,

    // Diagnostics themselves.
    MORE_FINDINGS = "WF099" Warning Author,

    // Texts of workflows, and what they name.
    DATA_TABLE = "WF100" Error Operator,
    TABLE_UNKNOWN = "WF101" Error Operator,
    GLOBAL_PURPOSE = "WF102" Error Author,
    TEXT_PLACEHOLDER = "WF103" Error Author,
    WRITTEN_AS_IT_IS = "WF104" Warning Author,
    PATH = "WF105" Error Author,
    PATH_OF_THE_FIRST = "WF106" Warning Author,
    VARIABLE_NAME = "WF107" Error Author,
    WRITE_REFUSED = "WF108" Error Author,

    // Grants and trust.
    PLUGIN_PIN = "WF120" Error Operator,
    PLUGIN_SIGNATURE = "WF121" Error Operator,
    GRANT_DIRECTORY = "WF122" Error Operator,
    GRANT_EMPTY = "WF123" Warning Operator,
    GRANT_STEP = "WF124" Warning Operator,
    AUDIT = "WF125" Warning Operator,

    // Compiled plugins.
    PLUGINS_CACHE = "WF126" Warning Operator,
}
