//! What wit-bindgen makes of `wit/`: only for wasm, only used by `wasm` and by
//! the export macros.
//!
//! The contract's worlds differ in one exported interface, so the part that
//! they share is generated once, from `base`, and each step's interface from a
//! world that holds it alone. Linking a component unites the two that an export
//! macro names: together they are one of the contract's three worlds.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::restriction,
    reason = "generated: the canonical ABI passes raw pointers"
)]

/// Everything a step imports, and the exports that every kind has.
pub mod base {
    wit_bindgen::generate!({
        path: "../wit",
        world: "base",
        runtime_path: "::tureen_plugin_sdk::export::runtime",
        export_macro_name: "export_base",
        pub_export_macro: true,
        default_bindings_module: "::tureen_plugin_sdk::export::base",
        generate_all,
    });
}

/// The filter's own export.
pub mod filter {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tureen:filter-export;
            world filter-export { export tureen:plugin/filter-step@0.1.0; }
        ",
        world: "tureen:filter-export/filter-export",
        runtime_path: "::tureen_plugin_sdk::export::runtime",
        export_macro_name: "export_filter",
        pub_export_macro: true,
        default_bindings_module: "::tureen_plugin_sdk::export::filter",
        with: {
            "tureen:plugin/types@0.1.0": crate::bindings::base::tureen::plugin::types,
            "tureen:plugin/types@0.1.0/message": crate::Message,
            "tureen:plugin/filter-step@0.1.0": generate,
        },
    });
}

/// The transformer's own export.
pub mod transformer {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tureen:transformer-export;
            world transformer-export { export tureen:plugin/transformer-step@0.1.0; }
        ",
        world: "tureen:transformer-export/transformer-export",
        runtime_path: "::tureen_plugin_sdk::export::runtime",
        export_macro_name: "export_transformer",
        pub_export_macro: true,
        default_bindings_module: "::tureen_plugin_sdk::export::transformer",
        with: {
            "tureen:plugin/types@0.1.0": crate::bindings::base::tureen::plugin::types,
            "tureen:plugin/types@0.1.0/message": crate::Message,
            "tureen:plugin/transformer-step@0.1.0": generate,
        },
    });
}

/// The activity's own export.
pub mod activity {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tureen:activity-export;
            world activity-export { export tureen:plugin/activity-step@0.1.0; }
        ",
        world: "tureen:activity-export/activity-export",
        runtime_path: "::tureen_plugin_sdk::export::runtime",
        export_macro_name: "export_activity",
        pub_export_macro: true,
        default_bindings_module: "::tureen_plugin_sdk::export::activity",
        with: {
            "tureen:plugin/types@0.1.0": crate::bindings::base::tureen::plugin::types,
            "tureen:plugin/types@0.1.0/message": crate::Message,
            "tureen:plugin/activity-step@0.1.0": generate,
        },
    });
}

/// Secrets: of no world of the contract, so that only a plugin that reads one
/// asks for them. An import that is not called is not in the component.
pub mod secrets {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tureen:secrets-import;
            world secrets-import { import tureen:plugin/secrets@0.1.0; }
        ",
        world: "tureen:secrets-import/secrets-import",
        runtime_path: "::tureen_plugin_sdk::export::runtime",
        default_bindings_module: "::tureen_plugin_sdk::export::secrets",
        with: {
            "tureen:plugin/types@0.1.0": crate::bindings::base::tureen::plugin::types,
            "tureen:plugin/types@0.1.0/message": crate::Message,
            "tureen:plugin/secrets@0.1.0": generate,
        },
    });
}

/// What only plugins import that use the network: what is not called is not in
/// the component.
pub mod network {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package tureen:network-import;
            world network-import {
                import tureen:plugin/http@0.1.0;
                import tureen:plugin/connections@0.1.0;
            }
        ",
        world: "tureen:network-import/network-import",
        runtime_path: "::tureen_plugin_sdk::export::runtime",
        with: {
            "tureen:plugin/types@0.1.0": crate::bindings::base::tureen::plugin::types,
            "tureen:plugin/types@0.1.0/message": crate::Message,
            "tureen:plugin/http@0.1.0": generate,
            "tureen:plugin/connections@0.1.0": generate,
        },
    });
}
