use super::*;

fn parse(text: &str) -> Result<(ServerConfig, Vec<ConfigWarning>), ConfigError> {
    ServerConfig::parse(Path::new("tureen.toml"), text)
}

#[test]
fn the_shipped_file_is_the_defaults() {
    let (config, warnings) = parse(DEFAULT_FILE).unwrap();
    assert_eq!(config, ServerConfig::default());
    assert_eq!(warnings, []);
}

#[test]
fn the_shipped_file_mentions_every_key() {
    let all = toml::Table::try_from(ServerConfig::default()).unwrap();
    for (section, keys) in &all {
        let Some((_, rest)) = DEFAULT_FILE.split_once(&format!("[{section}")) else {
            panic!("the section {section} is not in the file");
        };
        for key in keys.as_table().unwrap().keys() {
            let told = [format!("\n{key} = "), format!("\n[{section}.{key}]")];
            assert!(
                told.iter().any(|line| rest.contains(line)),
                "{section}.{key} is not in the file"
            );
        }
    }
}

#[test]
fn the_shipped_file_mentions_every_key_of_a_receiver_and_its_example_is_valid() {
    let (config, _) = parse(&example("# [receivers.\"Lab results\"]")).unwrap();
    let receiver = config.receivers.get("Lab results").unwrap();
    let keys = toml::Table::try_from(receiver).unwrap();
    assert_eq!(keys.len(), 10, "a key of [receivers] is missing in the example: {keys:?}");
}

/// A commented section of the shipped file, without the marks.
fn example(heading: &str) -> String {
    let lines = DEFAULT_FILE.lines().skip_while(|line| *line != heading);
    let lines = lines.take_while(|line| line.starts_with("# "));
    lines.map(|line| format!("{}\n", line.trim_start_matches("# "))).collect()
}

#[test]
fn the_shipped_file_mentions_every_key_of_a_plugin_and_its_example_is_valid() {
    let (config, _) = parse(&example("# [plugins.file-writer]")).unwrap();
    let plugin = config.plugins.get("file-writer").unwrap();
    let keys = toml::Table::try_from(plugin).unwrap();
    assert_eq!(keys.len(), 43, "a key of [plugins] is missing in the example: {keys:?}");
    assert_eq!(plugin.directories, [GrantedDirectory { path: "out".into(), write: true }]);
}

#[test]
fn an_absent_file_gives_the_defaults() {
    let home = tempfile::tempdir().unwrap();
    let (config, warnings) = ServerConfig::load(home.path()).unwrap();
    assert_eq!(config, ServerConfig::default());
    assert_eq!(warnings, []);
}

#[test]
fn a_file_changes_only_what_it_names() {
    let home = tempfile::tempdir().unwrap();
    let text =
        "[limits]\nbody_bytes = 100\n[http]\nstatus_profile = \"rest\"\n[globals]\nA = \"1\"\n";
    std::fs::write(home.path().join(FILE_NAME), text).unwrap();
    let (config, _) = ServerConfig::load(home.path()).unwrap();
    let mut expected = ServerConfig::default();
    expected.limits.body_bytes = 100;
    expected.http.status_profile = StatusProfile::Rest;
    expected.globals.insert("A".to_owned(), "1".to_owned());
    assert_eq!(config, expected);
}

