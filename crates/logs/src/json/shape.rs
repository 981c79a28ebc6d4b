//! What is known of the objects of a file: their keys, in the order learnt.

use std::collections::HashMap;

use crate::record::{FieldId, Fields, Record};

/// Index of an object in [`Shape`].
pub(super) type NodeId = u32;

/// The object that a line is.
pub(super) const ROOT: NodeId = 0;

/// The most keys that are learnt of one object, and the most objects.
const KEYS_MAX: usize = 1024;
const NODES_MAX: usize = 1024;

/// Paths of more keys than this are not looked for as keys with dots.
const DOTTED_MAX: usize = 5;

/// Longer keys are not learnt, only looked up.
const KEY_BYTES_MAX: usize = 256;

#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    nodes: Vec<Node>,
    line: u64,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// The path to it, with the dot that precedes a key.
    prefix: String,
    /// In the order in which they were first seen.
    keys: Vec<Key>,
    by_name: HashMap<Box<[u8]>, u32>,
    /// Keys asked for, before they were seen; they have no place in the order yet.
    wanted: HashMap<Box<[u8]>, Target>,
}

/// Where a key's value goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) field: Option<FieldId>,
    pub(super) child: Option<NodeId>,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The key as it stands in a line, with its quotes and its colon.
    text: Box<[u8]>,
    /// Its first 16 bytes and which of them count, for one comparison.
    head: u128,
    head_mask: u128,
    pub(super) target: Target,
    /// The line in which its object was last seen, to notice it twice.
    seen: u64,
}

impl Key {
    fn new(name: &[u8], target: Target) -> Self {
        let text: Box<[u8]> = [b"\"", name, b"\":"].concat().into();
        let mut head = [0; 16];
        let n = text.len().min(16);
        head[..n].copy_from_slice(&text[..n]);
        let head_mask = if n == 16 { u128::MAX } else { (1 << (8 * n)) - 1 };
        Self { text, head: u128::from_le_bytes(head), head_mask, target, seen: 0 }
    }

    /// Whether the key and its colon stand at the start of `rest`; how long they are.
    #[inline]
    fn matches(&self, rest: &[u8]) -> Option<usize> {
        let n = self.text.len();
        if let Some(head) = rest.first_chunk::<16>()
            && (u128::from_le_bytes(*head) ^ self.head) & self.head_mask != 0
        {
            return None;
        }
        (n <= 16 && rest.len() >= 16 || rest.starts_with(&self.text)).then_some(n)
    }
}

impl Shape {
    pub(super) fn new(fields: &Fields) -> Self {
        let mut shape = Self { nodes: vec![Node::default()], line: 0 };
        let paths: Vec<_> = fields.names().iter().map(|path| segments(path)).collect();
        for (index, path) in paths.iter().enumerate() {
            shape.want(path, FieldId(index as u16));
        }
        for (index, path) in paths.iter().enumerate().filter(|_| fields.dotted) {
            shape.want_dotted(path, FieldId(index as u16));
        }
        shape
    }

    pub(super) fn next_line(&mut self) {
        self.line += 1;
    }

    fn want(&mut self, path: &[String], field: FieldId) {
        let mut node = ROOT;
        let mut prefix = String::new();
        for (depth, name) in path.iter().enumerate() {
            prefix.push_str(&escape_path(name));
            prefix.push('.');
            let name: Box<[u8]> = name.as_bytes().into();
            let mut target = self.node(node).wanted.get(&name).copied().unwrap_or_default();
            if depth + 1 == path.len() {
                target.field = Some(field);
            } else if target.child.is_none() {
                target.child = self.add_node(prefix.clone());
            }
            self.node_mut(node).wanted.insert(name, target);
            match target.child {
                Some(child) => node = child,
                None => return,
            }
        }
    }

    /// Also keys with dots in them, which many programs write in place of objects: `a.b.c` may
    /// be `c` in `a.b`, or `b.c` in `a`, or one key. What was asked for by its own name stays.
    fn want_dotted(&mut self, path: &[String], field: FieldId) {
        if path.len() < 2 || path.len() > DOTTED_MAX {
            return;
        }
        // Each bit says whether two keys are one.
        for joined in 1u32..1 << (path.len() - 1) {
            let mut keys = vec![path[0].clone()];
            for (at, key) in path[1..].iter().enumerate() {
                match keys.last_mut() {
                    Some(last) if joined & 1 << at != 0 => {
                        last.push('.');
                        last.push_str(key);
                    }
                    _ => keys.push(key.clone()),
                }
            }
            if !self.is_wanted(&keys) {
                self.want(&keys, field);
            }
        }
    }

