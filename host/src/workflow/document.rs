//! A workflow file's bytes as a JSON tree that knows where everything stands.
//!
//! Stage: bytes → **document** → definition. Knows: UTF-8, JSON and the two
//! habits of the program that saves such files (repeated properties, wrapped
//! collections). Deliberately does not know: what any property means.
//!
//! # Invariants
//! - The tree is normalised: of a repeated property the last counts, a
//!   `{"$type": …, "$values": […]}` wrapper is its array, nulls are not there.
//!   Pointers everywhere address this tree.
//! - Nothing is parsed that is nested deeper than the limit, so that no
//!   function that walks the tree can exhaust the stack.

mod lines;
mod syntax;
mod tree;

use std::fmt;

use sha2::{Digest, Sha256};

use self::lines::Lines;
pub(super) use self::syntax::empty_file;
use self::tree::Notes;
pub use self::tree::{Kind, Member, Node};
use crate::diagnostics::{Diagnostic, Position, codes};

/// How deep objects and arrays may be nested in a workflow file. The deepest
/// known file reaches 8.
pub const DEPTH_MAX: usize = 128;

/// A parsed workflow file. Its `Debug` shows only the size, since files hold
/// passwords.
pub struct Document {
    root: Node,
    lines: Lines,
    digest: [u8; 32],
    warnings: Vec<Diagnostic>,
}

impl Document {
    /// Parses a file's bytes. A byte order mark and any line ends are accepted.
    ///
    /// # Errors
    /// One diagnostic, without the file's name: nothing in it (`WF002`), NUL
    /// bytes (`WF005`), not UTF-8 (`WF006`), not JSON (`WF007`), nested deeper
    /// than `depth_max` (`WF008`), a number that no computer holds (`WF016`).
    pub fn parse(bytes: Vec<u8>, depth_max: usize) -> Result<Self, Box<Diagnostic>> {
        let digest = Sha256::digest(&bytes).into();
        let text = syntax::text_of(bytes)?;
        let lines = Lines::new(&text);
        syntax::check_depth(&text, &lines, depth_max)?;
        let parsed = syntax::parse(&text, &lines)?;
        let mut notes = Notes::default();
        let root = Node::build(&parsed, &mut notes);
        if let Some(offset) = notes.endless_number() {
            return Err(Box::new(
                Diagnostic::new(
                    codes::OUT_OF_RANGE,
                    "a number is larger than any that can be kept",
                )
                .at(Some(lines.position(&text, offset))),
            ));
        }
        let warnings = notes.into_warnings(|offset| lines.position(&text, offset));
        drop(parsed);
        Ok(Self { root, lines: lines.owning(text), digest, warnings })
    }

    /// The outermost value.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// SHA-256 of the file's bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Repeated properties and null array elements.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The node at a JSON pointer (RFC 6901).
    pub fn node(&self, pointer: &str) -> Option<&Node> {
        let (node, whole) = self.walk(pointer);
        whole.then_some(node)
    }

    /// Where the value at a JSON pointer starts.
    pub fn position_of(&self, pointer: &str) -> Option<Position> {
        self.node(pointer).map(|node| self.position(node.start()))
    }

    /// Where the value at a JSON pointer starts, or the innermost value around
    /// that place when it does not exist.
    pub fn nearest_position(&self, pointer: &str) -> Option<Position> {
        Some(self.position(self.walk(pointer).0.start()))
    }

    /// The position of a byte offset that a node gave.
    pub fn position(&self, offset: usize) -> Position {
        self.lines.position_here(offset)
    }

    /// The deepest node on the pointer's way, and whether that is its end.
    fn walk(&self, pointer: &str) -> (&Node, bool) {
        let mut node = &self.root;
        let mut steps = pointer.split('/');
        if steps.next() != Some("") {
            return (node, false);
        }
        for step in steps {
            match node.child(&step.replace("~1", "/").replace("~0", "~")) {
                Some(child) => node = child,
                None => return (node, false),
            }
        }
        (node, true)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Document of {} bytes", self.lines.text_bytes())
    }
}

/// A property's name as one step of a JSON pointer.
pub fn pointer_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
