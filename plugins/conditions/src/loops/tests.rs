use super::*;

fn looped(path: &str, iteration: u32) -> Loop {
    let is_hl7 = path.get(..3).is_some_and(|name| name.bytes().all(|it| it.is_ascii_uppercase()));
    let format = match split(path) {
        (_, body) if body.starts_with(EXPRESSION) => Format::Xml,
        ("", _) if is_hl7 => Format::Hl7,
        ("", _) => Format::Json,
        _ => Format::Xml,
    };
    let mut looped = Loop::new(SettingId::NONE, Direction::Inbound, format, path);
    looped.iteration = iteration;
    looped
}

fn check(loops: &[(&str, u32)], path: &str, expected: &str) {
    let mut running = Loops::default();
    for (path, iteration) in loops {
        running.enter(looped(path, *iteration));
    }
    let found = running.reindexed(SettingId::NONE, Direction::Inbound, Cow::Borrowed(path));
    assert_eq!(found.path, expected, "{path} in {loops:?}");
}

#[test]
fn a_path_inside_a_loop_gets_the_current_index() {
    check(&[("OBX", 3)], "OBX-5.1", "OBX[3]-5.1");
    check(&[("OBX", 3)], "OBX[1]-5.1", "OBX[3]-5.1");
    check(&[("OBX[1]", 3)], "OBX-5.1", "OBX[3]-5.1");
    check(&[("OBX", 3)], "OBX", "OBX[3]");
    check(&[("PID-3", 2)], "PID-3.1", "PID-3[2].1");
    check(&[("PID-3", 2)], "PID-3[1].1", "PID-3[2].1");
    check(&[("Patient/Drugs", 4)], "Patient/Drugs[1]/Code", "Patient/Drugs[4]/Code");
    check(&[("Patient/Drugs", 4)], "Patient/Drugs/Code", "Patient/Drugs[4]/Code");
}

#[test]
fn a_path_outside_a_loop_stays() {
    check(&[("PID-3", 2)], "PID-30", "PID-30");
    check(&[("PID-3", 2)], "PID-5.1", "PID-5.1");
    check(&[("OBX", 2)], "OBX[2]-5", "OBX[2]-5");
    check(&[("OBX", 2)], "OBX[12]-5", "OBX[12]-5");
    check(&[("Patient/Drug", 2)], "Patient/Drugs[1]", "Patient/Drugs[1]");
    check(&[], "OBX-5", "OBX-5");
}

#[test]
fn an_inner_loop_counts_within_the_item_of_the_outer_one() {
    let loops = [("Visits", 2), ("Visits[2]/Drugs", 5)];
    check(&loops, "Visits[1]/Drugs[1]/Code", "Visits[2]/Drugs[5]/Code");
    check(&loops, "Visits/Drugs/Code", "Visits[2]/Drugs[5]/Code");
    check(&loops, "Visits[1]/Date", "Visits[2]/Date");
    check(&[("OBX", 2), ("OBX[2]-5", 3)], "OBX-5.1", "OBX[2]-5[3].1");
    check(&[("OBX", 2), ("OBX[2]", 3)], "OBX-5.1", "OBX[3]-5.1");
    check(&[("PID-3[4]", 2)], "PID-3.1", "PID-3[2].1");
}

#[test]
fn an_expression_is_indexed_in_parentheses() {
    check(&[("xpath://Item", 3)], "xpath://Item/Code", "xpath:(//Item)[3]/Code");
    check(&[("xpath://Item", 3)], "xpath://Item", "xpath:(//Item)[3]");
    check(&[("xpath://Item", 3)], "xpath://Item[1]//Code", "xpath:(//Item)[3]//Code");
    check(&[("xpath://Item[1]", 3)], "xpath://Item/Code", "xpath:(//Item)[3]/Code");
    let stays = ["xpath://Item-Code", "xpath://Items", "xpath://Item[@a]/b", "Item/Code"];
    for path in stays {
        check(&[("xpath://Item", 3)], path, path);
    }
    let loops = [("xpath://Visit", 2), ("xpath:(//Visit)[2]/Drug", 5)];
    check(&loops, "xpath://Visit/Drug/Code", "xpath:((//Visit)[2]/Drug)[5]/Code");
    check(&loops, "xpath://Visit/Date", "xpath:(//Visit)[2]/Date");
}

