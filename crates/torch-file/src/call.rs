//! What the functions that a pickle "calls" would return.

use crate::dtype::Dtype;
use crate::error::{Result, damaged, refused};
use crate::machine::{Machine, text};
use crate::node::{Class, Entries, Global, Id, Node, Storage, Window};
use crate::stack::EMPTY_TUPLE;

/// `_rebuild_from_type_v2` calls another function; deeper nesting does not occur.
const DEEPEST: usize = 4;
/// Most bytes in a storage's name, of which each storage has a copy; PyTorch's are numbers.
const LONGEST_KEY: usize = 256;

impl Machine<'_> {
    /// What `function(*arguments)` makes.
    pub(crate) fn call(&mut self, function: Id, arguments: Id, depth: usize) -> Result<Id> {
        if depth > DEEPEST {
            return Err(refused("its pickle has calls within calls"));
        }
        // Its arguments are not copied: it may be called with the same ones over and over.
        if let Node::Global(Global::Foreign(class)) = self.nodes[function as usize] {
            self.check_tuple(arguments)?;
            return self.add_object(class, arguments);
        }
        // Calling an unknown object gives an unknown object.
        if let Node::Object(object) = &self.nodes[function as usize] {
            let class = object.class;
            return self.add_object(class, EMPTY_TUPLE);
        }
        let global = self.global(function)?;
        let items = self.tuple(arguments)?;
        match (global, items.as_slice()) {
            (Global::OrderedDict, []) => self.dict(Class::OrderedDict, Vec::new()),
            (Global::OrderedDict, &[list]) => {
                let entries = self.list_of_pairs(list)?;
                self.dict(Class::OrderedDict, entries)
            }
            (Global::Script, _) => self.dict(Class::Module, Vec::new()),
            (Global::RebuildTensor, &[storage, offset, size, stride]) => {
                self.window(storage, offset, size, stride, None)
            }
            (Global::RebuildTensorV2, &[storage, offset, size, stride, _, _]) => {
                self.window(storage, offset, size, stride, None)
            }
            (Global::RebuildTensorV2, &[storage, offset, size, stride, _, _, metadata]) => {
                self.no_metadata(metadata)?;
                self.window(storage, offset, size, stride, None)
            }
            (Global::RebuildTensorV3, &[storage, offset, size, stride, _, _, dtype, ref rest @ ..])
                if rest.len() <= 1 =>
            {
                rest.iter().try_for_each(|&metadata| self.no_metadata(metadata))?;
                let dtype = match self.nodes[dtype as usize] {
                    Node::Global(Global::Dtype(dtype)) => dtype,
                    _ => return Err(damaged("a tensor has no dtype")),
                };
                self.window(storage, offset, size, stride, Some(dtype))
            }
            // (data, requires_grad, hooks[, attributes]): only the data matter here.
            (Global::RebuildParameter, &[data, _, _] | &[data, _, _, _]) => {
                match &self.nodes[data as usize] {
                    Node::Tensor(_) => Ok(data),
                    _ => Err(damaged("a parameter is not a tensor")),
                }
            }
            (Global::RebuildFromType, &[function, class, arguments, _]) => {
                match self.global(class)? {
                    Global::TensorClass => self.call(function, arguments, depth + 1),
                    // A subclass of Tensor, which only its own code can rebuild.
                    Global::Foreign(class) => self.add_object(class, EMPTY_TUPLE),
                    _ => Err(damaged("the class of a tensor is none")),
                }
            }
            (Global::Size, &[size]) => {
                self.tuple(size)?;
                Ok(size)
            }
            (Global::Device, &[device] | &[device, _])
                if text(self.bytes, &self.nodes[device as usize]).is_some() =>
            {
                Ok(device)
            }
            (Global::Encode, &[letters, _]) => self.encoded(letters),
            (Global::Set | Global::ScriptList, &[list])
                if matches!(self.nodes[list as usize], Node::List(_)) =>
            {
                Ok(list)
            }
            (Global::ScriptTag, &[object, _]) => Ok(object),
            (global, items) => {
                Err(damaged(format!("its pickle gives {} arguments to {global:?}", items.len())))
            }
        }
    }

    fn dict(&mut self, class: Class, entries: Vec<(Id, Id)>) -> Result<Id> {
        self.add(Node::Dict(Entries { class, entries }))
    }

    /// The entries of `OrderedDict([[key, value], …])`, as Python 2 wrote them.
    fn list_of_pairs(&mut self, list: Id) -> Result<Vec<(Id, Id)>> {
        let Node::List(items) = &mut self.nodes[list as usize] else {
            return Err(damaged("an OrderedDict is made of something other than a list"));
        };
        // Taken, not copied: copies of copies would let a small file grow without bound.
        let items = std::mem::take(items);
        let pair = |&item: &Id| match &self.nodes[item as usize] {
            Node::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            Node::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(damaged("an OrderedDict is made of something other than pairs")),
        };
        items.iter().map(pair).collect()
    }

    /// Bytes as the protocols before 3 write them: text, one letter a byte.
    fn encoded(&mut self, letters: Id) -> Result<Id> {
        // Made once: copies of a long text, made over and over, would let a small file grow without bound.
        if let Some(&known) = self.known_bytes.get(&letters) {
            return Ok(known);
        }
        let told = text(self.bytes, &self.nodes[letters as usize]).unwrap_or_default();
        let bytes: Option<Box<[u8]>> = told.chars().map(|letter| u8::try_from(letter).ok()).collect();
        let made = self.add(Node::Encoded(bytes.ok_or(damaged("bytes in its pickle are not bytes"))?))?;
        self.known_bytes.insert(letters, made);
        Ok(made)
    }

    /// Flags of tensors whose values differ from the stored ones (conjugated, negated).
    fn no_metadata(&self, metadata: Id) -> Result<()> {
        match &self.nodes[metadata as usize] {
            Node::None => Ok(()),
            Node::Dict(dict) if dict.entries.is_empty() => Ok(()),
            _ => Err(refused(
                "it holds a tensor that is a lazy conjugate or negative; save `tensor.resolve_conj()`",
            )),
        }
    }

    fn int(&self, id: Id) -> Result<i64> {
        match self.nodes[id as usize] {
            Node::Int(number) => Ok(number),
            _ => Err(damaged("a size in its pickle is not a number")),
        }
    }

    fn window(&mut self, storage: Id, offset: Id, size: Id, stride: Id, dtype: Option<Dtype>) -> Result<Id> {
        let Node::Storage(storage) = self.nodes[storage as usize] else {
            return Err(damaged("a tensor has no storage"));
        };
        let offset = self.int(offset)?;
        let index = self.windows.len() as u32;
        self.windows.push(Window { storage, dtype, offset, size, stride });
        self.add(Node::Tensor(index))
    }

    /// What a persistent id stands for: a storage, or a class, which the old format gives together with its source.
    pub(crate) fn persistent(&mut self, id: Id) -> Result<Id> {
        if let Ok([kind, class, ..]) = self.check_tuple(id)
            && text(self.bytes, &self.nodes[*kind as usize]) == Some("module")
        {
            return Ok(*class);
        }
        let storage = self.storage(id)?;
        self.add(Node::Storage(storage))
    }

    /// The storage that `('storage', class, key, location, numel[, view])` names.
    fn storage(&mut self, id: Id) -> Result<u32> {
        let items = self.tuple(id)?;
        let text_at =
            |index: usize| items.get(index).and_then(|&id| text(self.bytes, &self.nodes[id as usize]));
        let wrong = || damaged("its pickle names a storage in a way that PyTorch does not");
        let (5..=6, Some("storage")) = (items.len(), text_at(0)) else { return Err(wrong()) };
        let Global::Storage(dtype) = self.global(items[1])? else { return Err(wrong()) };
        let short = |key: &&str| key.len() <= LONGEST_KEY;
        let key = text_at(2).filter(short).ok_or_else(wrong)?.to_owned();
        let numel = u64::try_from(self.int(items[4])?).map_err(|_| wrong())?;
        let view = match items.get(5).map(|&id| &self.nodes[id as usize]) {
            None | Some(Node::None) => None,
            Some(Node::Tuple(view)) if view.len() == 3 => {
                let name = text(self.bytes, &self.nodes[view[0] as usize]);
                let name = name.filter(short).ok_or_else(wrong)?;
                let number = |id| -> Result<u64> { u64::try_from(self.int(id)?).map_err(|_| wrong()) };
                Some((name.to_owned(), number(view[1])?, number(view[2])?))
            }
            Some(_) => return Err(wrong()),
        };
        let storage = Storage { key, dtype, numel, view };
        if let Some(&known) = self.known_storages.get(&storage) {
            return Ok(known);
        }
        let index = self.storages.len() as u32;
        self.known_storages.insert(storage.clone(), index);
        self.storages.push(storage);
        Ok(index)
    }
}