#[test]
fn mistakes_are_found_with_their_place() {
    let cases = [
        (
            "[limits]\nbody_byte = 5\n",
            "tureen.toml:2:1: unknown key \"body_byte\"; did you mean body_bytes?\n  expected  one of ",
        ),
        ("[limit]\n", "tureen.toml:1:2: unknown key \"limit\"; did you mean limits?"),
        ("[limits]\nbody_bytes = 0\n", "tureen.toml:2:14: expected a number from 1 to 1073741824"),
        ("[limits]\n  connections = -1\n", "tureen.toml:2:17: expected a number from 1 to "),
        (
            "[limits]\nconnections = \"9\"\n",
            "tureen.toml:2:15: invalid type: string \"9\", expected a whole number from 1 to",
        ),
        ("[listen]\ntls_minimum = \"1.1\"\n", "tureen.toml:2:15: unknown word `1.1`"),
        ("[listen]\naddress = \"localhost\"\n", "tureen.toml:2:11: invalid IP address"),
        ("[http]\nstatus_profile = \"HOH\"\n", "tureen.toml:2:18: unknown word `HOH`"),
        ("[log]\nformat = \"xml\"\n", "tureen.toml:2:10: unknown word `xml`"),
        (
            "[plugins.a]\nisolation = true\n",
            "tureen.toml:2:13: found no text; expected \"instance\" or \"process\", in quotes",
        ),
        (
            "[log]\nformat = 1\n",
            "tureen.toml:2:10: found no text; expected \"text\" or \"json\", in quotes",
        ),
        ("[plugins.a]\nmemory_bytes = 1\n", "tureen.toml:2:16: expected a number from 65536"),
        ("[plugins.a]\ndirectories = [{ path = \"x\", mode = 1 }]\n", "tureen.toml:2:30: unknown"),
        ("[globals]\nA = 1\n", "tureen.toml:2:5: invalid type"),
        (
            "[faults]\nconsecutive = 99999999999999999999999\n",
            "tureen.toml:2:15: expected a number from 1 to 1000000, found 99999999999999999999999",
        ),
        (
            "[faults]\nconsecutive = 3.5\n",
            "tureen.toml:2:15: invalid type: floating point `3.5`, expected a whole number from 1",
        ),
        (
            "[plugins.a]\nhttp = \"https://a\"\n",
            "tureen.toml:2:8: invalid type: string \"https://a\", expected a list, in brackets",
        ),
        (
            "[plugins.a]\ndirectories = [\"out\"]\n",
            "tureen.toml:2:16: invalid type: string \"out\", expected a table such as { path = ",
        ),
        (
            "[secrets]\nA = \"sesame\"\n",
            "tureen.toml:2:5: expected a table that says where the secret is, { file = ",
        ),
        ("[secrets]\nA = 4711\n", "tureen.toml:2:5: expected a table that says where"),
        ("[secrets]\nA = [\"sesame\"]\n", "tureen.toml:2:5: expected a table that says where"),
        ("[secrets]\nA = { file = 4711 }\n", "tureen.toml:2:"),
        ("[connection_strings]\nA = true\n", "tureen.toml:2:5: expected a table that says where"),
        ("[log]\nlevel = \"loud\"\n", "tureen.toml: log.level: expected off, error, warn, "),
        ("[log]\nlevel = \"info,a=[=\"\n", "tureen.toml: log.level: expected off, error, warn, "),
        (
            "[connection_strings]\nA = {}\n",
            "tureen.toml: connection_strings.A: expected either file or environment",
        ),
        (
            "[secrets]\nA = { file = \"x\" }\n[connection_strings]\na = { file = \"x\" }\n",
            "tureen.toml: globals.a: is the same name as A",
        ),
        ("[data_tables]\nA = \"x\"\na = \"y\"\n", "tureen.toml: data_tables.a: is the same name"),
        (
            "[data_tables]\n\"a.b\" = \"x\"\n",
            "tureen.toml: data_tables.\"a.b\": a name without a dot",
        ),
        ("[templates]\nencode = \"yes\"\n", "tureen.toml:2:10: unknown word `yes`"),
        (
            "[format_numbers]\nTextFormat = { 0 = \"LowerCase\" }\n",
            "tureen.toml: format_numbers.TextFormat.0: expected a whole number from 1",
        ),
        (
            "[format_numbers]\nEncoding = { 2 = \"LowerCase\" }\n",
            "tureen.toml: format_numbers.Encoding.2: expected one of HL7Encode, ",
        ),
        ("[format_numbers]\nCase = {}\n", "tureen.toml:2:1: unknown key \"Case\""),
        ("a = \n", "tureen.toml:1:5: "),
        ("[secrets]\nA = {}\n", "tureen.toml: secrets.A: expected either file or environment"),
        (
            "[secrets]\nA = { file = \"x\" }\n[globals]\na = \"2\"\n",
            "tureen.toml: globals.a: is the same name as A",
        ),
        ("[globals]\nA = \"1\"\na = \"2\"\n", "tureen.toml: globals.a: is the same name as A"),
        ("[http]\nhl7_content_type = \"\\n\"\n", "tureen.toml: http.hl7_content_type: is not"),
        ("[http]\nrest_filtered_status = 204\n", "tureen.toml:2:24: expected 200 or 422"),
        ("[http]\nrequest_headers = [\"a b\"]\n", "tureen.toml: http.request_headers: \"a b\" is"),
        (
            "[receivers.R]\nrequest_headers = [\"Authorization\"]\n",
            "tureen.toml: receivers.\"R\".request_headers: Authorization carries credentials",
        ),
        ("[http]\nhosts = [\"a:80\"]\n", "tureen.toml: http.hosts: \"a:80\" is not a host"),
        ("[receivers.R]\n[receivers.r]\n", "tureen.toml: receivers.r: is the same name as R"),
        (
            "[receivers.R]\nclient_revocation_lists = [\"a\"]\n",
            "tureen.toml: receivers.\"R\".client_revocation_lists: has no effect without",
        ),
        ("[proxies]\ntrusted = [\"10.0.0.0/99\"]\n", "tureen.toml:2:11: expected an address such"),
        ("[proxies]\nclient_address = \"forwarded\"\n", "tureen.toml: proxies: a header of"),
        (
            "[listen]\nproxy_protocol_ports = [1]\n",
            "tureen.toml: listen.proxy_protocol_ports: needs proxies.trusted",
        ),
        (
            "[acme.certificates.a]\nhosts = [\"a.example\"]\n",
            "tureen.toml: acme.agree_to_terms: must be true",
        ),
        (
            "[acme]\nagree_to_terms = true\n[acme.certificates.a]\n",
            "tureen.toml: acme.certificates.a.hosts: names no host",
        ),
    ];
    for (text, expected) in cases {
        let found = parse(text).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{text:?}: expected {expected:?}, found {found:?}");
        for secret in ["sesame", "4711"] {
            assert!(!found.contains(secret) || found.contains("path"), "{text:?}: {found:?}");
        }
    }
}

