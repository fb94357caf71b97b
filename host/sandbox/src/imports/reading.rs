//! The host calls that steps make most, `text` and `get`, without copying the
//! path: it is read where the guest has it.
//!
//! They take the place of the generated ones in a linker, and mean the same.

use tureen_message::{Message, Path, Value};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmStr};

use super::{Answer, Handle, message_of};
use crate::bindings::transformer::tureen::plugin::types;
use crate::guest::{self, Guest};

/// The interface as the contract's first version names it; the linker finds it
/// for later patch versions, too.
const TYPES: &str = "tureen:plugin/types@0.1.0";

type Store<'a> = StoreContextMut<'a, Guest>;

/// Puts them into a linker that has the generated ones.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]message.text",
        |store: Store<'_>, (of, path): (Handle, WasmStr)| {
            let read = |message: &Message, path: &Path| message.text(path).into_owned();
            Ok((read_at(store, &of, &path, String::new(), read)?,))
        },
    )?;
    types.func_wrap("[method]message.get", |store: Store<'_>, (of, path): (Handle, WasmStr)| {
        Ok((read_at(store, &of, &path, types::Value::Absent, value)?,))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Reads a message with a path that is still in the guest's memory.
fn read_at<T>(
    mut store: Store<'_>,
    of: &Handle,
    path: &WasmStr,
    absent: T,
    read: impl FnOnce(&Message, &Path) -> T,
) -> Answer<T> {
    let guest = store.data_mut();
    guest.enter()?;
    // Out for a moment: the text of the path borrows the whole store.
    let mut paths = std::mem::take(&mut guest.paths);
    let text = path.to_str(&store)?;
    let guest = store.data();
    let call = guest.call.as_ref().ok_or_else(guest::outside_a_call)?;
    let answer = match message_of(call, guest.table.get(of)?) {
        None => Ok(absent),
        Some(message) => paths.path(message.format(), &text).and_then(|path| {
            message.prepare(path)?;
            Ok(read(message, path))
        }),
    };
    drop(text);
    store.data_mut().paths = paths;
    Ok(answer.map_err(Into::into))
}

/// What stands at a place, told apart.
pub(super) fn value(message: &Message, path: &Path) -> types::Value {
    match message.get(path) {
        Value::Absent => types::Value::Absent,
        Value::Empty => types::Value::Empty,
        Value::Null => types::Value::Null,
        Value::Text(text) => types::Value::Text(text.into_owned()),
    }
}
