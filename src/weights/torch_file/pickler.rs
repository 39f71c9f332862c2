//! Writing a value as a pickle of protocol 2, in the words of `torch.save`.

use tch::Tensor;

use super::globals::storage_class;
use super::value::{Dict, DictKind, Key, Value};
use crate::tensors::kind_text;

/// A pickle and the tensors that it refers to, by their place.
#[derive(Default)]
pub(super) struct Pickler {
    pub bytes: Vec<u8>,
    pub storages: Vec<Tensor>,
}

/// A reason why something cannot be written.
type Refused = Result<(), String>;

impl Pickler {
    /// The pickle of a value.
    pub fn of(value: &Value) -> Result<Pickler, String> {
        let mut pickler = Pickler::default();
        pickler.bytes.extend_from_slice(b"\x80\x02");
        pickler.value(value)?;
        pickler.bytes.push(b'.');
        Ok(pickler)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn value(&mut self, value: &Value) -> Refused {
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
                return Err(format!(
                    "it holds an object of {class}, which only Python can write: take it out"
                ));
            }
        }
        Ok(())
    }

    fn dict(&mut self, dict: &Dict) -> Refused {
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

    fn text(&mut self, text: &str) -> Refused {
        let length =
            u32::try_from(text.len()).map_err(|_| "a text of more than 4 GB has no place in the format")?;
        self.put(b"X");
        self.put(&length.to_le_bytes());
        self.put(text.as_bytes());
        Ok(())
    }

    /// Protocol 2 has no bytes: they go as text, one letter each.
    fn encoded(&mut self, bytes: &[u8]) -> Refused {
        let letters: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        self.put(b"c_codecs\nencode\n(");
        self.text(&letters)?;
        self.text("latin1")?;
        self.put(b"tR");
        Ok(())
    }

    fn tensor(&mut self, tensor: &Tensor) -> Refused {
        let kind = tensor.kind();
        let class = storage_class(kind).filter(|_| !tensor.is_sparse());
        let class =
            class.ok_or_else(|| format!("a tensor of {} has no place in the format", kind_text(kind)))?;
        let size = tensor.size();
        // A tensor that stands in several places is one in the file, too.
        let same = |other: &Tensor| tensor.numel() > 0 && alike(other, tensor);
        let index = self.storages.iter().position(same).unwrap_or_else(|| {
            self.storages.push(tensor.shallow_clone());
            self.storages.len() - 1
        });
        self.put(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage")?;
        self.put(format!("ctorch\n{class}\n").as_bytes());
        self.text(&index.to_string())?;
        self.text("cpu")?;
        self.int(tensor.numel() as i64);
        self.put(b"tQK\x00");
        self.sizes(&size);
        self.sizes(&contiguous_strides(&size));
        self.put(b"\x89ccollections\nOrderedDict\n)RtR");
        Ok(())
    }

    fn sizes(&mut self, sizes: &[i64]) {
        self.put(b"(");
        sizes.iter().for_each(|&size| self.int(size));
        self.put(b"t");
    }
}

/// Whether two tensors are the same window on the same memory.
fn alike(left: &Tensor, right: &Tensor) -> bool {
    left.data_ptr() == right.data_ptr()
        && left.kind() == right.kind()
        && left.device() == right.device()
        && left.size() == right.size()
        && left.stride() == right.stride()
}

/// The strides of a tensor whose elements follow each other.
fn contiguous_strides(size: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; size.len()];
    for dim in (1..size.len()).rev() {
        strides[dim - 1] = strides[dim] * size[dim].max(1);
    }
    strides
}
