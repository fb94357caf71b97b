use super::*;
use crate::prelude::*;
use serde_json::json;

const ADT: &[u8] = b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|7|P|2.5\rPID|1||77^^^X~88||Ekholm^Sara\r";
const RECEIVER: &str = "d0000000-0000-4000-8000-000000000001";
const SENDER: &str = "d0000000-0000-4000-8000-000000000002";

#[derive(Default)]
struct Shout;

impl Transformer for Shout {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let name = message.text("PID-5.1")?;
        message.set("PID-5.1", &name.to_uppercase())?;
        context.set_variable("Shouted", "yes")?;
        context.log(Level::Info, "shouted");
        Ok(())
    }
}

#[test]
fn a_transformer_leaves_a_message_variables_and_a_log() {
    let outcome = TestRun::new().message(Format::Hl7, ADT).transform::<Shout>().unwrap();
    assert!(outcome.text().contains("|EKHOLM^Sara\r"));
    assert_eq!(outcome.variable("SHOUTED"), Some("yes"));
    assert_eq!(outcome.log, [LogLine { level: Level::Info, text: "shouted".to_owned() }]);
}

struct Wanted(String);

impl Configure for Wanted {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let path = settings.text("Path")?.unwrap_or_default();
        if path.is_empty() {
            return Err(settings.error("Path", "wanted.path", "expected a path").into());
        }
        placement.warn(Problem::new("wanted.look", "look here").at("/Path"));
        placement.require("Acme.Other, Acme", "/Path");
        Ok(Self(path))
    }
}

impl Filter for Wanted {
    fn decide(&self, _context: &Context, message: &Message) -> Result<Verdict, StepError> {
        match message.get(&self.0)? {
            Value::Text(_) => Ok(Verdict::Pass),
            Value::Absent | Value::Empty | Value::Null => Ok(Verdict::Stop("no value".into())),
        }
    }
}

#[test]
fn a_filter_decides_and_warns() {
    let run = TestRun::new().message(Format::Hl7, ADT);
    let decision = run.clone().settings(json!({ "Path": "PID-3" })).filter::<Wanted>().unwrap();
    assert_eq!(decision.verdict, Verdict::Pass);
    assert_eq!(decision.outcome.warnings.iter().count(), 1);
    let decision = run.settings(json!({ "Path": "PID-8" })).filter::<Wanted>().unwrap();
    assert_eq!(decision.verdict, Verdict::Stop("no value".to_owned()));
}

#[test]
fn settings_that_are_refused_are_a_failure_with_a_pointer() {
    let failure = TestRun::new().filter::<Wanted>().unwrap_err();
    assert_eq!(failure.code(), "wanted.path");
    assert_eq!(
        failure.to_string(),
        "the settings were refused: error[wanted.path]: expected a path (at /Path)"
    );
    let configuration =
        TestRun::new().settings(json!({ "Path": "X" })).configure::<Wanted>("filter");
    assert_eq!(configuration.requirements[0].type_name, "Acme.Other, Acme");
}

#[test]
fn an_owner_that_is_no_id_is_refused() {
    let failure = TestRun::new().owner("seven").transform::<Shout>().unwrap_err();
    assert_eq!(failure.code(), "setting.id");
}

#[derive(Default)]
struct Looks;

impl Transformer for Looks {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let receiver = context.message_of(SettingId::NONE, Direction::Inbound)?;
        let name = receiver.map(|message| message.text("PID-5.1")).transpose()?;
        let sender = SettingId::parse(SENDER)?;
        let response = context.message_of(sender, Direction::Inbound)?;
        let text = context.expand(
            "${CurrentDateTime:yyyy-MM-dd}|${Site}|${Mode}|${d0000000-0000-4000-8000-000000000002 outbound}",
        )?;
        let looked_up = context.lookup("sex", "F")?.unwrap_or_default();
        let upper = context.format("abc", &[("TextFormat".to_owned(), "UpperCase".to_owned())])?;
        let given = context.parameter("Given");
        let names = context.parameter_names().join(",");
        message.append(&format!(
            "{name:?} {} {text} {looked_up} {upper} {given:?} {names} {:?}",
            response.is_some(),
            context.parameter("Missing")
        ))?;
        Ok(())
    }
}

