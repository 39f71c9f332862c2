//! Writes a value as a pickle of protocol 2, as `torch.save` does.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::storage::Storage;
use crate::tensor::Tensor;
use crate::value::{Dict, DictKind, Key, Value};

/// A pickle and the storages that it refers to, by their place.
#[derive(Default)]
pub(crate) struct Pickler {
    pub bytes: Vec<u8>,
    pub storages: Vec<Storage>,
    /// The places of the storages by their numbers.
    places: HashMap<usize, usize>,
}

impl Pickler {
    /// The pickle of a value.
    pub fn of(value: &Value) -> Result<Pickler> {
        let mut pickler = Pickler::default();
        pickler.bytes.extend_from_slice(b"\x80\x02");
        pickler.value(value)?;
        pickler.bytes.push(b'.');
        Ok(pickler)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::None => self.put(b"N"),
            Value::Bool(true) => self.put(b"\x88"),
            Value::Bool(false) => self.put(b"\x89"),
            Value::Int(number) => self.int(*number),
            Value::Float(number) => {
                self.put(b"G");
                self.put(&number.to_be_bytes());
            }
            Value::Str(text) => self.text(text)?,
            Value::Bytes(bytes) => self.encoded(bytes)?,
            Value::Tensor(tensor) => self.tensor(tensor)?,
            Value::List(items) => {
                self.put(b"](");
                items.iter().try_for_each(|item| self.value(item))?;
                self.put(b"e");
            }
            Value::Tuple(items) => {
                self.put(b"(");
                items.iter().try_for_each(|item| self.value(item))?;
                self.put(b"t");
            }
            Value::Dict(dict) => self.dict(dict)?,
            Value::Object(class) => {
                return Err(Error::NotWritable(
                    format!("it holds an object of {class}, which only Python can write: take it out").into(),
                ));
            }
        }
        Ok(())
    }

    fn dict(&mut self, dict: &Dict) -> Result<()> {
        match dict.kind() {
            DictKind::OrderedDict => self.put(b"ccollections\nOrderedDict\n)R"),
            DictKind::Dict | DictKind::Module => self.put(b"}"),
        }
        self.put(b"(");
        for (key, value) in dict {
            match key {
                Key::Str(text) => self.text(text)?,
                Key::Int(number) => self.int(*number),
            }
            self.value(value)?;
        }
        self.put(b"u");
        Ok(())
    }

    fn int(&mut self, number: i64) {
        if let Ok(number) = u8::try_from(number) {
            self.put(&[b'K', number]);
        } else if let Ok(number) = i32::try_from(number) {
            self.put(b"J");
            self.put(&number.to_le_bytes());
        } else {
            self.put(b"\x8a\x08");
            self.put(&number.to_le_bytes());
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let length = u32::try_from(text.len())
            .map_err(|_| Error::NotWritable("the format cannot store a text of more than 4 GB".into()))?;
        self.put(b"X");
        self.put(&length.to_le_bytes());
        self.put(text.as_bytes());
        Ok(())
    }

    /// Protocol 2 has no bytes: they go as text, one letter each.
    fn encoded(&mut self, bytes: &[u8]) -> Result<()> {
        let letters: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        self.put(b"c_codecs\nencode\n(");
        self.text(&letters)?;
        self.text("latin1")?;
        self.put(b"tR");
        Ok(())
    }

    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        // A storage shared by several tensors is written once.
        let storage = tensor.storage();
        let next = self.storages.len();
        let index = *self.places.entry(storage.id()).or_insert(next);
        if index == next {
            self.storages.push(storage.clone());
        }
        self.put(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage")?;
        self.put(format!("ctorch\n{}\n", tensor.dtype().storage_class()).as_bytes());
        self.text(&index.to_string())?;
        self.text("cpu")?;
        self.int(storage.len() as i64);
        self.put(b"tQ");
        self.int(tensor.offset() as i64);
        self.sizes(tensor.shape());
        self.sizes(tensor.strides());
        self.put(b"\x89ccollections\nOrderedDict\n)RtR");
        Ok(())
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.put(b"(");
        sizes.iter().for_each(|&size| self.int(size as i64));
        self.put(b"t");
    }
}
