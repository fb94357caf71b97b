//! What a component is made of, looked at before the compiler sees it.
//!
//! Knows: how much of each thing a file declares, and how much that may be; the
//! limits keep a small file from costing the compiler minutes and gigabytes.
//! Deliberately does not know: whether the file is valid (the compiler says that),
//! what its imports mean, what an instance may use.

use wasmparser::{
    ComponentTypeRef, FunctionBody, MemoryType, Parser, Payload, SectionLimited, TableType,
};

/// Interfaces and functions that a component and those nested in it import.
/// JavaScript and Python components with all of WASI have fewer than 50.
pub(crate) const COMPONENT_IMPORTS_MAX: usize = 1_000;

/// Imports of all core modules of a component together; a Python component's
/// libraries import some 10,000 from each other.
pub(crate) const MODULE_IMPORTS_MAX: usize = 50_000;

/// Functions of all modules. JavaScript engines have 20,000 to 40,000.
pub(crate) const FUNCTIONS_MAX: usize = 150_000;

/// Bytes of one function's code: compiling is slower than linear in them.
pub(crate) const FUNCTION_BYTES_MAX: usize = 2 << 20;

/// Local variables of one function.
pub(crate) const LOCALS_MAX: usize = 20_000;

/// Types, of modules and components, all together.
pub(crate) const TYPES_MAX: usize = 100_000;

/// Core modules and nested components.
pub(crate) const MODULES_MAX: usize = 200;

/// Exports, aliases, canonical functions, globals, segments: each kind.
pub(crate) const ITEMS_MAX: usize = 200_000;

/// Bytes that one linear memory may have from the start: what a slot of the
/// instance pool holds.
pub(crate) const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Elements that one table may have from the start.
pub(crate) const TABLE_ELEMENTS_MAX: u64 = 100_000;

/// Bytes of a page of linear memory.
const PAGE_BYTES: u64 = 64 << 10;

/// What of a component is too much, or that it cannot be read so far.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StructureError {
    #[error("it {what}: {found}, at most {allowed} are accepted")]
    TooMuch { what: &'static str, found: u64, allowed: u64 },
    #[error("{text} (at byte {offset})")]
    Unreadable { text: String, offset: usize },
}

/// Counts what a component declares.
///
/// # Errors
/// There is more of something than the compiler is to be given, or the file ends or
/// goes on in a way that no WebAssembly file does.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), StructureError> {
    let mut counts = Counts::default();
    for payload in Parser::new(0).parse_all(bytes) {
        counts.count(payload?)?;
    }
    Ok(())
}

impl From<wasmparser::BinaryReaderError> for StructureError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Unreadable { text: error.message().to_owned(), offset: error.offset() }
    }
}

#[derive(Default)]
struct Counts {
    component_imports: usize,
    module_imports: usize,
    functions: usize,
    types: usize,
    modules: usize,
    items: usize,
}

impl Counts {
    fn count(&mut self, payload: Payload<'_>) -> Result<(), StructureError> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                let what = "has too many modules and components inside";
                add(&mut self.modules, 1, what, MODULES_MAX)
            }
            Payload::ComponentImportSection(section) => {
                let what = "imports too much";
                add(&mut self.component_imports, count_of(&section), what, COMPONENT_IMPORTS_MAX)?;
                for import in section {
                    // An import that is a module is nothing that this host could give.
                    if let ComponentTypeRef::Module(_) = import?.ty {
                        let what = "imports core modules";
                        return too_much(what, 1, 0);
                    }
                }
                Ok(())
            }
            Payload::ImportSection(section) => {
                let what = "has modules that import too much";
                add(&mut self.module_imports, count_of(&section), what, MODULE_IMPORTS_MAX)
            }
            Payload::FunctionSection(section) => {
                let what = "has too many functions";
                add(&mut self.functions, count_of(&section), what, FUNCTIONS_MAX)
            }
            Payload::CodeSectionEntry(body) => judge_function(&body),
            Payload::MemorySection(section) => each(section, |memory| judge_memory(&memory)),
            Payload::TableSection(section) => each(section, |table| judge_table(&table.ty)),
            Payload::TypeSection(section) => self.add_types(count_of(&section)),
            Payload::CoreTypeSection(section) => self.add_types(count_of(&section)),
            Payload::ComponentTypeSection(section) => self.add_types(count_of(&section)),
            Payload::ExportSection(section) => self.add_items(count_of(&section)),
            Payload::GlobalSection(section) => self.add_items(count_of(&section)),
            Payload::ElementSection(section) => self.add_items(count_of(&section)),
            Payload::DataSection(section) => self.add_items(count_of(&section)),
            Payload::InstanceSection(section) => self.add_items(count_of(&section)),
            Payload::ComponentInstanceSection(section) => self.add_items(count_of(&section)),
            Payload::ComponentAliasSection(section) => self.add_items(count_of(&section)),
            Payload::ComponentCanonicalSection(section) => self.add_items(count_of(&section)),
            Payload::ComponentExportSection(section) => self.add_items(count_of(&section)),
            _ => Ok(()),
        }
    }

    fn add_types(&mut self, count: usize) -> Result<(), StructureError> {
        add(&mut self.types, count, "declares too many types", TYPES_MAX)
    }

    fn add_items(&mut self, count: usize) -> Result<(), StructureError> {
        let what = "declares too many exports, globals, segments and instances";
        add(&mut self.items, count, what, ITEMS_MAX)
    }
}