#[test]
fn settings_that_have_no_effect_are_warned_about() {
    let cases = [
        ("body_bytes = 9\nbody_bytes_in_flight = 8", "limits.body_bytes"),
        ("messages_in_flight_per_workflow = 64", "limits.messages_in_flight_per_workflow"),
        ("plugin_memory_bytes = 134217727", "limits.plugin_memory_bytes"),
        ("connections = 8\nconnections_per_peer = 9", "limits.connections_per_peer"),
        ("header_bytes = 1024\nurl_bytes = 1024", "limits.url_bytes"),
        ("body_timeout_seconds = 10", "limits.body_rate_grace_seconds"),
    ];
    for (text, key) in cases {
        let text = match text.contains("connections = 8") {
            true => format!("[limits]\n{text}\n"),
            false => format!("[limits]\nconnections = 1024\n{text}\n"),
        };
        let (_, warnings) = parse(&text).unwrap();
        let keys: Vec<_> = warnings.iter().map(|warning| warning.key.as_str()).collect();
        assert_eq!(keys, [key], "{text}");
    }
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let home = tempfile::tempdir().unwrap();
    let text = "#".repeat(FILE_BYTES_MAX as usize + 1);
    std::fs::write(home.path().join(FILE_NAME), text).unwrap();
    let error = ServerConfig::load(home.path()).unwrap_err();
    assert!(matches!(error, ConfigError::TooLong { found, .. } if found == FILE_BYTES_MAX + 1));
}

