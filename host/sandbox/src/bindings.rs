//! The host side of `wit/`, generated. The three worlds share the imports of
//! the first, so that one implementation serves every kind of plugin.

#![allow(
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated code"
)]

pub(crate) mod transformer {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "transformer",
        imports: {
            "tureen:plugin/custom-transformers.transform": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: { "tureen:plugin/types.message": crate::guest::MessageHandle },
    });
}

/// What only plugins import that use the network.
pub(crate) mod network {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package tureen:network-host;
            world network-host {
                import tureen:plugin/http@0.1.0;
                import tureen:plugin/connections@0.1.0;
            }
        ",
        world: "tureen:network-host/network-host",
        imports: {
            "tureen:plugin/http.[method]request.send": async | trappable,
            "tureen:plugin/connections.[method]connector.connect": async | trappable,
            "tureen:plugin/connections.[method]connection.read": async | trappable,
            "tureen:plugin/connections.[method]connection.write": async | trappable,
            default: trappable,
        },
        require_store_data_send: true,
        with: {
            "tureen:plugin/types": crate::bindings::transformer::tureen::plugin::types,
            "tureen:plugin/http.request": crate::imports::network::RequestDraft,
            "tureen:plugin/http.response": crate::imports::network::Response,
            "tureen:plugin/connections.connector": crate::imports::network::Connector,
            "tureen:plugin/connections.connection": crate::imports::network::ConnectionHandle,
        },
    });
}

pub(crate) mod filter {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "filter",
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "tureen:plugin/types": crate::bindings::transformer::tureen::plugin::types,
            "tureen:plugin/hl7": crate::bindings::transformer::tureen::plugin::hl7,
            "tureen:plugin/messages": crate::bindings::transformer::tureen::plugin::messages,
            "tureen:plugin/variables": crate::bindings::transformer::tureen::plugin::variables,
            "tureen:plugin/templates": crate::bindings::transformer::tureen::plugin::templates,
            "tureen:plugin/tables": crate::bindings::transformer::tureen::plugin::tables,
            "tureen:plugin/parameters": crate::bindings::transformer::tureen::plugin::parameters,
            "tureen:plugin/custom-transformers": crate::bindings::transformer::tureen::plugin::custom_transformers,
            "tureen:plugin/log": crate::bindings::transformer::tureen::plugin::log,
            "tureen:plugin/notifications": crate::bindings::transformer::tureen::plugin::notifications,
            "tureen:plugin/call": crate::bindings::transformer::tureen::plugin::call,
            "tureen:plugin/configuring": crate::bindings::transformer::tureen::plugin::configuring,
        },
    });
}

pub(crate) mod activity {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "activity",
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "tureen:plugin/types": crate::bindings::transformer::tureen::plugin::types,
            "tureen:plugin/hl7": crate::bindings::transformer::tureen::plugin::hl7,
            "tureen:plugin/messages": crate::bindings::transformer::tureen::plugin::messages,
            "tureen:plugin/variables": crate::bindings::transformer::tureen::plugin::variables,
            "tureen:plugin/templates": crate::bindings::transformer::tureen::plugin::templates,
            "tureen:plugin/tables": crate::bindings::transformer::tureen::plugin::tables,
            "tureen:plugin/parameters": crate::bindings::transformer::tureen::plugin::parameters,
            "tureen:plugin/custom-transformers": crate::bindings::transformer::tureen::plugin::custom_transformers,
            "tureen:plugin/log": crate::bindings::transformer::tureen::plugin::log,
            "tureen:plugin/notifications": crate::bindings::transformer::tureen::plugin::notifications,
            "tureen:plugin/call": crate::bindings::transformer::tureen::plugin::call,
            "tureen:plugin/configuring": crate::bindings::transformer::tureen::plugin::configuring,
        },
    });
}

/// What a plugin imports by a world of its own, when it is granted.
pub(crate) mod secrets {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package tureen:granted;
            world granted-secrets { import tureen:plugin/secrets@0.1.0; }
        ",
        world: "tureen:granted/granted-secrets",
        imports: { default: trappable },
        require_store_data_send: true,
        with: { "tureen:plugin/types": crate::bindings::transformer::tureen::plugin::types },
    });
}
