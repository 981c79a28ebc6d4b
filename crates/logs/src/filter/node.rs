//! Conditions joined by `and` and `or`.

/// A tree of conditions.
#[derive(Debug, Clone)]
pub enum Node<T> {
    /// A condition.
    Test(T),
    /// All must hold; [`Node::all`] makes it of what is not an `All` itself.
    All(Vec<Self>),
    /// At least one must hold; [`Node::any`] makes it of what is not an `Any` itself.
    Any(Vec<Self>),
}

impl<T> Node<T> {
    /// All of `nodes` must hold.
    #[must_use]
    pub fn all(nodes: Vec<Self>) -> Self {
        let flat = nodes.into_iter().flat_map(Self::into_all);
        one_or(flat.collect(), Self::All)
    }

    /// At least one of `nodes` must hold.
    #[must_use]
    pub fn any(nodes: Vec<Self>) -> Self {
        let into_any = |node| match node {
            Self::Any(nodes) => nodes,
            other => vec![other],
        };
        one_or(nodes.into_iter().flat_map(into_any).collect(), Self::Any)
    }

    /// The nodes that must all hold for this one to hold.
    pub(super) fn into_all(self) -> Vec<Self> {
        match self {
            Self::All(nodes) => nodes,
            other => vec![other],
        }
    }

    /// The tests, from left to right.
    pub(super) fn leaves(&self) -> Vec<&T> {
        match self {
            Self::Test(leaf) => vec![leaf],
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().flat_map(Self::leaves).collect(),
        }
    }

    /// The same node with other tests at the same places.
    pub(super) fn map<U>(&self, each: &mut impl FnMut(&T) -> U) -> Node<U> {
        match self {
            Self::Test(leaf) => Node::Test(each(leaf)),
            Self::All(nodes) => Node::All(nodes.iter().map(|node| node.map(each)).collect()),
            Self::Any(nodes) => Node::Any(nodes.iter().map(|node| node.map(each)).collect()),
        }
    }

    /// The node that holds where this one does not: `negate` turns each test round, and `All` and
    /// `Any` change places (De Morgan).
    pub(super) fn negated(self, negate: &impl Fn(T) -> T) -> Self {
        let each = |nodes: Vec<Self>| nodes.into_iter().map(|node| node.negated(negate)).collect();
        match self {
            Self::Test(leaf) => Self::Test(negate(leaf)),
            Self::All(nodes) => Self::Any(each(nodes)),
            Self::Any(nodes) => Self::All(each(nodes)),
        }
    }
}

fn one_or<T>(mut nodes: Vec<Node<T>>, join: fn(Vec<Node<T>>) -> Node<T>) -> Node<T> {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => {
            nodes.extend(last);
            join(nodes)
        }
    }
}
