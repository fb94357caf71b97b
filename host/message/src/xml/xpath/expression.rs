//! The parts of an expression (XPath 1.0 sections 2 to 4).
//!
//! Deliberately does not know: how they are written, documents, values.

use super::super::path::NameTest;

/// An expression, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// Operators of one precedence, from left to right.
    Chain(Box<Expr>, Vec<(Operator, Expr)>),
    /// Twice negated is still made a number.
    Negate {
        operand: Box<Expr>,
        twice: bool,
    },
    /// Of expressions that give nodes.
    Union(Vec<Expr>),
    Path(Start, Vec<Step>),
    Literal(String),
    Number(f64),
    Call(Function, Vec<Expr>),
}

/// Where a path begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Start {
    Document,
    Context,
    /// At nodes that another expression gives, of which predicates leave some.
    Filter {
        nodes: Box<Expr>,
        predicates: Vec<Predicate>,
        /// How `nodes` is written, with the declarations of the path.
        source: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) axis: Axis,
    pub(super) test: Test,
    pub(super) predicates: Vec<Predicate>,
}

impl Step {
    /// What `//` stands for.
    pub(super) const ANYWHERE: Self =
        Self { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() };
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Predicate {
    pub(super) test: Expr,
    /// Whether it depends on where a node stands among the others.
    pub(super) is_positional: bool,
}

impl Predicate {
    /// The position that alone is meant, where it is written as a number.
    pub(super) fn position(&self) -> Option<f64> {
        match self.test {
            Expr::Number(position) => Some(position),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

impl Axis {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ancestor" => Self::Ancestor,
            "ancestor-or-self" => Self::AncestorOrSelf,
            "attribute" => Self::Attribute,
            "child" => Self::Child,
            "descendant" => Self::Descendant,
            "descendant-or-self" => Self::DescendantOrSelf,
            "following" => Self::Following,
            "following-sibling" => Self::FollowingSibling,
            "parent" => Self::Parent,
            "preceding" => Self::Preceding,
            "preceding-sibling" => Self::PrecedingSibling,
            "self" => Self::Itself,
            _ => return None,
        })
    }
}

/// Which nodes of an axis are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Node,
    Text,
    Comment,
    /// Of any target, or of one.
    Instruction(Option<String>),
    /// Of the axis's principal kind: attributes, else elements.
    Name(NameTest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equals,
    Differs,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Nodes,
    Text,
    Number,
    Truth,
}

macro_rules! functions {
    ($($variant:ident $name:literal $least:literal $most:expr, $given:ident;)*) => {
        /// The functions of XPath 1.0 (section 4), `id` aside.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function {
            $($variant,)*
        }

        impl Function {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The least and the most arguments.
            pub(super) fn arguments(self) -> (usize, usize) {
                match self {
                    $(Self::$variant => ($least, $most),)*
                }
            }

            fn gives(self) -> Given {
                match self {
                    $(Self::$variant => Given::$given,)*
                }
            }
        }
    };
}

functions! {
    Last "last" 0 0, Number;
    Position "position" 0 0, Number;
    Count "count" 1 1, Number;
    LocalName "local-name" 0 1, Text;
    NamespaceUri "namespace-uri" 0 1, Text;
    Name "name" 0 1, Text;
    Text "string" 0 1, Text;
    Concat "concat" 2 usize::MAX, Text;
    StartsWith "starts-with" 2 2, Truth;
    Contains "contains" 2 2, Truth;
    SubstringBefore "substring-before" 2 2, Text;
    SubstringAfter "substring-after" 2 2, Text;
    Substring "substring" 2 3, Text;
    StringLength "string-length" 0 1, Number;
    NormalizeSpace "normalize-space" 0 1, Text;
    Translate "translate" 3 3, Text;
    Truth "boolean" 1 1, Truth;
    Not "not" 1 1, Truth;
    True "true" 0 0, Truth;
    False "false" 0 0, Truth;
    Lang "lang" 1 1, Truth;
    Number "number" 0 1, Number;
    Sum "sum" 1 1, Number;
    Floor "floor" 1 1, Number;
    Ceiling "ceiling" 1 1, Number;
    Round "round" 1 1, Number;
}

impl Function {
    /// Whether its argument must be nodes.
    pub(super) fn needs_nodes(self) -> bool {
        matches!(self, Self::Count | Self::Sum | Self::LocalName | Self::NamespaceUri | Self::Name)
    }
}

impl Expr {
    /// What it gives, whatever the document.
    pub(super) fn gives(&self) -> Given {
        match self {
            Self::Union(_) | Self::Path(..) => Given::Nodes,
            Self::Literal(_) => Given::Text,
            Self::Number(_) | Self::Negate { .. } => Given::Number,
            Self::Call(function, _) => function.gives(),
            Self::Chain(_, rest) => match rest.first() {
                Some((
                    Operator::Add
                    | Operator::Subtract
                    | Operator::Multiply
                    | Operator::Divide
                    | Operator::Modulo,
                    _,
                )) => Given::Number,
                _ => Given::Truth,
            },
        }
    }
}

/// Whether a predicate depends on where a node stands: it is a number, or asks
/// for `position()` or `last()`. Inner predicates ask for their own.
pub(super) fn is_positional(test: &Expr) -> bool {
    test.gives() == Given::Number || asks_for_position(test)
}

fn asks_for_position(part: &Expr) -> bool {
    match part {
        Expr::Literal(_) | Expr::Number(_) => false,
        Expr::Call(Function::Last | Function::Position, _) => true,
        Expr::Call(_, parts) | Expr::Union(parts) => parts.iter().any(asks_for_position),
        Expr::Negate { operand, .. } => asks_for_position(operand),
        Expr::Chain(first, rest) => {
            asks_for_position(first) || rest.iter().any(|(_, part)| asks_for_position(part))
        }
        Expr::Path(start, _) => match start {
            Start::Document | Start::Context => false,
            Start::Filter { nodes, .. } => asks_for_position(nodes),
        },
    }
}
