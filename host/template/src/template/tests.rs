use std::sync::Arc;

use proptest::prelude::*;

use super::{Missing, PlaceholderKind, RENDERED_BYTES_MAX, Template};
use crate::fixtures::{Inbound, STEP, Sexes, facts, variables};
use tureen_message::Problem;

use crate::{
    DataTable, Direction, Globals, Movement, Purpose, RunTables, SettingId, Tables, Variables,
};

mod drafts;

const MESSAGES: Inbound = Inbound("MSH|^~\\&|${Name}");

fn render(text: &str, entries: &[(&str, &str)]) -> String {
    Template::compile(text).render(&variables(entries), &MESSAGES, &Sexes).unwrap()
}

fn check(text: &str, expected: &str) {
    let entries =
        [("Name", "o'brien, ANNA"), ("Count", "7"), ("Dose", "1.005"), ("Born", "19840229")];
    assert_eq!(render(text, &entries), expected, "{text}");
}

#[test]
fn names_are_replaced_in_any_case() {
    check("Dear ${Name}!", "Dear o'brien, ANNA!");
    check("${NAME}${count}", "o'brien, ANNA7");
    check("${ Count }", "7");
    check("${Nothing}", "");
    check("", "");
}

#[test]
fn modifiers_run_in_the_order_of_the_pipeline() {
    for (text, expected) in [
        ("${Name:McNameCase}", "O'Brien, Anna"),
        ("${Name:Truncate(7):UpperCase}", "O'BRIEN"),
        ("${Name:UpperCase:Truncate(7)}", "O'BRIEN"),
        ("${Name:Truncate(8):Remove(,):Padding(9)}|", "o'brien  |"),
        ("${Name:Padding(9):Truncate(8):Remove(,)}|", "o'brien  |"),
        ("${Name:Replace(o'brien,x)}", "x, ANNA"),
        ("${Name:Replace(ANNA,a,b)}", "o'brien, a,b"),
        ("${Name:Replace(b,):Replace(r,b)}", "o'bien, ANNA"),
        ("${Name:truncate( 2 ):uppercase}", "O'"),
        ("${Name:JSONEncode:Replace(ANNA,\")}", "o'brien, \\\""),
        ("${Count:Replace(7,M):Lookup(Sex):TitleCase}", "male"),
        ("${Count:Padding(3)}|", "7  |"),
        ("${Count:Trim}", "7"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_is_no_modifier_is_one_format_with_its_colons() {
    for (text, expected) in [
        ("${CurrentDateTime}", "20240305140709"),
        ("${CurrentDateTime:HH:mm:ss}", "14:07:09"),
        ("${Now:yyyy-MM-ddTHH:mm:ss.fffzzz}", "2024-03-05T14:07:09.123-05:00"),
        ("${ReceivedDate:HH:mm:UpperCase:ss}", "14:07:08"),
        ("${Today:MMM:UpperCase}", "MAR"),
        ("${Born:dd/MM/yyyy}", "29/02/1984"),
        ("${Dose:0.00}", "1.01"),
        ("${Count:D3}", "007"),
        ("${Name:yyyy}", "o'brien, ANNA"),
        ("${Count:}", "7"),
        ("${Count:0.0:Padding(5)}|", "7.0  |"),
    ] {
        check(text, expected);
    }
}

#[test]
fn text_that_does_not_match_the_grammar_stays() {
    for text in [
        "$", "${", "${}", "${ }", "${Name", "$Name", "$(Name)", "{Name}", "$ {Name}", "${a\nb}",
        "${\"x\"}", "${'x'}", "${a{b}", "${:x}", "a } b ${", "$${", "\\${", "${`ls`}",
    ] {
        check(text, text);
    }
    let long = format!("${{{}}}", "n".repeat(257));
    check(&long, &long);
    check("$${Count}", "$7");
    check("${${Count}}", "${7}");
    check("${Na${Count}me}", "${Na7me}");
    check("${Count", "${Count");
    check("${Count:Replace(7,${Name})}", "${Count:Replace(7,o'brien, ANNA)}");
}

#[test]
fn parentheses_may_hold_colons_and_braces() {
    check("${Count:Replace(7,a:b)}", "a:b");
    check("${Count:Replace(7,})}x", "}x");
    check("${Count:Replace(7,()}x", "(x");
    check("${Count:Replace(7,))}x", ")x");
    check("${Name:Remove(, ANNA)}", "o'brien");
}

#[test]
fn an_open_parenthesis_takes_nothing_of_the_text_behind() {
    for (text, expected) in [
        ("A ${Count:Replace(7,()} B ) C } D", "A ( B ) C } D"),
        ("{\"a\":\"${Count:Replace(7,()}\",\"b\":\"(x) y)\"}", "{\"a\":\"(\",\"b\":\"(x) y)\"}"),
        ("${Count:Replace(7,()}) C } D", "() C } D"),
        ("${Count:Replace(7,}):Padding(3):Remove(()}) C } D", "}  ) C } D"),
        ("${Count:Replace(7,}):Padding(3)}|", "}  |"),
        ("${Count:Replace(7,a}b) : Padding(4) }|", "a}b |"),
        ("${Count:Replace(7,(a}b))}|", "(a}b)|"),
        ("${Count:0 (} B ) C } D", "7 ( B ) C } D"),
        ("${Count:(0)} B ) } D", "(7) B ) } D"),
    ] {
        check(text, expected);
    }
    let id = format!("{{{STEP}}} inbound");
    check(&format!("${{{id}:Replace(MSH,()}} B }} ) D"), "(|^~\\&|${Name} B } ) D");
    check(&format!("${{{id}:Replace(MSH,{{)}} B"), "{|^~\\&|${Name} B");
}

#[test]
fn a_placeholder_that_could_end_twice_is_refused_with_its_place() {
    for (text, place) in [
        ("A ${Count:Remove(()} B ) } D", "${Count:Remove(()} B ) }"),
        ("A ${Count:Remove(()})} D", "${Count:Remove(()})}"),
        ("A ${Count:0 (} B ) } D", "${Count:0 (} B ) }"),
        ("A ${Count:0 mg (} B ) } D", "${Count:0 mg (} B ) }"),
    ] {
        let template = Template::compile(text);
        let problem = template.render(&variables(&[]), &MESSAGES, &Sexes).unwrap_err();
        assert_eq!(template.problems().next().map(|it| it.code), Some("template.modifier"));
        assert_eq!((problem.place.as_deref(), problem.offset), (Some(place), Some(2)), "{text}");
    }
}

#[test]
fn messages_of_steps_are_inserted_in_every_form_of_their_id() {
    let inserted = "MSH|^~\\&|${Name}";
    for text in [
        format!("${{{STEP} inbound}}"),
        format!("${{{} InBound}}", STEP.to_uppercase()),
        format!("${{ {{{STEP}}}  INBOUND }}").replace("{ {", "{{"),
        format!("${{({STEP}) inbound}}"),
        format!("${{{} inbound}}", STEP.replace('-', "")),
        "${{0x3f2504e0,0x4f89,0x11d3,{0x9a,0x0c,0x03,0x05,0xe8,0x2c,0x33,0x01}} inbound}"
            .to_owned(),
    ] {
        check(&text, inserted);
    }
    check(&format!("a${{{STEP} outbound}}b"), "ab");
    check(&format!("${{{STEP} inbound:Base64Encode}}"), "TVNIfF5+XCZ8JHtOYW1lfQ==");
    check(&format!("${{{STEP} sideways}}"), "");
}

#[test]
fn inserted_values_are_never_scanned_again() {
    let entries = [("A", "${B}"), ("B", "${A}"), ("C", "${")];
    assert_eq!(render("${A} ${B} ${C}A}", &entries), "${B} ${A} ${A}");
}

#[test]
fn missing_values_are_told_and_insert_nothing() {
    let text = format!("${{Known}}${{Unknown}}${{{STEP} outbound}}${{unknown:Padding(2)}}");
    let template = Template::compile(&text);
    let variables = variables(&[("Known", "k")]);
    let mut missing = Vec::new();
    let rendered = template
        .render_with(&variables, &MESSAGES, &Sexes, &mut |what| missing.push(format!("{what:?}")))
        .unwrap();
    assert_eq!(rendered, "k  ");
    let setting = SettingId::parse(STEP).unwrap();
    let expected = [
        Missing::Variable("Unknown"),
        Missing::Message(setting, Direction::Outbound),
        Missing::Variable("unknown"),
    ];
    assert_eq!(missing, expected.map(|what| format!("{what:?}")));
    assert_eq!(template.unknown_variables(&variables).collect::<Vec<_>>(), ["Unknown", "unknown"]);
}

#[test]
fn what_can_never_be_rendered_is_known_when_compiled() {
    for (text, code) in [
        ("x${Name:Truncate(many)}", "template.modifier"),
        ("x${Name:Padding(65536)}", "template.modifier"),
        ("x${Name:Replace(a)}", "template.modifier"),
        ("x${Name:Replace(,b)}", "template.modifier"),
        ("x${Name:Remove()}", "template.modifier"),
        ("x${Name:Lookup( )}", "template.modifier"),
        ("x${Name:Truncate}", "template.modifier"),
        ("x${Name:Upercase}", "template.modifier"),
        ("x${Name:HH:mm:Upercase}", "template.modifier"),
        ("x${Name:Substring(0,4)}", "template.modifier"),
        ("x${Name:0'}", "format.number"),
        ("x${Name:yyyy'}", "format.date"),
        ("x${DataTable>Staff}", "data-table.reference"),
        ("x${DATATABLE?.Name:UpperCase}", "data-table.reference"),
        ("x${DATATABLE?Staff.Name:Truncate(x)}", "template.modifier"),
    ] {
        let template = Template::compile(text);
        assert_eq!(
            template.problems().map(|problem| problem.code).collect::<Vec<_>>(),
            [code],
            "{text}"
        );
        let problem = template.render(&variables(&[]), &MESSAGES, &Sexes).unwrap_err();
        assert_eq!(problem.code, code, "{text}");
        assert_eq!(problem.place.as_deref(), text.strip_prefix('x'));
        assert_eq!(problem.offset, Some(1));
    }
}

#[test]
fn placeholders_say_what_they_are_and_where() {
    let text = format!("é${{a:Lookup(Sex):JSONEncode}} ${{{STEP} inbound}}${{DATATABLE?T.F}}");
    let template = Template::compile(&text);
    let found: Vec<_> = template.placeholders().collect();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].kind, PlaceholderKind::Variable { name: "a" });
    assert_eq!((found[0].offset, found[0].text), (2, "${a:Lookup(Sex):JSONEncode}"));
    assert!(found[0].written && !found[0].constant);
    assert_eq!(found[0].tables().collect::<Vec<_>>(), ["Sex"]);
    let setting = SettingId::parse(STEP).unwrap();
    assert_eq!(found[1].kind, PlaceholderKind::Message { setting, direction: Direction::Inbound });
    assert!(!found[1].written && found[1].problem.is_none());
    let movement = Movement::Random;
    assert_eq!(found[2].kind, PlaceholderKind::DataTable { reference: "T.F", movement });
    assert!(found[2].problem.is_none());
    let own = Template::compile("${now:HH}${a:raw}");
    let own: Vec<_> = own.placeholders().map(|it| (it.constant, it.written)).collect();
    assert_eq!(own, [(true, false), (false, true)]);
}

#[test]
fn data_tables_are_read_row_by_row() {
    let rows = [["1", "Aalto"], ["2", "Berg"]].map(|row| row.map(Box::from).into());
    let fields = vec!["Id".to_owned(), "Name".to_owned()];
    let table = DataTable::new("Staff", fields, rows.into()).unwrap();
    let tables = RunTables::new(Arc::new(Staff(table)));
    let render = |text: &str| Template::compile(text).render(&variables(&[]), &MESSAGES, &tables);
    let text = "${DATATABLE>Staff.Name:UpperCase} ${datatable>STAFF.id} ${DataTable>Staff.Name}";
    assert_eq!(render(text).unwrap(), "AALTO 2 Aalto");
    let random = render("${DATATABLE?Staff.Name}").unwrap();
    assert!(["Aalto", "Berg"].contains(&random.as_str()));
    for (text, code) in [
        ("${DATATABLE>Staff.Ward}", "data-table.field"),
        ("${DATATABLE>Wards.Name}", "data-table.unknown"),
    ] {
        assert_eq!(render(text).unwrap_err().code, code, "{text}");
    }
}

struct Staff(DataTable);

impl Tables for Staff {
    fn lookup(&self, _: &str, _: &str) -> Result<Option<String>, Problem> {
        Ok(None)
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        name.eq_ignore_ascii_case("staff").then_some(&self.0)
    }
}

#[test]
fn templates_drafts_and_variables_may_cross_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Template>();
    check::<crate::Draft>();
    check::<Variables>();
    check::<crate::Formatting>();
}

