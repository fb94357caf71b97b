//! Transformers made by hand: a core module whose functions a test writes, wrapped
//! into a component of the contract. What no compiler would make can be made so.

use std::fmt::Write as _;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const TRANSFORMER: &str = "include tureen:plugin/transformer@0.1.0;";

/// Where the module's texts begin; below are the places that functions answer with.
const TEXTS: usize = 4_096;

/// Where `transform` answers: all zeros there are `ok`. A test's own functions may
/// write here.
pub(super) const ANSWER: usize = 1_024;

/// A module in the making. Everything is as it should be until a test changes it.
pub(super) struct Handmade {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) handles: Vec<String>,
    /// What the world includes, imports and exports.
    pub(super) world: String,
    /// Further fields of the module, imports first.
    pub(super) imports: String,
    pub(super) fields: String,
    /// The body of `transform`, which has the message's handle as `$target`.
    pub(super) transform: String,
    /// The body of `configure`.
    pub(super) configure: String,
    /// The body of the function that gives the name.
    pub(super) tell_name: String,
    /// The body of `cabi_realloc`, which has `$old`, `$old_size`, `$align`, `$size`.
    pub(super) realloc: String,
    /// Of the first memory, besides what the texts need.
    pub(super) pages: usize,
}

impl Handmade {
    /// A transformer of the type `Test.<name>`.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            handles: vec![format!("Test.{name}")],
            world: TRANSFORMER.to_owned(),
            imports: String::new(),
            fields: String::new(),
            transform: drop_target_and(&format!("(i32.const {ANSWER})")),
            configure: "(i32.const 512)".to_owned(),
            tell_name: "(i32.const 256)".to_owned(),
            realloc: BUMP.to_owned(),
            pages: 2,
        }
    }

    pub(super) fn transforming(mut self, body: &str) -> Self {
        self.transform = body.to_owned();
        self
    }

    pub(super) fn importing(mut self, imports: &str) -> Self {
        self.imports = imports.to_owned();
        self
    }

    pub(super) fn with(mut self, fields: &str) -> Self {
        self.fields = fields.to_owned();
        self
    }

    /// Also includes, imports or exports so.
    pub(super) fn of_world(mut self, world: &str) -> Self {
        self.world = world.to_owned();
        self
    }

    /// The component.
    pub(super) fn build(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.module()).unwrap_or_else(|it| panic!("{it}"));
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        resolve.push_path(wit).unwrap();
        let world = format!(
            "package acme:handmade;\ninterface unknown {{ reach: func(); }}\n\
             world handmade {{ {} }}\n",
            self.world
        );
        let package = resolve.push_str("handmade.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("handmade")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        let encoder = ComponentEncoder::default().module(&module).unwrap().validate(true);
        { encoder }.encode().unwrap_or_else(|error| panic!("{}: {error:?}", self.name))
    }

    fn module(&self) -> String {
        let mut data = Data::default();
        let name = data.text(&self.name);
        let version = data.text(&self.version);
        let summary = data.text("Made by hand");
        let handles: Vec<_> = self.handles.iter().map(|handled| data.text(handled)).collect();
        let list = data.words(handles.iter().flat_map(|(at, length)| [*at, *length]));
        let mut places = String::new();
        let told = [(256, name), (264, version), (272, summary), (280, (list, handles.len()))];
        for (place, (at, length)) in told {
            let text = escaped(&[word(at), word(length)].concat());
            writeln!(places, "(data (i32.const {place}) \"{text}\")").unwrap();
        }
        let pages = data.bytes.len() / 65_536 + 1 + self.pages;
        let heap = (TEXTS + data.bytes.len()).next_multiple_of(4_096);
        format!(
            r#"(module
  (import "tureen:plugin/types@0.1.0" "[resource-drop]message" (func $drop (param i32)))
  {imports}
  (memory (export "memory") {pages})
  (global $heap (mut i32) (i32.const {heap}))
  {places}
  (data (i32.const {TEXTS}) "{texts}")
  (func (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    {realloc})
  (func (export "tureen:plugin/identity@0.1.0#name") (result i32) {tell_name})
  (func (export "tureen:plugin/identity@0.1.0#version") (result i32) (i32.const 264))
  (func (export "tureen:plugin/identity@0.1.0#summary") (result i32) (i32.const 272))
  (func (export "tureen:plugin/identity@0.1.0#handles") (result i32) (i32.const 280))
  (func (export "configure") (param i32 i32 i32 i32 i32 i32) (result i32) {configure})
  (func (export "tureen:plugin/transformer-step@0.1.0#transform")
    (param $target i32) (result i32) {transform})
  {fields}
)"#,
            imports = self.imports,
            texts = escaped(&data.bytes),
            realloc = self.realloc,
            tell_name = self.tell_name,
            configure = self.configure,
            transform = self.transform,
            fields = self.fields,
        )
    }
}

/// Gives memory from the end of the heap, and never takes it back.
const BUMP: &str = "
    (local $at i32)
    (local.set $at (i32.and
        (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (br_if $enough (i32.le_u
        (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.const 1)
        (i32.div_u (local.get $size) (i32.const 65536))))))
    (local.get $at)";

/// A body that gives the target's handle back before it goes on.
pub(super) fn drop_target_and(body: &str) -> String {
    format!("(call $drop (local.get $target)) {body}")
}

/// The texts of a module.
#[derive(Default)]
struct Data {
    bytes: Vec<u8>,
}

impl Data {
    fn text(&mut self, text: &str) -> (usize, usize) {
        let at = TEXTS + self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        (at, text.len())
    }

    fn words(&mut self, words: impl Iterator<Item = usize>) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let at = TEXTS + self.bytes.len();
        for value in words {
            self.bytes.extend_from_slice(&word(value));
        }
        at
    }
}

pub(super) fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

/// Bytes as a text of WAT has them.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        write!(text, "\\{byte:02x}").unwrap();
    }
    text
}

/// The same component with so many core instances of an empty module in it besides.
pub(super) fn with_instances(component: &[u8], count: u32) -> Vec<u8> {
    const MODULE: u8 = 1;
    const INSTANCE: u8 = 2;
    let modules = sections(component).filter(|id| *id == MODULE).count();
    let mut bytes = component.to_vec();
    section(&mut bytes, MODULE, b"\0asm\x01\0\0\0");
    let mut instances = Vec::new();
    leb(&mut instances, count);
    for _ in 0..count {
        instances.push(0);
        leb(&mut instances, u32::try_from(modules).unwrap());
        leb(&mut instances, 0);
    }
    section(&mut bytes, INSTANCE, &instances);
    bytes
}

fn sections(component: &[u8]) -> impl Iterator<Item = u8> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let id = *component.get(at)?;
        at += 1;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = component[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at += length;
        Some(id)
    })
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    leb(bytes, u32::try_from(content.len()).unwrap());
    bytes.extend_from_slice(content);
}

fn leb(bytes: &mut Vec<u8>, mut value: u32) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}
