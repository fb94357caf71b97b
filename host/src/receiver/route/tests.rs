use super::*;

fn segments(path: &str) -> Vec<String> {
    decode_path(path).unwrap()
}

#[test]
fn the_longest_prefix_of_whole_segments_wins() {
    let names = ["HL7Soup", "api", "api/patient", "api/patient/admit", "My Service/Ü", "a%2Bb"];
    let routes = names.map(|name| Route::new(service_segments(name), name));
    let table = RouteTable::new(routes).unwrap();
    type Found = Option<(&'static str, &'static [&'static str])>;
    let cases: [(&str, Found); 16] = [
        ("/HL7Soup", Some(("HL7Soup", &[]))),
        ("/hl7soup/", Some(("HL7Soup", &[]))),
        ("/HL7SOUP/x/Y", Some(("HL7Soup", &["x", "Y"]))),
        ("/HL7Soups", None),
        ("/", None),
        ("/api", Some(("api", &[]))),
        ("/api/patients", Some(("api", &["patients"]))),
        ("/api/patient", Some(("api/patient", &[]))),
        ("/api/patient/7", Some(("api/patient", &["7"]))),
        ("/API/Patient/ADMIT/7/8", Some(("api/patient/admit", &["7", "8"]))),
        ("/api/admit/patient", Some(("api", &["admit", "patient"]))),
        ("/api//patient", Some(("api", &["", "patient"]))),
        ("//api", None),
        ("/My%20Service/%c3%9c/1%202", Some(("My Service/Ü", &["1 2"]))),
        ("/my%20service/%C3%BC", Some(("My Service/Ü", &[]))),
        ("/a+b", Some(("a%2Bb", &[]))),
    ];
    for (path, expected) in cases {
        let segments = segments(path);
        let found = table.lookup(&segments).map(|(route, rest)| (route.target, rest.to_vec()));
        let expected = expected
            .map(|(name, rest)| (name, rest.iter().map(|text| (*text).to_owned()).collect()));
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn a_receiver_without_a_name_takes_what_no_other_takes() {
    let routes = ["", "api"].map(|name| Route::new(service_segments(name), name));
    let table = RouteTable::new(routes).unwrap();
    for (path, expected) in [("/", ""), ("/x/y", ""), ("/apis", ""), ("/api/x", "api")] {
        let segments = segments(path);
        let (route, _) = table.lookup(&segments).unwrap();
        assert_eq!(route.target, expected, "{path}");
    }
}

#[test]
fn an_empty_table_has_no_route() {
    assert!(RouteTable::<()>::default().lookup(&segments("/x")).is_none());
    assert!(RouteTable::<()>::default().lookup(&[]).is_none());
}

#[test]
fn the_same_service_name_twice_is_refused_whatever_its_case() {
    let routes =
        ["Api/Patient", "/api/patient/"].map(|name| Route::new(service_segments(name), ()));
    let error = RouteTable::new(routes).unwrap_err();
    assert_eq!(error.service_name, "api/patient");
}

#[test]
fn service_names_are_read_with_or_without_slashes_and_escapes() {
    let cases: [(&str, &[&str]); 6] = [
        ("HL7Soup", &["HL7Soup"]),
        ("/api/patient/", &["api", "patient"]),
        ("My Service", &["My Service"]),
        ("My%20Service", &["My Service"]),
        ("a//b", &["a", "b"]),
        ("", &[]),
    ];
    for (name, expected) in cases {
        assert_eq!(service_segments(name), expected, "{name}");
    }
}

#[test]
fn paths_are_decoded_once_and_tricks_are_refused() {
    let good: [(&str, &[&str]); 7] = [
        ("/", &[]),
        ("/a/b", &["a", "b"]),
        ("/a%20b/%C3%A9", &["a b", "é"]),
        ("/a+b", &["a+b"]),
        ("/%252e%252e", &["%2e%2e"]),
        ("/...", &["..."]),
        ("/a//", &["a", ""]),
    ];
    for (path, expected) in good {
        assert_eq!(segments(path), expected, "{path}");
    }
    let bad = [
        "",
        "*",
        "a",
        "/%",
        "/%2",
        "/%zz",
        "/%0",
        "/a%00",
        "/%0d%0a",
        "/%7f",
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/..",
        "/a/../b",
        "/%2e%2e/x",
        "/.%2E",
        "/.",
        "/%ff",
        "/%c3",
        "/%C2%85",
        "/a%%20",
    ];
    for path in bad {
        assert!(matches!(decode_path(path), Err(Refusal::Malformed(_))), "{path}");
    }
}