fn judge_function(body: &FunctionBody<'_>) -> Result<(), StructureError> {
    let bytes = body.range().len();
    if bytes > FUNCTION_BYTES_MAX {
        return too_much("has a function that is too long, in bytes", bytes, FUNCTION_BYTES_MAX);
    }
    let mut locals = 0_u64;
    for group in body.get_locals_reader()? {
        locals = locals.saturating_add(u64::from(group?.0));
    }
    if locals > LOCALS_MAX as u64 {
        let (what, allowed) = ("has a function with too many locals", LOCALS_MAX as u64);
        return Err(StructureError::TooMuch { what, found: locals, allowed });
    }
    Ok(())
}

fn judge_memory(memory: &MemoryType) -> Result<(), StructureError> {
    let (found, allowed) = (memory.initial.saturating_mul(PAGE_BYTES), MEMORY_BYTES_MAX);
    if found > allowed {
        let what = "declares a memory that is too large, in bytes";
        return Err(StructureError::TooMuch { what, found, allowed });
    }
    Ok(())
}

fn judge_table(table: &TableType) -> Result<(), StructureError> {
    let (found, allowed) = (table.initial, TABLE_ELEMENTS_MAX);
    if found > allowed {
        let what = "declares a table that is too large, in elements";
        return Err(StructureError::TooMuch { what, found, allowed });
    }
    Ok(())
}

fn each<'a, T: wasmparser::FromReader<'a>>(
    section: SectionLimited<'a, T>,
    judge: impl Fn(T) -> Result<(), StructureError>,
) -> Result<(), StructureError> {
    for item in section {
        judge(item?)?;
    }
    Ok(())
}

fn count_of<'a, T>(section: &SectionLimited<'a, T>) -> usize {
    section.count() as usize
}

fn add(
    sum: &mut usize,
    count: usize,
    what: &'static str,
    allowed: usize,
) -> Result<(), StructureError> {
    *sum = sum.saturating_add(count);
    if *sum > allowed {
        return too_much(what, *sum, allowed);
    }
    Ok(())
}

fn too_much(what: &'static str, found: usize, allowed: usize) -> Result<(), StructureError> {
    Err(StructureError::TooMuch { what, found: found as u64, allowed: allowed as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn leb(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(value & 0x7f).unwrap();
            value >>= 7;
            if value == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [vec![id], leb(content.len()), content.to_vec()].concat()
    }

    /// A section of so many equal items.
    fn items(id: u8, count: usize, item: &[u8]) -> Vec<u8> {
        section(id, &[leb(count), item.repeat(count)].concat())
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [COMPONENT.to_vec(), sections.concat()].concat()
    }

    fn module(sections: &[Vec<u8>]) -> Vec<u8> {
        component(&[section(1, &[MODULE.to_vec(), sections.concat()].concat())])
    }

    fn code(body: &[u8]) -> Vec<u8> {
        section(10, &[leb(1), leb(body.len()), body.to_vec()].concat())
    }

    fn ordinary() -> Vec<u8> {
        let function = [leb(1), leb(5), vec![0x7f, 0x0b]].concat();
        module(&[
            items(1, 1, &[0x60, 0, 0]),
            items(3, 1, &[0]),
            items(4, 1, &[0x70, 0, 5]),
            items(5, 1, &[0, 17]),
            code(&function),
        ])
    }

    #[test]
    fn what_would_cost_the_compiler_too_much_is_refused_before() {
        assert_eq!(judge(&ordinary()), Ok(()));
        let long = vec![1; FUNCTION_BYTES_MAX + 1];
        let locals = [leb(1), leb(LOCALS_MAX + 1), vec![0x7f, 0x0b]].concat();
        let import = [0, 1, b'a', 1, 0];
        let cases = [
            (component(&[items(10, 1_001, &import)]), "imports too much: 1001, at most 1000"),
            (component(&[items(10, 1, &[0, 1, b'a', 0, 0x11, 0])]), "imports core modules"),
            (module(&[items(5, 1, &[&[0][..], &leb(65_536)].concat())]), "in bytes: 4294967296"),
            (module(&[items(4, 1, &[&[0x70, 0][..], &leb(100_001)].concat())]), "elements: 100001"),
            (module(&[items(3, FUNCTIONS_MAX + 1, &[0])]), "too many functions: 150001"),
            (module(&[items(3, 1, &[0]), code(&locals)]), "too many locals: 20001"),
            (module(&[items(3, 1, &[0]), code(&long)]), "too long, in bytes"),
            (component(&vec![section(1, MODULE); MODULES_MAX + 1]), "components inside: 201"),
            (module(&[items(1, TYPES_MAX + 1, &[0x60, 0, 0])]), "too many types"),
            (module(&[items(6, ITEMS_MAX + 1, &[0x7f, 0, 0x41, 0, 0x0b])]), "globals"),
        ];
        for (bytes, expected) in cases {
            let error = judge(&bytes).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_says_where() {
        let bytes = ordinary();
        let (mut broken, mut whole) = (0, 0);
        for length in 8..bytes.len() {
            match judge(&bytes[..length]) {
                Err(StructureError::Unreadable { .. }) => broken += 1,
                // Where a section ends: it is left to the compiler.
                Ok(()) => whole += 1,
                found => panic!("{length}: {found:?}"),
            }
        }
        assert!(whole <= 8, "{whole} of {}", bytes.len());
        assert_eq!(broken, bytes.len() - 8 - whole);
    }
}
