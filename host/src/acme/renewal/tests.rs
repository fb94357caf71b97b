use super::super::Challenge;
use super::super::error::Refusal;
use super::super::store::Leaf;
use super::*;

const URL: &str = "https://ca.example/directory";

fn settings(renew_before_days: u16) -> Settings {
    Settings {
        directory_url: URL.into(),
        contact: Vec::new(),
        agree_to_terms: true,
        extra_roots: None,
        external_account: None,
        challenge: Challenge::Http01,
        http_address: "127.0.0.1:80".parse().unwrap(),
        certificates: Vec::new(),
        renew_before_days,
        profile: None,
    }
}

fn hosts(names: &[&str]) -> Vec<Host> {
    names.iter().map(|name| Host::parse(name).unwrap()).collect()
}

fn present(names: &[&str], life_hours: i64, left_hours: i64, now: Timestamp) -> Present {
    let not_after = now + SignedDuration::from_hours(left_hours);
    let not_before = not_after - SignedDuration::from_hours(life_hours);
    let hosts = hosts(names).into_iter().collect();
    let certificate = vec![0x30, 0].into();
    let leaf = Leaf { certificate, hosts, not_before, not_after };
    Present { leaf, directory_url: Some(URL.into()) }
}

#[test]
fn a_certificate_is_due_in_time_and_not_before() {
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let day = 24;
    // Days of renewal, hours of life, hours left, whether it is due.
    let cases = [
        (30, 90 * day, 31 * day, false),
        (30, 90 * day, 30 * day, false),
        (30, 90 * day, 30 * day - 1, true),
        (30, 90 * day, -1, true),
        // The operator wants it later than a third of its life.
        (7, 90 * day, 8 * day, false),
        (7, 90 * day, 7 * day - 1, true),
        // A short life: a third of it, or it would be renewed at each look.
        (30, 6 * day, 3 * day, false),
        (30, 6 * day, 2 * day - 1, true),
    ];
    for (renew_before_days, life, left, expected) in cases {
        let present = present(&["a.example"], life, left, now);
        let due = due(Some(&present), &hosts(&["a.example"]), &settings(renew_before_days), now);
        let expires = Due::Expires { at: present.leaf.not_after };
        assert_eq!(due, expected.then_some(expires), "{renew_before_days} {life} {left}");
    }
}

#[test]
fn a_certificate_that_is_not_what_was_asked_for_is_due() {
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let wanted = hosts(&["b.example", "a.example"]);
    let settings = settings(30);
    assert_eq!(due(None, &wanted, &settings, now), Some(Due::Missing));
    let fresh = |names: &[&str]| present(names, 2160, 2000, now);
    let cases: [(&[&str], Option<Due>); 4] = [
        (&["a.example", "b.example"], None),
        (&["a.example"], Some(Due::OtherHosts)),
        (&["a.example", "b.example", "c.example"], Some(Due::OtherHosts)),
        (&["a.example", "192.0.2.7"], Some(Due::OtherHosts)),
    ];
    for (names, expected) in cases {
        assert_eq!(due(Some(&fresh(names)), &wanted, &settings, now), expected, "{names:?}");
    }
    for directory_url in [None, Some("https://staging.example/directory".to_owned())] {
        let other = Present { directory_url, ..fresh(&["a.example", "b.example"]) };
        assert_eq!(due(Some(&other), &wanted, &settings, now), Some(Due::OtherAuthority));
    }
}

fn refused(retry_after: Option<u64>) -> AcmeError {
    let refusal = Refusal {
        problem_type: "rateLimited".into(),
        detail: "too many certificates".into(),
        retry_after: retry_after.map(Duration::from_secs),
    };
    AcmeError::Refused { doing: "the order", refusal }
}

#[test]
fn pauses_double_up_to_an_hour_and_honour_the_authority() {
    let middle = 128;
    let around = |pause: Duration| (pause.as_secs_f64() / 60.0).round() as u64;
    let doubling =
        [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (u32::MAX, 60)];
    for (failures, minutes) in doubling {
        assert_eq!(around(pause_after(&refused(None), failures, middle)), minutes, "{failures}");
    }
    // Longer than the pause, and shorter.
    let long = pause_after(&refused(Some(86_400)), 1, middle);
    assert_eq!(long, Duration::from_secs(86_400));
    assert_eq!(around(pause_after(&refused(Some(5)), 3, middle)), 4);
    for random in [0, 128, 255] {
        let pause = jittered(Duration::from_secs(1000), random).as_secs_f64();
        assert!((899.9..=1100.1).contains(&pause), "{random}: {pause}");
    }
    assert!(jittered(LOOKED_AT_EVERY, 0) < jittered(LOOKED_AT_EVERY, 255));
}
