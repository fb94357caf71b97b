use super::*;

#[test]
fn brackets_that_do_not_match_are_a_slip() {
    for path in ["PID-3[1", "PID-3]", "PID-3[]", "PID-3[[1]]", "A[1]/B["] {
        assert!(path_slip(path).is_some(), "{path}");
    }
    for path in [
        "",
        "PID-3",
        "PID-3[2].1",
        "A/B[1]/C[2]",
        "[0]",
        "newtonsoft:$..[?(@.a[0])]",
        "A[${n}]",
        "declare namespace p = 'u[';  xpath://p:a[b[1]]",
    ] {
        assert_eq!(path_slip(path), None, "{path}");
    }
}
