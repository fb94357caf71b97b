//! Reads one action: its fields, its sources and its target.

use crate::code;
use crate::formatting::Formatting;
use crate::program::{FormattedSource, Operation, Parameter};
use tureen_conditions::{DIRECTIONS, Namespaces, PlaceFields, Source, Text, path_slip};
use tureen_plugin_sdk::{Findings, Placement, Problem, Role, SettingId, Settings};

/// The namespace of all action classes.
const NAMESPACE: &str = "HL7Soup.Functions.Settings.";

/// The kinds of actions, and their classes without the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SetVariable,
    Map,
    BeginConditional,
    EndConditional,
    ForEach,
    Next,
    Append,
    Notify,
    Code,
    Comment,
    Parameter,
    Custom,
}

const CLASSES: [(&str, Kind); 12] = [
    ("CreateVariableTransformerAction", Kind::SetVariable),
    ("CreateMappingTransformerAction", Kind::Map),
    ("BeginConditionalTransformerAction", Kind::BeginConditional),
    ("EndConditionalTransformerAction", Kind::EndConditional),
    ("ForEachTransformerAction", Kind::ForEach),
    ("NextTransformerAction", Kind::Next),
    ("AppendLineTransformerAction", Kind::Append),
    ("NotificationTransformerAction", Kind::Notify),
    ("CodeTransformerAction", Kind::Code),
    ("CommentTransformerAction", Kind::Comment),
    ("CreateParameterTransformerAction", Kind::Parameter),
    ("CustomTransformerAction", Kind::Custom),
];

impl Kind {
    /// The kind of an action.
    pub(crate) fn of(action: &Settings) -> Result<Self, Findings> {
        let class = action.class().unwrap_or_default();
        let name = class.strip_prefix(NAMESPACE).unwrap_or(class);
        if let Some((_, kind)) = CLASSES.iter().find(|(known, _)| *known == name) {
            return Ok(*kind);
        }
        let text = match nearest(name) {
            Some(nearest) => format!(
                "this is not a class of transformer actions; did you mean {NAMESPACE}{nearest}?"
            ),
            None => {
                let known: Vec<&str> = CLASSES.iter().map(|(known, _)| *known).collect();
                let known = known.join(", ");
                format!(
                    "this is not a class of transformer actions; known in {NAMESPACE} are {known}"
                )
            }
        };
        Err(action.error("$type", "action.class", text).into())
    }
}

/// The class that a slip of the pen would have meant.
fn nearest(name: &str) -> Option<&'static str> {
    let distances = CLASSES.iter().map(|(known, _)| (distance(name, known), *known));
    let (distance, known) = distances.min()?;
    (distance <= known.len() / 4).then_some(known)
}