#[test]
fn literal_texts_and_whole_messages_are_recognised() {
    assert_eq!(Template::compile("plain ${").literal(), Some("plain ${"));
    assert_eq!(Template::compile("${a}").literal(), None);
    assert_eq!(Template::compile("${a}").source(), "${a}");
    let whole = |text: &str| Template::compile(text).whole_message();
    let setting = SettingId::parse(STEP).unwrap();
    assert_eq!(whole(&format!("${{{STEP} outbound}}")), Some((setting, Direction::Outbound)));
    assert_eq!(whole(&format!("${{{STEP} outbound}}\n")), None);
    assert_eq!(whole(&format!("${{{STEP} outbound:Trim}}")), None);
    assert_eq!(whole("${a}"), None);
    assert_eq!(whole(""), None);
}

#[test]
fn secrets_are_inserted_only_where_the_setting_is_sensitive() {
    let mut globals = Globals::new();
    globals.insert_secret("Key", "s3cret");
    globals.insert_unavailable(Purpose::Secret, "Vault", "the vault did not answer");
    let variables = Variables::new(facts(), Arc::new(globals));
    let template = Template::compile("Bearer ${KEY}");
    let problem = template.render(&variables, &MESSAGES, &Sexes).unwrap_err();
    assert_eq!(problem.code, "variable.secret");
    assert!(!problem.to_string().contains("s3cret"));
    let sensitive = |template: &Template, purposes: &[Purpose]| {
        template.render_sensitive(purposes, &variables, &MESSAGES, &Sexes, &mut |_| {})
    };
    let both = [Purpose::Secret, Purpose::ConnectionString];
    assert_eq!(sensitive(&template, &both).as_deref(), Ok("Bearer s3cret"));
    // A setting for connection strings is none for passwords.
    let problem = sensitive(&template, &[Purpose::ConnectionString]).unwrap_err();
    assert_eq!(problem.code, "variable.secret");
    assert!(problem.text.contains("is a secret"));
    let vault = Template::compile("${Vault}");
    for rendered in [vault.render(&variables, &MESSAGES, &Sexes), sensitive(&vault, &both)] {
        assert_eq!(rendered.unwrap_err().code, "variable.unavailable");
    }
}