    fn is_wanted(&self, path: &[String]) -> bool {
        let mut target = Target { field: None, child: Some(ROOT) };
        for name in path {
            let Some(node) = target.child else { return false };
            let found = self.node(node).wanted.get(name.as_bytes());
            let Some(&next) = found else { return false };
            target = next;
        }
        target.field.is_some()
    }

    fn add_node(&mut self, prefix: String) -> Option<NodeId> {
        if self.nodes.len() >= NODES_MAX {
            return None;
        }
        self.nodes.push(Node { prefix, ..Node::default() });
        Some(self.nodes.len() as NodeId - 1)
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    /// Whether the key that followed last time stands at the start of `rest`.
    #[inline]
    pub(super) fn expect(
        &self,
        node: NodeId,
        index: usize,
        rest: &[u8],
    ) -> Option<(usize, Target)> {
        let key = self.nodes[node as usize].keys.get(index)?;
        key.matches(rest).map(|length| (length, key.target))
    }

    /// Looks a key up and learns it where it is new: its place in the order, and its target.
    /// `name` is the key's text, with its escapes resolved where `escaped`.
    #[cold]
    pub(super) fn look_up(
        &mut self,
        node: NodeId,
        name: &[u8],
        escaped: bool,
        fields: &mut Fields,
    ) -> (Option<usize>, Target) {
        let found = self.node(node);
        if let Some(&index) = found.by_name.get(name) {
            let index = index as usize;
            return (Some(index), found.keys[index].target);
        }
        let target = match found.wanted.get(name) {
            Some(target) if !fields.open || target.child.is_some() => *target,
            found if fields.open => {
                let known = found.and_then(|target| target.field);
                self.discover(node, name, known, fields)
            }
            _ => Target::default(),
        };
        let known = self.node_mut(node);
        if escaped || known.keys.len() >= KEYS_MAX || name.len() > KEY_BYTES_MAX {
            if target != Target::default() {
                known.wanted.insert(name.into(), target);
            }
            return (None, target);
        }
        let index = known.keys.len();
        known.keys.push(Key::new(name, target));
        known.by_name.insert(name.into(), index as u32);
        (Some(index), target)
    }

    /// The target of a key that was not asked for, where every field is kept. Whether it is
    /// an object is not known yet, so it gets a field and a node.
    fn discover(
        &mut self,
        node: NodeId,
        name: &[u8],
        known: Option<FieldId>,
        fields: &mut Fields,
    ) -> Target {
        if self.node(node).keys.len() >= KEYS_MAX || name.len() > KEY_BYTES_MAX {
            return Target::default();
        }
        let Ok(name) = std::str::from_utf8(name) else { return Target::default() };
        let path = format!("{}{}", self.node(node).prefix, escape_path(name));
        let child = self.add_node(format!("{path}."));
        Target { field: known.or_else(|| fields.add(&path)), child }
    }

    /// Where the elements of an array go, when some were asked for.
    pub(super) fn element(&self, node: NodeId, index: usize) -> Target {
        let wanted = &self.node(node).wanted;
        if wanted.is_empty() {
            return Target::default();
        }
        wanted.get(index.to_string().as_bytes()).copied().unwrap_or_default()
    }

    /// Whether elements of the array at `node` were asked for.
    pub(super) fn wants_elements(&self, node: NodeId) -> bool {
        !self.node(node).wanted.is_empty()
    }

    /// To be called before the value of key `index` is set. If it was set before on this line, takes
    /// back all that is below it, since the last of equal keys counts. Returns whether it was.
    #[inline]
    pub(super) fn visit(&mut self, node: NodeId, index: usize, record: &mut Record) -> bool {
        let line = self.line;
        let key = &mut self.nodes[node as usize].keys[index];
        if key.seen == line
            && let Some(child) = key.target.child
        {
            self.unset_below(child, record);
            return true;
        }
        key.seen = line;
        false
    }

    /// Takes back all fields below `node`.
    #[cold]
    pub(super) fn unset_below(&self, node: NodeId, record: &mut Record) {
        let node = self.node(node);
        let targets = node.keys.iter().map(|k| &k.target).chain(node.wanted.values());
        for target in targets {
            if let Some(field) = target.field {
                record.unset(field);
            }
            if let Some(child) = target.child {
                self.unset_below(child, record);
            }
        }
    }
}

/// A path's keys: cut at dots, except those after a backslash.
fn segments(path: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => segments.push(String::new()),
            '\\' => segments.last_mut().into_iter().for_each(|s| s.extend(chars.next())),
            _ => segments.last_mut().into_iter().for_each(|s| s.push(c)),
        }
    }
    segments
}

/// A key as part of a path.
pub(super) fn escape_path(name: &str) -> String {
    name.replace('\\', "\\\\").replace('.', "\\.")
}