/// How many letters differ, are missing or are too many. Names longer than any
/// class are not looked at: the work grows with both lengths.
fn distance(name: &str, known: &str) -> usize {
    const NAME_BYTES_MAX: usize = 100;
    if name.len() > NAME_BYTES_MAX {
        return usize::MAX;
    }
    let known: Vec<char> = known.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (at, letter) in name.to_lowercase().chars().enumerate() {
        let mut left = at + 1;
        let mut next = vec![left];
        for (other, above) in known.iter().zip(row.windows(2)) {
            let [diagonal, above] = above else { continue };
            let replaced = diagonal + usize::from(letter != *other);
            left = replaced.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Reads an action that is neither the start nor the end of a block.
pub(crate) fn read(
    kind: Kind,
    action: &Settings,
    placement: &Placement,
) -> Result<Operation, Findings> {
    match kind {
        Kind::SetVariable => set_variable(action, placement),
        Kind::Map => map(action, placement),
        Kind::Append => {
            check_target(action, placement)?;
            Ok(Operation::Append { text: Source::read(action, PlaceFields::ACTION)? })
        }
        Kind::Notify => {
            let source = Source::read(action, PlaceFields::ACTION)?;
            let critical = action.flag("Critical")?.unwrap_or(false);
            Ok(Operation::Notify { critical, source })
        }
        Kind::Custom => custom(action, placement),
        Kind::Parameter => {
            let text = "a parameter has no effect here: it belongs into the Parameters of a \
                        CustomTransformerAction";
            placement.warn(action.problem("$type", "action.parameter", text));
            Ok(Operation::Nothing)
        }
        Kind::Code => script(action, placement),
        Kind::Comment
        | Kind::BeginConditional
        | Kind::EndConditional
        | Kind::ForEach
        | Kind::Next => Ok(Operation::Nothing),
    }
}

/// A script is what the operator has bound it to; the host tells where nothing
/// is.
fn script(action: &Settings, placement: &Placement) -> Result<Operation, Findings> {
    let text = action.text("Code")?.unwrap_or_default();
    if code::does_nothing(&text) {
        return Ok(Operation::Nothing);
    }
    let type_name = code::type_name(&text);
    placement.require(type_name.clone(), action.pointer_to("Code"));
    Ok(Operation::Custom { type_name, parameters: Vec::new() })
}

/// A value with its formatting.
fn formatted(settings: &Settings, placement: &Placement) -> Result<FormattedSource, Findings> {
    let mut findings = Findings::default();
    let source = findings.keep(Source::read(settings, PlaceFields::ACTION));
    let formatting = findings.keep(Formatting::read(settings, placement));
    match (source, formatting) {
        (Some(source), Some(formatting)) => Ok(FormattedSource { source, formatting }),
        _ => Err(findings),
    }
}

fn set_variable(action: &Settings, placement: &Placement) -> Result<Operation, Findings> {
    let mut findings = Findings::default();
    let name = findings.keep(action.text("VariableName")).flatten().unwrap_or_default();
    if name.trim().is_empty() {
        let text = "expected the name of the variable to set";
        findings.push(action.error("VariableName", "action.variable", text));
    }
    match findings.keep(formatted(action, placement)) {
        Some(value) => findings.or(Operation::SetVariable { name, value }),
        None => Err(findings),
    }
}

fn map(action: &Settings, placement: &Placement) -> Result<Operation, Findings> {
    let mut findings = Findings::default();
    let value = findings.keep(formatted(action, placement));
    let structure = findings.keep(action.flag("AllowMessageStructureToChange")).flatten();
    let target = findings.keep(target(action, placement));
    let (Some(value), Some(target)) = (value, target) else { return Err(findings) };
    let structure = structure.unwrap_or(false);
    findings.or(match target {
        Target::Message { to, namespaces } => Operation::Map { value, to, namespaces, structure },
        Target::Variable(name) => Operation::SetVariable { name, value },
    })
}

/// What a mapping writes to.
enum Target {
    Message { to: Text, namespaces: Namespaces },
    Variable(String),
}

fn target(action: &Settings, placement: &Placement) -> Result<Target, Findings> {
    let mut findings = Findings::default();
    let path = findings.keep(action.text("ToPath")).flatten().unwrap_or_default();
    let direction = findings.keep(action.choice("ToDirection", &DIRECTIONS)).flatten();
    if direction == Some(tureen_conditions::FromDirection::Variable) {
        let name = path.trim();
        let name = name.strip_prefix("${").and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        if name.is_empty() {
            let text = "expected the name of the variable to set";
            findings.push(action.error("ToPath", "action.variable", text));
        }
        return findings.or(Target::Variable(name.to_owned()));
    }
    if let Some(slip) = path_slip(&path) {
        findings.push(action.error("ToPath", "path.syntax", slip));
    }
    findings.keep(check_target(action, placement));
    let namespaces = findings.keep(Namespaces::read(action, "ToNamespaces")).unwrap_or_default();
    findings.or(Target::Message { to: Text::new(path), namespaces })
}

/// Only the message of the setting that owns the actions may be written; in
/// which direction is plain from where they run (contract 3.3).
fn check_target(action: &Settings, placement: &Placement) -> Result<(), Findings> {
    let setting = action.id("ToSetting")?;
    let own = setting == SettingId::NONE || setting == placement.owner();
    // Before the conditions of an activity's filter there is only the message
    // that the receiver got, and the owner does not tell whose filter it is.
    if own || placement.role() == Role::FilterTransformers {
        return Ok(());
    }
    let text = "only the message of the setting that these transformers belong to may be written, \
                and this is another setting: move the action to the transformers of that setting, \
                or set a variable here and read it there";
    let problem = Problem::new("action.target", text).at(action.pointer_to("ToSetting"));
    Err(problem.into())
}

fn custom(action: &Settings, placement: &Placement) -> Result<Operation, Findings> {
    let mut findings = Findings::default();
    let name = "CustomTransformerTypeName";
    let type_name = findings.keep(action.text(name)).flatten().unwrap_or_default();
    if type_name.trim().is_empty() {
        let text = "expected the type of the custom transformer to call";
        findings.push(action.error(name, "action.custom", text));
    } else {
        placement.require(type_name.clone(), action.pointer_to(name));
    }
    let mut parameters = Vec::new();
    let members = match findings.keep(action.object("Parameters")).flatten() {
        Some(members) => findings.keep(members.members()).unwrap_or_default(),
        None => Vec::new(),
    };
    for (name, parameter) in members {
        parameters.extend(findings.keep(read_parameter(name, &parameter, placement)));
    }
    findings.or(Operation::Custom { type_name, parameters })
}

fn read_parameter(
    name: String,
    parameter: &Settings,
    placement: &Placement,
) -> Result<Parameter, Findings> {
    let value = formatted(parameter, placement)?;
    let required = parameter.flag("IsRequired")?.unwrap_or(false);
    if let (true, Source::Text(text)) = (required, &value.source)
        && text.authored().is_empty()
    {
        let text = "the parameter is required and has no value";
        return Err(parameter.error("FromPath", "action.parameter", text).into());
    }
    Ok(Parameter { name, value, required })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_from_another_class() {
        for (name, expected) in [
            ("CreateMapingTransformerAction", Some("CreateMappingTransformerAction")),
            ("createvariabletransformeraction", Some("CreateVariableTransformerAction")),
            ("ForEachTransformerActions", Some("ForEachTransformerAction")),
            ("SendMailAction", None),
            ("", None),
        ] {
            assert_eq!(nearest(name), expected, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000)), None);
    }
}