#[test]
fn declarations_of_prefixes_stay_in_front() {
    let declared = "declare namespace p = 'u'; ";
    let path = |path: &str| format!("{declared}{path}");
    for (items, inner, expected) in [
        ("Root/p:Item", "Root/p:Item/Code", "Root/p:Item[3]/Code"),
        ("Root/p:Item[1]", "Root/p:Item[1]", "Root/p:Item[3]"),
        ("xpath://p:Item", "xpath://p:Item/Code", "xpath:(//p:Item)[3]/Code"),
    ] {
        check(&[(&path(items), 3)], &path(inner), &path(expected));
        check(&[(&path(items), 3)], inner, inner);
    }
}

#[test]
fn the_message_of_another_setting_is_not_looped_over() {
    let mut running = Loops::default();
    running.enter(looped("OBX", 2));
    let other = SettingId::parse("d0000000000000000000000000000001").unwrap();
    for (setting, direction) in
        [(other, Direction::Inbound), (SettingId::NONE, Direction::Outbound)]
    {
        let found = running.reindexed(setting, direction, Cow::Borrowed("OBX-5"));
        assert_eq!(found.path, "OBX-5");
    }
}

#[test]
fn another_spelling_of_a_place_is_the_same_place() {
    for (items, path, expected) in [
        ("/M", "M[1]/c", "M[2]/c"),
        ("/M", "M/c", "M[2]/c"),
        ("M", "/M[1]/c", "/M[2]/c"),
        ("M", "/M", "/M[2]"),
        ("V/M", "V[1]/M[1]/c", "V[1]/M[2]/c"),
        ("V[1]/M", "/V/M/c", "/V/M[2]/c"),
        ("V[1]/M", "V[3]/M/c", "V[3]/M/c"),
        ("M[*]", "M[*]/c", "M[2]/c"),
        ("M[*]", "M/c", "M[2]/c"),
        ("M", "M[*]/c", "M[*]/c"),
        ("M", "M[3]/c", "M[3]/c"),
        ("M", "Ms/c", "Ms/c"),
        ("[1]", "[1]/c", "[2]/c"),
        ("[1]", "/[1]/c", "/[2]/c"),
        ("", "c", "[2]/c"),
        ("", "", "[2]"),
        ("a[1][4]", "a[1]/x", "a[1][2]/x"),
        ("a[1][4]", "a[1][1]/x", "a[1][2]/x"),
        ("a", "a[1][3]/x", "a[2][3]/x"),
        ("a/b", "a/[1]/b/x", "a/[1]/b[2]/x"),
        ("OBX-5", "OBX[1]-5[1].1", "OBX[1]-5[2].1"),
        ("OBX-5", "OBX.5.1", "OBX.5[2].1"),
        ("OBX[1]-5", "OBX-5", "OBX-5[2]"),
        ("OBX[1]-5", "OBX[3]-5", "OBX[3]-5"),
        ("OBX[2]-5", "OBX-5", "OBX-5"),
        ("OBX-5", "OBX", "OBX"),
        ("OBX[*]", "OBX[*]-5", "OBX[2]-5"),
        ("OBX-5.1", "OBX-5.1", "OBX-5.1"),
    ] {
        check(&[(items, 2)], path, expected);
    }
    let declared = "declare namespace p = 'u'; ";
    for (items, path, expected) in
        [("/R/O", "R/O[1]/T", "R/O[2]/T"), ("R[1]/O", "/R/O/@x", "/R/O[2]/@x"), ("", "R/O", "R/O")]
    {
        let [items, path, expected] = [items, path, expected].map(|it| format!("{declared}{it}"));
        check(&[(&items, 2)], &path, &expected);
    }
    check(&[("/V", 2), ("V[2]/M", 5)], "/V/M[1]/c", "/V[2]/M[5]/c");
    check(&[("/M", 2), ("M", 3)], "M/c", "M[3]/c");
    check(&[("OBX[1]-5", 2), ("OBX-5", 3)], "OBX-5.1", "OBX-5[3].1");
}

