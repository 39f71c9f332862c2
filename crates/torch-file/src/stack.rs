//! The state of the pickle machine: the remaining bytes, the nodes, and the stack above the last
//! mark.

use crate::error::{Result, damaged, refused, truncated, unsupported};
use crate::foreign::is_dangerous;
use crate::globals;
use crate::machine::Machine;
use crate::node::{Class, Entries, Foreign, Global, Id, Node, Object, Span};

/// Numbers below this have one node each, as in Python: a list of labels takes no more than its file.
pub(crate) const SMALL: i64 = 256;
/// The nodes that every machine begins with.
pub(crate) const NONE: Id = 0;
pub(crate) const FALSE: Id = 1;
pub(crate) const TRUE: Id = 2;
pub(crate) const EMPTY_TUPLE: Id = 3;
const ZERO: Id = 4;

impl<'a> Machine<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        let taken =
            end.and_then(|end| self.bytes.get(self.at..end)).ok_or(truncated("it ends inside its pickle"))?;
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn unsigned(&mut self, bytes: usize) -> Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(crate) fn signed(&mut self, bytes: usize) -> Result<i64> {
        let number = self.unsigned(bytes)?;
        let unused = 64 - 8 * bytes as u32;
        Ok(if bytes == 0 { 0 } else { (number << unused) as i64 >> unused })
    }

    /// A range whose length comes first, in so many bytes.
    pub(crate) fn span(&mut self, bytes: usize) -> Result<Span> {
        let length = self.unsigned(bytes)?;
        let length = usize::try_from(length).map_err(|_| truncated("it ends inside its pickle"))?;
        let start = self.at;
        self.take(length)?;
        Ok(Span { start, length })
    }

    pub(crate) fn slice(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start..span.start + span.length]
    }

    pub(crate) fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let length =
            rest.iter().position(|&byte| byte == b'\n').ok_or(truncated("it ends inside its pickle"))?;
        let line =
            std::str::from_utf8(&rest[..length]).map_err(|_| damaged("a name in its pickle is not UTF-8"))?;
        self.at += length + 1;
        Ok(line)
    }

    pub(crate) fn add(&mut self, node: Node) -> Result<Id> {
        let id =
            Id::try_from(self.nodes.len()).map_err(|_| unsupported("its pickle has too many objects"))?;
        self.nodes.push(node);
        Ok(id)
    }

    pub(crate) fn push(&mut self, node: Node) -> Result<()> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    pub(crate) fn push_int(&mut self, number: i64) {
        if (0..SMALL).contains(&number) {
            self.stack.push(ZERO + number as Id);
        } else {
            // Larger ones take at least three bytes each: there are never too many.
            self.stack.push(self.nodes.len() as Id);
            self.nodes.push(Node::Int(number));
        }
    }

    pub(crate) fn push_tuple(&mut self, items: Vec<Id>) -> Result<()> {
        if items.is_empty() {
            self.stack.push(EMPTY_TUPLE);
            return Ok(());
        }
        self.push(Node::Tuple(items.into_boxed_slice()))
    }

    /// An integer of so many bytes; one too large for any tensor or setting is kept only as a
    /// placeholder.
    pub(crate) fn long(&mut self, length: usize) -> Result<()> {
        if length <= 8 {
            let number = self.signed(length)?;
            self.push_int(number);
            return Ok(());
        }
        self.take(length)?;
        let class = self.add_foreign("", "a number of more than 64 bits");
        let id = self.add_object(class, EMPTY_TUPLE)?;
        self.stack.push(id);
        Ok(())
    }

    pub(crate) fn push_global(&mut self, module: &'a str, name: &'a str) -> Result<()> {
        let global = match globals::find(module, name) {
            Ok(global) => global,
            Err(refusal) if is_dangerous(module, name) => return Err(refusal),
            Err(_) => Global::Foreign(self.add_foreign(module, name)),
        };
        self.push(Node::Global(global))
    }

    fn add_foreign(&mut self, module: &'a str, name: &'a str) -> u32 {
        let index = self.foreign.len() as u32;
        self.foreign.push(Foreign { module, name });
        index
    }

    pub(crate) fn add_object(&mut self, class: u32, arguments: Id) -> Result<Id> {
        let object = Object { class, arguments, state: None, entries: Vec::new(), items: Vec::new() };
        self.add(Node::Object(Box::new(object)))
    }

    /// The depth below which the stack must not be popped: the last mark.
    pub(crate) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(crate) fn pop(&mut self) -> Result<Id> {
        Ok(self.pop_many(1)?[0])
    }

    pub(crate) fn pop_many(&mut self, count: usize) -> Result<Vec<Id>> {
        let start = self.stack.len().checked_sub(count).filter(|&start| start >= self.floor());
        Ok(self.stack.split_off(start.ok_or(damaged("its pickle takes a value that is not there"))?))
    }

    pub(crate) fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or(damaged("its pickle takes a value that is not there"))?;
        Ok(self.stack.split_off(mark))
    }

    pub(crate) fn top(&self) -> Result<usize> {
        let top = self.stack.last().filter(|_| self.stack.len() > self.floor());
        Ok(*top.ok_or(damaged("its pickle takes a value that is not there"))? as usize)
    }

    pub(crate) fn append(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        match &mut self.nodes[top] {
            Node::List(list) => list.extend_from_slice(items),
            Node::Object(object) => object.items.extend_from_slice(items),
            _ => return Err(damaged("its pickle appends to something other than a list")),
        }
        Ok(())
    }

    pub(crate) fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let (top, pairs) = (self.top()?, pairs(items)?);
        match &mut self.nodes[top] {
            Node::Dict(dict) => dict.entries.extend(pairs),
            Node::Object(object) => object.entries.extend(pairs),
            _ => return Err(damaged("its pickle puts entries into something other than a dictionary")),
        }
        Ok(())
    }

    /// Attributes for an object. Those of dictionaries and tensors (`_metadata`: the versions of a
    /// model's layers) say nothing about values; those of a TorchScript object are its content.
    pub(crate) fn build(&mut self) -> Result<()> {
        let items = self.pop_many(1)?;
        let top = self.top()?;
        let module = matches!(&self.nodes[top], Node::Dict(Entries { class: Class::Module, .. }));
        let state = match &mut self.nodes[items[0] as usize] {
            // Taken, not copied: copies of copies would let a small file grow without bound.
            Node::Dict(state) if module => std::mem::take(&mut state.entries),
            _ => Vec::new(),
        };
        match &mut self.nodes[top] {
            Node::Dict(object) => object.entries.extend(state),
            Node::Object(object) => object.state = Some(items[0]),
            Node::Tensor(_) => {}
            _ => {
                return Err(refused(
                    "its pickle sets attributes of something other than a dictionary or a tensor",
                ));
            }
        }
        Ok(())
    }

    /// The nodes of a tuple.
    pub(crate) fn tuple(&self, id: Id) -> Result<Vec<Id>> {
        Ok(self.check_tuple(id)?.to_vec())
    }

    pub(crate) fn check_tuple(&self, id: Id) -> Result<&[Id]> {
        match &self.nodes[id as usize] {
            Node::Tuple(items) => Ok(items),
            _ => Err(damaged("its pickle calls something without a tuple of arguments")),
        }
    }

    /// A global by its node.
    pub(crate) fn global(&self, id: Id) -> Result<Global> {
        match &self.nodes[id as usize] {
            Node::Global(global) => Ok(*global),
            _ => Err(refused("its pickle calls something other than a function")),
        }
    }
}

pub(crate) fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    if !items.len().is_multiple_of(2) {
        return Err(damaged("a dictionary in its pickle has a key without a value"));
    }
    Ok(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}