#[test]
fn a_step_sees_what_surrounds_its_message() {
    let outcome = TestRun::new()
        .message(Format::Text, b"")
        .setting_message("", Direction::Inbound, Format::Hl7, ADT)
        .setting_message(SENDER, Direction::Outbound, Format::Text, b"sent")
        .variable("Site", "north")
        .global("Mode", "test")
        .table("Sex", &[("F", "female")])
        .parameter("Given", "")
        .transform::<Looks>()
        .unwrap();
    assert_eq!(
        outcome.text().trim(),
        "Some(\"Ekholm\") false 2026-01-02|north|test|sent female ABC Some(\"\") Given None"
    );
}

#[test]
fn a_setting_that_the_workflow_does_not_have_is_a_problem() {
    let run = TestRun::new().message(Format::Text, b"").table("Sex", &[]);
    assert_eq!(run.transform::<Looks>().unwrap_err().code(), "setting.unknown");
    let run = run.setting_without_message(SENDER).setting_without_message(RECEIVER);
    assert!(run.transform::<Looks>().is_ok());
}

#[derive(Default)]
struct Calls;

impl Transformer for Calls {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let parameters = [("Path".to_owned(), "PID-5.2".to_owned())];
        context.run_custom_transformer("Acme.Clear, Acme", &parameters, message)
    }
}

#[test]
fn a_custom_transformer_is_played_by_a_function() {
    let run = TestRun::new().message(Format::Hl7, ADT);
    assert_eq!(run.transform::<Calls>().unwrap_err().code(), "custom.unknown");
    let run = run.custom_transformer("Acme.Clear", |parameters, message| {
        let (_, path) = &parameters[0];
        Ok(message.set(path, "")?)
    });
    assert!(run.transform::<Calls>().unwrap().text().contains("|Ekholm^\r"));
}

#[derive(Default)]
struct Count {
    messages: u32,
    rolled_back: u32,
}

impl Activity for Count {
    fn open(&mut self, context: &Context) -> Result<(), Problem> {
        match context.attempt() {
            1 => Ok(()),
            _ => Err(Problem::new("count.open", "not now")),
        }
    }

    fn process(
        &mut self,
        _context: &Context,
        _message: &Message,
    ) -> Result<Option<Message>, StepError> {
        self.messages += 1;
        let text = format!("{} {}", self.messages, self.rolled_back);
        Ok(Some(Message::parse(Format::Text, text.as_bytes())?))
    }

    fn roll_back(&mut self, _context: &Context) {
        self.rolled_back += 1;
    }

    fn close(&mut self, context: &Context) {
        context.log(Level::Info, &format!("closed after {}", self.messages));
    }
}

#[test]
fn an_activity_keeps_its_state_between_messages() {
    let run = TestRun::new().message(Format::Hl7, ADT);
    let mut activity = run.open::<Count>().unwrap();
    let first = activity.process(&run).unwrap();
    assert_eq!(first.response, Some((Format::Text, b"1 0".to_vec())));
    activity.roll_back();
    let second = activity.process(&run).unwrap();
    assert_eq!(second.response, Some((Format::Text, b"2 1".to_vec())));
    assert_eq!(activity.close()[0].text, "closed after 2");
}

#[test]
fn an_activity_that_does_not_open_is_a_failure() {
    let failure = TestRun::new().attempt(2).perform::<Count>().unwrap_err();
    assert_eq!(failure, Failure::Open(Problem::new("count.open", "not now")));
}

#[test]
fn a_message_that_is_none_is_the_fault_of_the_test() {
    let run = TestRun::new().message(Format::Hl7, b"hello");
    assert!(matches!(run.transform::<Shout>(), Err(Failure::Test(_))));
}