#[test]
fn a_receiver_is_found_by_its_workflows_name_in_any_case() {
    let text = "[receivers.\"Lab Résults\"]\nstatus_profile = \"rest\"\n";
    let (config, _) = parse(text).unwrap();
    for (workflow, expected) in [
        ("Lab Résults", StatusProfile::Rest),
        ("LAB RÉSULTS", StatusProfile::Rest),
        ("Lab Résult", StatusProfile::Hoh),
        ("", StatusProfile::Hoh),
    ] {
        assert_eq!(config.response_style(workflow).status_profile, expected, "{workflow}");
    }
}

#[test]
fn a_receiver_has_its_own_way_to_fill_templates_or_the_servers() {
    let text = "[templates]\nencode = \"by-format\"\n[receivers.Old]\nencode = \"as-written\"\n";
    let (config, _) = parse(text).unwrap();
    assert_eq!(config.encode("old"), Encode::AsWritten);
    assert_eq!(config.encode("New"), Encode::ByFormat);
    assert_eq!(ServerConfig::default().encode("New"), Encode::AsWritten);
}

#[test]
fn numbers_of_enumerations_have_the_operators_names() {
    let text = "[format_numbers]\nTextFormat = { 2 = \"UpperCase\", 10 = \"TitleCase\" }\n";
    let (config, _) = parse(text).unwrap();
    let numbers = &config.format_numbers;
    assert_eq!(numbers.name("textformat", "10"), Some("TitleCase"));
    assert_eq!(numbers.name("TextFormat", "1"), None);
    assert_eq!(numbers.name("Encoding", "2"), None);
    assert_eq!(numbers.name("Comparer", "2"), None);
    assert!(!numbers.is_empty() && FormatNumbers::default().is_empty());
}

#[test]
fn the_shipped_file_s_bindings_of_code_are_valid() {
    let (config, _) = parse(&example("# [[code]]").replace('…', &"a".repeat(64))).unwrap();
    assert_eq!(config.code.len(), 1);
    let component = DEFAULT_FILE.split("# [[code]]").nth(2).unwrap();
    for key in ["activity", "component"] {
        assert!(component.contains(&format!("# {key} = ")), "{key}");
    }
}

#[test]
fn a_binding_of_code_says_which_code_and_what_instead() {
    let digest = "0".repeat(64);
    let id = "d0000000-0000-4000-8000-000000000001";
    for (keys, words) in [
        (format!("sha256 = '{digest}'\ntransformer = 'T'"), None),
        (format!("sha256 = '{digest}'\ncomponent = 'T'"), None),
        (format!("activity = '{id}'\ncomponent = 'T'"), None),
        (format!("activity = '{id}'\nsha256 = '{digest}'\ncomponent = 'T'"), None),
        (format!("sha256 = '{digest}'"), Some("either transformer or component")),
        (
            format!("sha256 = '{digest}'\ntransformer = 'T'\ncomponent = 'T'"),
            Some("either transformer or component"),
        ),
        ("transformer = 'T'".to_owned(), Some("sha256")),
        (format!("activity = '{id}'\ntransformer = 'T'"), Some("an action has no id")),
        (
            format!("activity = '{id}'\nsha256 = '{digest}'\ntransformer = 'T'"),
            Some("an action has no id"),
        ),
        ("component = 'T'".to_owned(), Some("sha256, activity or both")),
        ("sha256 = '00'\ntransformer = 'T'".to_owned(), Some("64 hexadecimal digits")),
        ("activity = 'x'\ncomponent = 'T'".to_owned(), Some("a GUID")),
        ("activity = ''\ncomponent = 'T'".to_owned(), Some("a GUID")),
        (format!("sha256 = '{digest}'\ntransformer = ' '"), Some("installed plugin")),
    ] {
        let found = parse(&format!("[[code]]\n{keys}\n"));
        match words {
            None => assert_eq!(found.unwrap().0.code.len(), 1, "{keys}"),
            Some(words) => {
                let error = found.unwrap_err().to_string();
                assert!(
                    error.contains("code, table 1") && error.contains(words),
                    "{keys}: {error}"
                );
            }
        }
    }
}
