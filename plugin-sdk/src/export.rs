//! What the export macros expand to: an author names a type, and it becomes a
//! component. Nothing here is for use by hand.

/// Makes a component of a [`Filter`](crate::Filter).
///
/// `handles` lists the setting classes that it implements, without an assembly
/// name. Name, version and description of the crate become the plugin's own.
///
/// ```
/// use tureen_plugin_sdk::prelude::*;
///
/// #[derive(Default)]
/// struct AdultsOnly;
///
/// impl Filter for AdultsOnly {
///     fn decide(&self, context: &Context, message: &Message) -> Result<Verdict, StepError> {
///         let year: u32 = context.expand("${CurrentDateTime:yyyy}")?.parse().unwrap_or(0);
///         let born = message.text("PID-7")?.get(..4).and_then(|year| year.parse().ok());
///         match born {
///             Some(born) if year.saturating_sub(born) > 18 => Ok(Verdict::Pass),
///             Some(_) => Ok(Verdict::Stop("PID-7 is not more than 18 years ago".into())),
///             None => Err(StepError::rejected("acme.birth", "PID-7 does not hold a year")),
///         }
///     }
/// }
///
/// tureen_plugin_sdk::filter!(AdultsOnly, handles = ["Acme.AdultsOnly"]);
/// ```
#[macro_export]
macro_rules! filter {
    ($step:ty, handles = [$($class:expr),+ $(,)?] $(,)?) => {
        $crate::__export!(filter, $step, [$($class),+]);
    };
}

/// Makes a component of a [`Transformer`](crate::Transformer).
///
/// `handles` lists the setting classes or the custom transformer types that it
/// implements, without an assembly name.
///
/// ```
/// use tureen_plugin_sdk::prelude::*;
///
/// #[derive(Default)]
/// struct Shout;
///
/// impl Transformer for Shout {
///     fn transform(&self, _context: &Context, message: &mut Message) -> Result<(), StepError> {
///         let name = message.text("PID-5.1")?;
///         message.set("PID-5.1", &name.to_uppercase())?;
///         Ok(())
///     }
/// }
///
/// tureen_plugin_sdk::transformer!(Shout, handles = ["Acme.Shout"]);
/// ```
#[macro_export]
macro_rules! transformer {
    ($step:ty, handles = [$($class:expr),+ $(,)?] $(,)?) => {
        $crate::__export!(transformer, $step, [$($class),+]);
    };
}

/// Makes a component of an [`Activity`](crate::Activity).
///
/// `handles` lists the setting classes or activity types that it implements,
/// without an assembly name.
///
/// ```
/// use tureen_plugin_sdk::prelude::*;
///
/// struct Count { name: String, messages: u64 }
///
/// impl Configure for Count {
///     fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
///         let name = settings.text("Name")?.unwrap_or_default();
///         Ok(Self { name, messages: 0 })
///     }
/// }
///
/// impl Activity for Count {
///     fn process(
///         &mut self,
///         context: &Context,
///         _message: &Message,
///     ) -> Result<Option<Message>, StepError> {
///         self.messages += 1;
///         context.set_variable(&self.name, &self.messages.to_string())?;
///         Ok(None)
///     }
/// }
///
/// tureen_plugin_sdk::activity!(Count, handles = ["Acme.Count"]);
/// ```
#[macro_export]
macro_rules! activity {
    ($step:ty, handles = [$($class:expr),+ $(,)?] $(,)?) => {
        $crate::__export!(activity, $step, [$($class),+]);
    };
}

/// The part that all kinds share. A native build, for tests, only checks that
/// the type is a step of its kind.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($kind:ident, $step:ty, [$($class:expr),+]) => {
        const _: () = {
            $crate::__check_kind!($kind, $step);

            #[cfg(target_family = "wasm")]
            mod component {
                use super::*;
                use $crate::export as tureen;

                ::std::thread_local! {
                    static STEP: ::core::cell::RefCell<::core::option::Option<$step>> =
                        const { ::core::cell::RefCell::new(::core::option::Option::None) };
                }

                struct Component;

                impl tureen::Step for Component {
                    type Type = $step;
                    const NAME: &str = ::core::env!("CARGO_PKG_NAME");
                    const VERSION: &str = ::core::env!("CARGO_PKG_VERSION");
                    const SUMMARY: &str = ::core::env!("CARGO_PKG_DESCRIPTION");
                    const HANDLES: &[&str] = &[$($class),+];

                    fn slot() -> &'static ::std::thread::LocalKey<
                        ::core::cell::RefCell<::core::option::Option<$step>>,
                    > {
                        &STEP
                    }
                }

                type Exported = tureen::Exported<Component>;

                tureen::base::export_base!(Exported with_types_in $crate::export::base);
                $crate::__export_kind!($kind);
            }
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __check_kind {
    (filter, $step:ty) => {
        const fn check<T: $crate::Filter>() {}
        check::<$step>();
    };
    (transformer, $step:ty) => {
        const fn check<T: $crate::Transformer>() {}
        check::<$step>();
    };
    (activity, $step:ty) => {
        const fn check<T: $crate::Activity>() {}
        check::<$step>();
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_kind {
    (filter) => {
        $crate::export::filter::export_filter!(
            Exported with_types_in $crate::export::filter
        );
    };
    (transformer) => {
        $crate::export::transformer::export_transformer!(
            Exported with_types_in $crate::export::transformer
        );
    };
    (activity) => {
        $crate::export::activity::export_activity!(
            Exported with_types_in $crate::export::activity
        );
    };
}

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
pub use crate::bindings::{activity, base, filter, transformer};
#[cfg(target_family = "wasm")]
pub use component::{Exported, Step};
#[cfg(target_family = "wasm")]
pub use wit_bindgen::rt as runtime;
