//! The pickle machine: the opcodes of protocol 2 and their equivalents in later protocols. It
//! builds [`Node`]s and runs nothing.

use std::collections::HashMap;

use crate::error::{Result, damaged, refused, unsupported};
use crate::node::{Class, Entries, Foreign, Id, Node, Storage, Window};
use crate::stack::{EMPTY_TUPLE, FALSE, NONE, SMALL, TRUE, pairs};

/// What a pickle says.
pub(crate) struct Pickle<'a> {
    pub bytes: &'a [u8],
    pub nodes: Vec<Node>,
    pub storages: Vec<Storage>,
    pub windows: Vec<Window>,
    pub foreign: Vec<Foreign<'a>>,
    pub root: Id,
    /// Where the next pickle begins.
    pub end: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that begins at `start`.
    pub fn read(bytes: &'a [u8], start: usize) -> Result<Pickle<'a>> {
        let mut machine = Machine::new(bytes, start);
        let root = machine.run()?;
        let Machine { nodes, storages, windows, foreign, at, .. } = machine;
        Ok(Pickle { bytes, nodes, storages, windows, foreign, root, end: at })
    }

    /// A node.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    /// The text of a node, if it is one.
    pub fn text(&self, id: Id) -> Option<&'a str> {
        text(self.bytes, self.node(id))
    }

    /// The nodes of a tuple; none for what is not one.
    pub fn tuple(&self, id: Id) -> &[Id] {
        if let Node::Tuple(items) = self.node(id) { items } else { &[] }
    }

    /// The whole number of a node, if it is one.
    pub fn int(&self, id: Id) -> Option<i64> {
        if let Node::Int(number) = self.node(id) { Some(*number) } else { None }
    }

    /// The bytes of a node, if it is some.
    pub fn raw(&self, id: Id) -> Option<&[u8]> {
        match self.node(id) {
            Node::Bytes(span) | Node::Old(span) => self.bytes.get(span.start..span.start + span.length),
            Node::Encoded(bytes) => Some(bytes),
            // How protocols before 3 write empty bytes.
            Node::Object(object) if self.tuple(object.arguments).is_empty() => {
                let Foreign { module, name } = self.foreign[object.class as usize];
                (matches!(module, "builtins" | "__builtin__") && name == "bytes").then_some(&[])
            }
            _ => None,
        }
    }
}

/// The text of a node, if it is one.
pub(crate) fn text<'a>(bytes: &'a [u8], node: &Node) -> Option<&'a str> {
    match node {
        Node::Text(span) | Node::Old(span) => {
            std::str::from_utf8(bytes.get(span.start..span.start + span.length)?).ok()
        }
        _ => None,
    }
}

