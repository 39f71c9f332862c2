//! What a pickle builds while it is read: nodes that refer to each other by number, so that cyclic
//! lists neither leak nor grow.

use crate::dtype::Dtype;

/// A node's number.
pub(crate) type Id = u32;

/// A range of the pickle's bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start: usize,
    pub length: usize,
}

/// One object of a pickle.
#[derive(Debug)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text, checked to be UTF-8.
    Text(Span),
    /// Bytes.
    Bytes(Span),
    /// Bytes that were written as text, one letter a byte.
    Encoded(Box<[u8]>),
    /// A string of Python 2: text or bytes.
    Old(Span),
    Tuple(Box<[Id]>),
    List(Vec<Id>),
    Dict(Entries),
    /// An object of a class that is not torch's, boxed because there are few.
    Object(Box<Object>),
    Global(Global),
    /// An index into the pickle's storages.
    Storage(u32),
    /// An index into the pickle's tensors.
    Tensor(u32),
}

/// The entries of a dictionary, and what kind it is.
#[derive(Debug)]
pub(crate) struct Entries {
    pub class: Class,
    pub entries: Vec<(Id, Id)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Dict,
    OrderedDict,
    /// An object of a TorchScript file: its attributes.
    Module,
}

/// An object of a Python class, as its pickle describes it. None of its code is run.
#[derive(Debug)]
pub(crate) struct Object {
    /// An index into the pickle's foreign names.
    pub class: u32,
    /// The tuple that the class, or a function of that name, was called with.
    pub arguments: Id,
    /// What was set on it afterwards.
    pub state: Option<Id>,
    /// Its entries, if it is a kind of dictionary.
    pub entries: Vec<(Id, Id)>,
    /// Its items, if it is a kind of list.
    pub items: Vec<Id>,
}

/// A class or function that is not torch's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreign<'a> {
    /// Empty for what has no name in Python.
    pub module: &'a str,
    pub name: &'a str,
}

/// The few names that tensors need. None of them is ever called: this crate does itself what each
/// would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    /// A storage of elements of this type; of bytes where there is none.
    Storage(Option<Dtype>),
    Dtype(Dtype),
    Size,
    Device,
    /// `torch.Tensor` or `Parameter`, as the class of a tensor.
    TensorClass,
    RebuildTensor,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    RebuildFromType,
    /// `_codecs.encode`: bytes in the protocols before 3.
    Encode,
    Set,
    /// A class of a TorchScript file.
    Script,
    ScriptList,
    ScriptTag,
    /// Any other: an index into the pickle's foreign names.
    Foreign(u32),
}

/// A storage that a pickle names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Storage {
    /// Its name in the file.
    pub key: String,
    /// The type of its elements; bytes where there is none.
    pub dtype: Option<Dtype>,
    /// How many elements it has.
    pub numel: u64,
    /// The old format's views: name of the view, first element, elements.
    pub view: Option<(String, u64, u64)>,
}

/// A tensor as a view of a storage.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// An index into the pickle's storages.
    pub storage: u32,
    /// The type, where the storage is of bytes.
    pub dtype: Option<Dtype>,
    pub offset: i64,
    /// The tuple of sizes.
    pub size: Id,
    /// The tuple of strides.
    pub stride: Id,
}