#[test]
fn a_rendered_text_and_the_values_read_for_it_are_limited() {
    let big = "x".repeat(1 << 20);
    let variables = variables(&[("Big", &big)]);
    let render = |text: String| Template::compile(&text).render(&variables, &MESSAGES, &Sexes);
    let fits = RENDERED_BYTES_MAX >> 20;
    assert_eq!(render("${Big}".repeat(fits)).unwrap().len(), RENDERED_BYTES_MAX);
    assert_eq!(render("${Big}".repeat(fits) + "x").unwrap_err().code, "limit.rendered-bytes");
    // Little of the value reaches the text, but each was read.
    assert_eq!(render("${Big:Truncate(1)}".repeat(120)).unwrap().len(), 120);
    let problem = render("${Big:Truncate(1)}".repeat(130)).unwrap_err();
    assert_eq!(problem.code, "limit.formatted-bytes");
}

#[test]
fn compiling_takes_linear_time_on_unfinished_placeholders() {
    // Quadratic scanning would take minutes here.
    for text in ["${a:(", "${a:(}", "${{", "${", "${a:(})", "${a}"] {
        let many = text.repeat(200_000);
        let expected = if text == "${a}" || text == "${a:(}" { 200_000 } else { 0 };
        let found = Template::compile(&many).placeholders().count();
        assert!(found == expected || text == "${a:(})", "{text}: {found}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_compiling_or_rendering_panic(
        text in "(\\PC|\\$\\{|[a-c:(){}$>?,]|DATATABLE|inbound| |0|Truncate\\(){0,30}",
    ) {
        let template = Template::compile(&text);
        prop_assert_eq!(template.source(), text.as_str());
        drop(template.render(&variables(&[("a", "1")]), &MESSAGES, &Sexes));
        for placeholder in template.placeholders() {
            prop_assert!(text.get(placeholder.offset..).unwrap().starts_with(placeholder.text));
            let enclosed = placeholder.text.starts_with("${") && placeholder.text.ends_with('}');
            prop_assert!(enclosed);
        }
    }

    #[test]
    fn a_text_without_placeholders_renders_to_itself(text in "([^$]|\\$[^{$]){0,30}") {
        let template = Template::compile(&text);
        prop_assert_eq!(template.literal(), Some(text.as_str()));
        prop_assert_eq!(render(&text, &[]), text);
    }

    #[test]
    fn inserted_values_arrive_as_they_are(
        value in "(\\PC|\\$\\{|\\}|Other){0,20}",
        before in "[^$]{0,5}",
        after in "[^$]{0,5}",
    ) {
        let entries = [("Value", value.as_str()), ("Other", "leak")];
        let rendered = render(&format!("{before}${{Value}}{after}"), &entries);
        prop_assert_eq!(rendered, format!("{before}{value}{after}"));
    }
}
