//! A transformer that calls every helper of the SDK, and says in variables what
//! they answered: inside the sandbox they must do what they do in the test kit.

use tureen_plugin_sdk::hl7::{Continuation, ContinuationKind};
use tureen_plugin_sdk::prelude::*;
use tureen_plugin_sdk::text;

#[derive(Default)]
struct Helpers;

impl Transformer for Helpers {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        read(context, message)?;
        convert(context)?;
        acknowledge(context, message)?;
        notify(context, message)?;
        join(context, message)?;
        children(context)?;
        change(message)
    }
}

fn read(context: &Context, message: &Message) -> Result<(), Problem> {
    let all = message.all_segments()?;
    let paths: Vec<&str> = all.iter().map(|segment| segment.path()).collect();
    context.set_variable("Segments", &paths.join(" "))?;
    let observations = message.segments("OBX")?;
    let texts: Vec<_> = observations.iter().map(|obx| obx.field(5).text()).collect();
    context.set_variable("Observations", &texts.join(";"))?;
    let Some(pid) = message.segment("PID")? else { return Ok(()) };
    let others: Vec<String> = pid.field(3).other_repeats().map(|field| field.path()).collect();
    context.set_variable("Others", &others.join(" "))?;
    let universal = pid.field(3).component(4).subcomponent(2);
    context.set_variable("Universal", &format!("{} {}", universal.path(), universal.text()))?;
    let kinds: Vec<String> =
        pid.fields().map(|field| format!("{}{}", field.number(), kind(&field.value()))).collect();
    context.set_variable("Kinds", &kinds.join(" "))?;
    context.set_variable("Values", &message.values("OBX[*]-3.1")?.join(" "))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Absent => "absent",
        Value::Empty => "empty",
        Value::Null => "null",
        Value::Text(_) => "text",
    }
}

fn convert(context: &Context) -> Result<(), Problem> {
    let encoded = context.encode(Encoding::Base64, "Grüße")?;
    context.set_variable("Encoded", &encoded)?;
    context.set_variable("Decoded", &context.decode(Encoding::Base64, &encoded)?)?;
    context.set_variable("Cased", &context.mc_name_case("MCDONALD")?)?;
    context.set_variable("Written", &context.format_date("19700102", "d MMMM yyyy")?)?;
    context.set_variable("Spaced", &text::camel_case_to_text("PatientName"))?;
    let now = context.now()?;
    let told = context.expand("${CurrentDateTime:yyyy}")?;
    context.set_variable("SameYear", &(now.year().to_string() == told).to_string())
}

/// Two of them: each has a control id of its own.
fn acknowledge(context: &Context, message: &Message) -> Result<(), Problem> {
    let accept = message.acknowledge(&Acknowledgement::accept())?;
    let error = Acknowledgement::error("no visit").condition("101").place("PV1-19");
    let error = message.acknowledge(&error)?;
    for (name, answer) in [("Accept", &accept), ("Error", &error)] {
        let codes = format!("{} {}", answer.text("MSA-1")?, answer.text("MSA-2")?);
        context.set_variable(name, &codes)?;
    }
    context.set_variable("Location", &error.structure("ERR-2")?.unwrap_or_default())?;
    let differ = accept.text("MSH-10")? != error.text("MSH-10")?;
    context.set_variable("ControlIdsDiffer", &differ.to_string())?;
    let refused = accept.acknowledge(&Acknowledgement::accept());
    context.set_variable("Refused", &refused.map_or_else(|problem| problem.code, |_| "no".into()))
}

fn notify(context: &Context, message: &Message) -> Result<(), Problem> {
    let name = message.text("PID-5.1")?;
    context.notify(&format!("{name} came"), false)?;
    for _ in 0..3 {
        context.notify_once(&name, &format!("{name} came back"), true)?;
    }
    let mut refused = Ok(());
    for _ in 0..200 {
        refused = refused.and_then(|()| context.notify_once("again", "again", false));
    }
    context.set_variable("Noisy", &refused.map_or_else(|problem| problem.code, |()| "no".into()))
}

/// A long message in parts: one of the plugin's own, and the step's.
fn join(context: &Context, message: &mut Message) -> Result<(), Problem> {
    let parts = b"MSH|^~\\&|A\rOBX|1|TX|N||one \rADD|two\rDSC|p2|I\r";
    let mut parts = Message::parse(Format::Hl7, parts)?;
    let joined = parts.join_continuations()?;
    context.set_variable("Joined", &format!("{joined} {}", parts.text("OBX-5")?))?;
    let told = |continuation: Option<Continuation>| match continuation {
        Some(Continuation { pointer, kind: Some(ContinuationKind::Fragment) }) => pointer + " F",
        Some(Continuation { pointer, kind: Some(ContinuationKind::Interactive) }) => pointer + " I",
        Some(Continuation { pointer, kind: None }) => pointer,
        None => "none".to_owned(),
    };
    context.set_variable("Continued", &told(parts.continuation()?))?;
    context.set_variable("Ended", &told(message.continuation()?))?;
    let own = message.join_continuations()?;
    context.set_variable("OwnJoined", &own.to_string())?;
    let mut json = Message::parse(Format::Json, b"{}")?;
    let refused = json.join_continuations().map_or_else(|problem| problem.code, |_| "no".into());
    context.set_variable("NotContinued", &refused)
}

fn children(context: &Context) -> Result<(), Problem> {
    let xml = Message::parse(Format::Xml, b"<R><a>1</a><b/><a>2</a></R>")?;
    let json = Message::parse(Format::Json, br#"{"p":[{"a/b":1,"c":{"d":2}}]}"#)?;
    for (name, message, path) in [("Elements", &xml, "R"), ("Members", &json, "p[1]")] {
        let told: Result<Vec<String>, Problem> = message
            .children(path)?
            .iter()
            .map(|child| Ok(format!("{} {}", child.path(), child.structure()?)))
            .collect();
        context.set_variable(name, &told?.join("; "))?;
    }
    Ok(())
}

fn change(message: &mut Message) -> Result<(), StepError> {
    message.for_each_segment("OBX", |obx| {
        if obx.field(2).text()? == "TX" { obx.remove() } else { obx.field(11).set("F") }
    })?;
    let mut pid = message.segment_mut("PID");
    pid.add_repetition(3, "99^^^NEW")?;
    pid.field(5).component(2).set("A^B")?;
    Ok(())
}

tureen_plugin_sdk::transformer!(Helpers, handles = ["Test.Helpers"]);
