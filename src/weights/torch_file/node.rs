//! What a pickle builds while it is read: nodes that refer to each other by number, so that lists which
//! hold each other, or themselves, neither leak nor grow.

use tch::Kind;

/// A node's number.
pub(super) type Id = u32;

/// A range of the pickle's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub start: usize,
    pub length: usize,
}

/// One object of a pickle.
#[derive(Debug)]
pub(super) enum Node {
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
    Global(Global),
    /// An index into the pickle's storages.
    Storage(u32),
    /// An index into the pickle's tensors.
    Tensor(u32),
}

/// The entries of a dictionary, and what kind it is.
#[derive(Debug)]
pub(super) struct Entries {
    pub class: Class,
    pub entries: Vec<(Id, Id)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Dict,
    OrderedDict,
    /// An object of a TorchScript file: its attributes.
    Module,
}

/// The few names that tensors need. None of them is ever called: what each would do is done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// A storage of elements of this type; of bytes where there is none.
    Storage(Option<Kind>),
    Dtype(Kind),
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
}

/// A storage that a pickle names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Storage {
    /// Its name in the file.
    pub key: String,
    /// The type of its elements; bytes where there is none.
    pub kind: Option<Kind>,
    /// How many elements it has.
    pub numel: u64,
    /// The old format's views: name of the view, first element, elements.
    pub view: Option<(String, u64, u64)>,
}

/// A tensor as a window on a storage.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// An index into the pickle's storages.
    pub storage: u32,
    /// The type, where the storage is of bytes.
    pub kind: Option<Kind>,
    pub offset: i64,
    /// The tuple of sizes.
    pub size: Id,
    /// The tuple of strides.
    pub stride: Id,
}