#[test]
fn notifications_are_recorded_once_for_each_key_and_bounded() {
    let outcome = TestRun::new().transform_with(|context, _| {
        context.notify("look", false)?;
        context.notify("look", false)?;
        context.notify_once("ward-7", "first", true)?;
        context.notify_once("ward-7", "second", true)?;
        Ok(())
    });
    let told = outcome.unwrap().notifications;
    assert_eq!(
        told.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(),
        ["look", "look", "first"]
    );
    assert_eq!((told[2].critical, told[2].key.as_deref()), (true, Some("ward-7")));
    let refused = |tell: fn(&Context) -> Result<(), Problem>| {
        let run = TestRun::new().transform_with(|context, _| Ok(tell(context)?));
        run.unwrap_err().code().to_owned()
    };
    assert_eq!(refused(|context| context.notify(&"x".repeat(4_097), false)), "notification.size");
    let long_key = |context: &Context| context.notify_once(&"x".repeat(257), "x", false);
    assert_eq!(refused(long_key), "notification.size");
    let many = |context: &Context| (0..101).try_for_each(|_| context.notify("x", false));
    assert_eq!(refused(many), "notification.count");
}

#[test]
fn values_are_encoded_decoded_and_recased_by_the_host() {
    let outcome = TestRun::new().transform_with(|context, _| {
        for (encoding, plain, encoded) in [
            (Encoding::Hl7, "a|b^c", "a\\F\\b\\S\\c"),
            (Encoding::Json, "a\"b", "a\\\"b"),
            (Encoding::Xml, "a<b", "a&lt;b"),
            (Encoding::Csv, "a,\"b\"", "\"a,\"\"b\"\"\""),
            (Encoding::Base64, "Grüße", "R3LDvMOfZQ=="),
        ] {
            assert_eq!(context.encode(encoding, plain)?, encoded);
            assert_eq!(context.decode(encoding, encoded)?, plain);
        }
        assert_eq!(context.title_case("SMITH-JONES")?, "Smith-Jones");
        assert_eq!(context.mc_name_case("O'BRIEN")?, "O'Brien");
        assert_eq!(context.format_date("202601020304", "yyyy-MM-dd HH:mm")?, "2026-01-02 03:04");
        assert_eq!(context.format_date("not a date", "yyyy")?, "not a date");
        assert_eq!(context.now()?.to_string(), "20260102030405.000+0000");
        assert_eq!(context.decode(Encoding::Base64, "?").unwrap_err().code, "formatting.value");
        assert_eq!(context.format_date("2026", "yyyy '").unwrap_err().code, "format.date");
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn acknowledgements_are_built_as_the_host_builds_its_own() {
    let adt = Message::parse(Format::Hl7, ADT).unwrap();
    let built = |asked: &Acknowledgement| {
        let built = adt.acknowledge(asked).unwrap();
        String::from_utf8(built.bytes()).unwrap()
    };
    let header = "MSH|^~\\&|C|D|A|B|20260102030405+0000||ACK^A01^ACK|test1R1|P|2.5\r";
    assert_eq!(built(&Acknowledgement::accept()), format!("{header}MSA|AA|7\r"));
    let codes = [
        Acknowledgement::accept().commit(),
        Acknowledgement::error("x"),
        Acknowledgement::error("x").commit(),
        Acknowledgement::reject("x"),
        Acknowledgement::reject("x").commit(),
    ];
    for (asked, code) in codes.iter().zip(["CA", "AE", "CE", "AR", "CR"]) {
        assert!(built(asked).contains(&format!("\rMSA|{code}|7")), "{code}");
    }
    let unknown = Acknowledgement::error("x").condition("1");
    assert_eq!(adt.acknowledge(&unknown).unwrap_err().code, "acknowledgement.condition");
    let json = Message::parse(Format::Json, b"{}").unwrap();
    let refused = json.acknowledge(&Acknowledgement::accept()).unwrap_err();
    assert_eq!(refused.code, "acknowledgement.format");
}

#[test]
fn siblings_are_read_in_one_go_in_every_format_that_has_them() {
    for (format, text, path, expected) in [
        (Format::Hl7, "MSH|^~\\&|A\rPID|1||7^x~8\r", "PID-3", ["7^x", "8"]),
        (Format::Hl7, "MSH|^~\\&|A\rNTE|1||a\\F\\\rNTE|2||b\r", "NTE[*]-3", ["a|", "b"]),
        (Format::Json, r#"{"a":["x","y\n"]}"#, "a", ["x", "y\n"]),
        (Format::Xml, "<r><a>x</a><b/><a>&lt;</a></r>", "r/a", ["x", "<"]),
    ] {
        let message = Message::parse(format, text.as_bytes()).unwrap();
        assert_eq!(message.values(path).unwrap(), expected, "{format:?} {path}");
    }
    let xml = Message::parse(Format::Xml, b"<r><a>x</a><a b='1'/></r>").unwrap();
    assert_eq!(xml.structures("r/a").unwrap(), ["<a>x</a>", "<a b='1'/>"]);
    assert!(xml.values("r/c").unwrap().is_empty());
    assert_eq!(xml.values("r/[").unwrap_err().code, "path.syntax");
}

/// Walks through a data table and says what it sees.
#[derive(Default)]
struct Rounds;

impl Transformer for Rounds {
    fn transform(&self, context: &Context, _message: &mut Message) -> Result<(), StepError> {
        let fields = context.field_names("staff")?.join(",");
        let rows = context.row_count("STAFF")?;
        let mut seen = vec![format!("{rows} of {fields}")];
        for _ in 0..3 {
            let row = context.move_to_next_row("Staff")?;
            seen.push(format!("{row}={}", context.table_value("Staff", None, "name")?));
        }
        let any = context.move_to_random_row("Staff")?;
        let here = context.table_value("Staff", None, "Id")?;
        assert_eq!(here, context.table_value("Staff", Some(any), "Id")?);
        seen.push(context.key_value("Staff", "Name", "BERG", "Id")?.unwrap_or_default());
        seen.push(context.table_contains("Staff", None, "aalto", true)?.to_string());
        seen.push(context.table_contains("Staff", Some("Name"), "aalto", false)?.to_string());
        context.set_variable("Seen", &seen.join(" "))?;
        Ok(())
    }
}

#[test]
fn a_step_reads_a_data_table_of_the_home() {
    let rows: [&[&str]; 2] = [&["7", "Aalto"], &["8", "Berg"]];
    let run = TestRun::new().data_table("Staff", &["Id", "Name"], &rows);
    let outcome = run.transform::<Rounds>().unwrap();
    let expected = "2 of Id,Name 1=Aalto 2=Berg 1=Aalto 8 false true";
    assert_eq!(outcome.variable("Seen"), Some(expected));
    assert_eq!(TestRun::new().transform::<Rounds>().unwrap_err().code(), "data-table.unknown");
    let empty = TestRun::new().data_table("Staff", &["Id", "Name"], &[]);
    assert_eq!(empty.transform::<Rounds>().unwrap_err().code(), "data-table.empty");
    let uneven = TestRun::new().data_table("Staff", &["Id", "Name"], &[&["7"]]);
    assert_eq!(uneven.transform::<Rounds>().unwrap_err().code(), "data-table.row");
}

/// Looks at a row before it has gone to one.
#[derive(Default)]
struct Early;

impl Transformer for Early {
    fn transform(&self, context: &Context, _message: &mut Message) -> Result<(), StepError> {
        context.table_value("Staff", None, "Id")?;
        Ok(())
    }
}

#[test]
fn a_run_stands_before_the_first_row_at_first() {
    let run = TestRun::new().data_table("Staff", &["Id"], &[&["7"]]);
    assert_eq!(run.transform::<Early>().unwrap_err().code(), "data-table.row");
}

#[test]
fn keys_of_lookup_tables_are_compared_without_regard_to_case() {
    let rows = [("Ward É", "first"), ("WARD é", "last"), ("w2", "")];
    let run = TestRun::new().table("Wards", &rows);
    run.transform_with(|context, _| {
        for key in ["ward é", "WARD É"] {
            assert_eq!(context.lookup("WARDS", key)?.as_deref(), Some("last"), "{key}");
        }
        assert_eq!(context.lookup("wards", "W2")?.as_deref(), Some(""));
        assert_eq!(context.lookup("wards", "w3")?, None);
        let formatted = context.format("WARD é", &[("Lookup".into(), "Wards".into())]);
        assert_eq!(formatted?, "last");
        Ok(())
    })
    .unwrap();
}

#[test]
fn settings_may_be_given_as_text() {
    let given = |text: &str| TestRun::new().settings_text(text).filter::<Wanted>();
    assert!(given(r#"{"Path": "X"}"#).is_ok());
    assert_eq!(given("{").unwrap_err().code(), "settings.json");
}