/// A pickle that is being read.
pub(crate) struct Machine<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub nodes: Vec<Node>,
    pub storages: Vec<Storage>,
    pub known_storages: HashMap<Storage, u32>,
    /// The bytes that were made of texts, by the texts' nodes.
    pub known_bytes: HashMap<Id, Id>,
    pub windows: Vec<Window>,
    pub foreign: Vec<Foreign<'a>>,
    pub stack: Vec<Id>,
    pub marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        let mut nodes = vec![Node::None, Node::Bool(false), Node::Bool(true), Node::Tuple(Box::new([]))];
        nodes.extend((0..SMALL).map(Node::Int));
        Machine {
            bytes,
            at,
            nodes,
            storages: Vec::new(),
            known_storages: HashMap::new(),
            known_bytes: HashMap::new(),
            windows: Vec::new(),
            foreign: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    fn run(&mut self) -> Result<Id> {
        loop {
            let at = self.at;
            let opcode = self.take(1)?[0];
            if opcode == b'.' {
                return match (self.stack.pop(), self.stack.is_empty()) {
                    (Some(root), true) => Ok(root),
                    _ => Err(damaged("its pickle ends in the middle of something")),
                };
            }
            self.step(opcode, at)?;
        }
    }

    fn step(&mut self, opcode: u8, at: usize) -> Result<()> {
        match opcode {
            0x80 => {
                let protocol = self.take(1)?[0];
                if protocol > 5 {
                    return Err(unsupported(format!(
                        "its pickle is of protocol {protocol}, which Python does not know yet"
                    )));
                }
            }
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'N' => self.stack.push(NONE),
            0x88 => self.stack.push(TRUE),
            0x89 => self.stack.push(FALSE),
            b'J' => {
                let number = self.signed(4)?;
                self.push_int(number);
            }
            b'K' | b'M' => {
                let number = self.unsigned(if opcode == b'K' { 1 } else { 2 })? as i64;
                self.push_int(number);
            }
            0x8a => {
                let length = self.unsigned(1)? as usize;
                self.long(length)?;
            }
            0x8b => {
                let length = self.unsigned(4)? as usize;
                self.long(length)?;
            }
            b'G' => {
                let mut number = [0; 8];
                number.copy_from_slice(self.take(8)?);
                self.push(Node::Float(f64::from_be_bytes(number)))?;
            }
            b'X' | 0x8c | 0x8d => {
                let span = self.span(match opcode {
                    b'X' => 4,
                    0x8c => 1,
                    _ => 8,
                })?;
                if std::str::from_utf8(self.slice(span)).is_err() {
                    return Err(damaged("a text in its pickle is not UTF-8"));
                }
                self.push(Node::Text(span))?;
            }
            b'B' | b'C' | 0x8e | 0x96 => {
                let span = self.span(match opcode {
                    b'B' => 4,
                    b'C' => 1,
                    _ => 8,
                })?;
                self.push(Node::Bytes(span))?;
            }
            b'T' | b'U' => {
                let span = self.span(if opcode == b'T' { 4 } else { 1 })?;
                self.push(Node::Old(span))?;
            }
            b')' => self.stack.push(EMPTY_TUPLE),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_tuple(items)?;
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.push_tuple(items)?;
            }
            b']' => self.push(Node::List(Vec::new()))?,
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items))?;
            }
            b'}' => self.push(Node::Dict(Entries { class: Class::Dict, entries: Vec::new() }))?,
            b'd' => {
                let items = self.pop_to_mark()?;
                let entries = pairs(&items)?;
                self.push(Node::Dict(Entries { class: Class::Dict, entries }))?;
            }
            0x8f => self.push(Node::List(Vec::new()))?,
            0x91 => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push_global(module, name)?;
            }
            0x93 => {
                let items = self.pop_many(2)?;
                let name = |id: Id| {
                    text(self.bytes, &self.nodes[id as usize])
                        .ok_or(damaged("a name in its pickle is not text"))
                };
                let (module, name) = (name(items[0])?, name(items[1])?);
                self.push_global(module, name)?;
            }
            b'R' | 0x81 => {
                let items = self.pop_many(2)?;
                let made = self.call(items[0], items[1], 0)?;
                self.stack.push(made);
            }
            // A class with its arguments by place and by name.
            0x92 => {
                let items = self.pop_many(3)?;
                let made = self.call(items[0], items[1], 0)?;
                self.stack.push(made);
            }
            b'b' => self.build()?,
            b'Q' => {
                let id = self.pop()?;
                let named = self.persistent(id)?;
                self.stack.push(named);
            }
            b'q' | b'r' => {
                let key = self.unsigned(if opcode == b'q' { 1 } else { 4 })? as u32;
                let top = *self.stack.last().ok_or(damaged("its pickle remembers nothing"))?;
                self.memo.insert(key, top);
            }
            0x94 => {
                let top = *self.stack.last().ok_or(damaged("its pickle remembers nothing"))?;
                self.memo.insert(self.memo.len() as u32, top);
            }
            b'h' | b'j' => {
                let key = self.unsigned(if opcode == b'h' { 1 } else { 4 })? as u32;
                let known =
                    *self.memo.get(&key).ok_or(damaged("its pickle recalls a value that it never stored"))?;
                self.stack.push(known);
            }
            other => {
                let shown = (other as char).escape_default();
                return Err(refused(format!(
                    "opcode '{shown}' at byte {at} of its pickle, which no tensor needs"
                )));
            }
        }
        Ok(())
    }
}
