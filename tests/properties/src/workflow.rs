//! Workflow files: any bytes load or are told what is wrong with them.

use std::path::Path;

use tureen::diagnostics::Severity;
use tureen::workflow::load;
use tureen::workflow::purpose::Purpose;

pub(crate) fn workflow(data: &[u8]) {
    for purpose in [Purpose::Serve, Purpose::Test] {
        let loaded = load::load(Path::new("any.hl7Workflow"), data.to_vec(), purpose);
        if loaded.definition.is_none() {
            let errors = loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error);
            assert!(errors.count() > 0, "a file that does not load says why");
        }
        for diagnostic in &loaded.diagnostics {
            let _ = diagnostic.to_string();
        }
    }
}
