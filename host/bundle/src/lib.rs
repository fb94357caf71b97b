//! The standard plugins, as components, embedded in the program.
//!
//! They are built from `plugins/` by this crate's build script, with the SDK
//! that any author uses; nothing prebuilt is committed. They are loaded and
//! sandboxed like any third party's: being built in gives them no rights.

//!
//! Beside them, as text, is what an author's project carries to build such a
//! component ([`sdk`]).

pub mod sdk;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// One embedded component.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// The folder's name under `plugins/`.
    pub name: &'static str,
    /// The component.
    pub component: &'static [u8],
}

/// All of them, by name.
pub fn bundled() -> &'static [Bundled] {
    BUNDLED
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_standard_plugin_is_a_component() {
        let names: Vec<&str> = super::bundled().iter().map(|it| it.name).collect();
        let expected =
            ["deidentify", "file-writer", "filter", "http-sender", "mllp-sender", "transformer"];
        assert_eq!(names, expected);
        for plugin in super::bundled() {
            assert!(plugin.component.starts_with(b"\0asm\x0d\0\x01\0"), "{}", plugin.name);
        }
    }
}
