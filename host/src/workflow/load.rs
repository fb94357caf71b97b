//! (in progress)
use super::definition::Loaded;
use super::document::{DEPTH_MAX, Document};
use std::path::Path;

/// Reads a workflow file's bytes.
pub fn load(file: &Path, bytes: Vec<u8>) -> Loaded {
    match Document::parse(bytes, DEPTH_MAX) {
        Ok(document) => Loaded { definition: None, diagnostics: document.warnings().to_vec() },
        Err(diagnostic) => Loaded { definition: None, diagnostics: vec![diagnostic.in_file(file)] },
    }
}