#[test]
fn the_indexes_of_a_selector_count_from_0() {
    let looped_over = |items: &str, path: &str, expected: &str| {
        let [items, path, expected] = [items, path, expected].map(|it| format!("{SELECTOR}{it}"));
        check(&[(&items, 3)], &path, &expected);
    };
    for (items, path, expected) in [
        ("$.M", "$.M[1].c", "$.M[2].c"),
        ("$.M", "$.M[0].c", "$.M[2].c"),
        ("$.M", "$.M.c", "$.M[2].c"),
        ("$.M", "$.M", "$.M[2]"),
        ("$.M", "$['M'][0]['c']", "$['M'][2]['c']"),
        ("$['M']", "$.M.c", "$.M[2].c"),
        ("$.M[*]", "$.M[*].c", "$.M[2].c"),
        ("$.M[0]", "$.M[0].c", "$.M[2].c"),
        ("$", "$[0].c", "$[2].c"),
        ("M", "M[0].c", "M[2].c"),
        ("$.M", "$.M[2].c", "$.M[2].c"),
        ("$.M", "$.M[7].c", "$.M[7].c"),
        ("$.M", "$.M[*].c", "$.M[*].c"),
        ("$.M", "$.M[?(@.c == 'x]')].c", "$.M[?(@.c == 'x]')].c"),
        ("$.M", "$.Ms[0].c", "$.Ms[0].c"),
        ("$.M", "$..M[0].c", "$..M[0].c"),
    ] {
        looped_over(items, path, expected);
    }
    let nested = [("newtonsoft:$.V", 2), ("newtonsoft:$.V[1].M", 3)];
    check(&nested, "newtonsoft:$.V[0].M[0].c", "newtonsoft:$.V[1].M[2].c");
    check(&[("M", 2)], "newtonsoft:$.M[0].c", "newtonsoft:$.M[0].c");
    check(&[("newtonsoft:$.M", 2)], "M/c", "M/c");
}

#[test]
fn the_items_of_a_selector_of_several_places_are_known_by_their_exact_paths() {
    for (path, expected) in [
        ("newtonsoft:$..M", true),
        ("newtonsoft:$.M[?(@.c)]", true),
        ("newtonsoft:$.V[*].M", true),
        ("newtonsoft:$.V[*].M[*]", true),
        ("newtonsoft:$.V.*", true),
        ("newtonsoft:$.M[*]", false),
        ("newtonsoft:$.M", false),
        ("newtonsoft:$['a.b'][1]", false),
        ("M[*]", false),
    ] {
        assert_eq!(selects_several(path), expected, "{path}");
    }
    let found = ["V[1]/it's[2]", "newtonsoft:$.V['a/b'][3]"].map(str::to_owned).to_vec();
    let mut running = Loops::default();
    running.enter(looped("newtonsoft:$..M[?(@.c)]", 1).over(found));
    for expected in ["newtonsoft:$['V'][0]['it\\'s'][1].c", "newtonsoft:$.V['a/b'][3].c"] {
        let path = Cow::Borrowed("newtonsoft:$..M[?(@.c)].c");
        let indexed = running.reindexed(SettingId::NONE, Direction::Inbound, path);
        assert_eq!(indexed.path, expected);
        running.innermost().unwrap().iteration += 1;
    }
}

#[test]
fn a_path_tells_whether_it_ends_in_the_item_of_a_loop() {
    for (items, path, expected) in [
        ("M", "M[1]", true),
        ("M", "M", true),
        ("M", "M[1]/c", false),
        ("M", "M[3]", false),
        ("R/O", "R/O/@x", true),
        ("R/O", "R/O/T/@x", false),
        ("xpath://O", "xpath://O", true),
        ("newtonsoft:$.M", "newtonsoft:$.M[0]", true),
    ] {
        let mut running = Loops::default();
        running.enter(looped(items, 1));
        let found = running.reindexed(SettingId::NONE, Direction::Inbound, Cow::Borrowed(path));
        assert_eq!(found.ends_in_item, expected, "{path} in {items}");
    }
}
