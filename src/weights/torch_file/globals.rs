//! The names that a file may ask for, and how the others are refused.

use tch::Kind;

use super::node::Global;

/// Storage classes and dtypes by their names.
const STORAGES: [(&str, Kind); 12] = [
    ("FloatStorage", Kind::Float),
    ("DoubleStorage", Kind::Double),
    ("HalfStorage", Kind::Half),
    ("BFloat16Storage", Kind::BFloat16),
    ("LongStorage", Kind::Int64),
    ("IntStorage", Kind::Int),
    ("ShortStorage", Kind::Int16),
    ("CharStorage", Kind::Int8),
    ("ByteStorage", Kind::Uint8),
    ("BoolStorage", Kind::Bool),
    ("ComplexFloatStorage", Kind::ComplexFloat),
    ("ComplexDoubleStorage", Kind::ComplexDouble),
];

const DTYPES: [(&str, Kind); 20] = [
    ("float32", Kind::Float),
    ("float", Kind::Float),
    ("float64", Kind::Double),
    ("double", Kind::Double),
    ("float16", Kind::Half),
    ("half", Kind::Half),
    ("bfloat16", Kind::BFloat16),
    ("int64", Kind::Int64),
    ("long", Kind::Int64),
    ("int32", Kind::Int),
    ("int", Kind::Int),
    ("int16", Kind::Int16),
    ("short", Kind::Int16),
    ("int8", Kind::Int8),
    ("uint8", Kind::Uint8),
    ("bool", Kind::Bool),
    ("complex64", Kind::ComplexFloat),
    ("cfloat", Kind::ComplexFloat),
    ("complex128", Kind::ComplexDouble),
    ("cdouble", Kind::ComplexDouble),
];

/// The storage class of a type, `FloatStorage`.
pub(super) fn storage_class(kind: Kind) -> Option<&'static str> {
    STORAGES.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name)
}

/// The name of a type, `float32`.
pub(super) fn dtype_name(kind: Kind) -> Option<&'static str> {
    DTYPES.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name)
}

/// The object of that name, or why it is not given out.
pub(super) fn find(module: &str, name: &str) -> Result<Global, String> {
    let known =
        |table: &[(&str, Kind)]| table.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let found = match (module, name) {
        ("collections", "OrderedDict") => Some(Global::OrderedDict),
        ("torch", "Size") => Some(Global::Size),
        ("torch", "device") => Some(Global::Device),
        ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Some(Global::TensorClass),
        ("torch.storage", "UntypedStorage") | ("torch", "UntypedStorage") => Some(Global::Storage(None)),
        ("torch" | "torch.cuda", _) if name.ends_with("Storage") => {
            known(&STORAGES).map(|kind| Global::Storage(Some(kind)))
        }
        ("torch", _) => known(&DTYPES).map(Global::Dtype),
        ("torch._utils", "_rebuild_tensor") => Some(Global::RebuildTensor),
        ("torch._utils", "_rebuild_tensor_v2") => Some(Global::RebuildTensorV2),
        ("torch._utils", "_rebuild_tensor_v3") => Some(Global::RebuildTensorV3),
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            Some(Global::RebuildParameter)
        }
        ("torch._tensor", "_rebuild_from_type_v2") => Some(Global::RebuildFromType),
        ("_codecs", "encode") => Some(Global::Encode),
        ("builtins" | "__builtin__", "set") => Some(Global::Set),
        ("torch.jit._pickle", "restore_type_tag") => Some(Global::ScriptTag),
        (
            "torch.jit._pickle",
            "build_intlist" | "build_tensorlist" | "build_doublelist" | "build_boollist",
        ) => Some(Global::ScriptList),
        _ if module == "__torch__" || module.starts_with("__torch__.") => Some(Global::Script),
        _ => None,
    };
    found.ok_or_else(|| refusal(module, name))
}

/// The name as it is shown: it comes from the file, so it is cut and cleaned.
pub(super) fn clean(module: &str, name: &str) -> String {
    let clean = |text: &str| text.chars().take(80).flat_map(char::escape_default).collect::<String>();
    if module.is_empty() { clean(name) } else { format!("{}.{}", clean(module), clean(name)) }
}

/// Names what was refused, and what to do.
pub(super) fn refusal(module: &str, name: &str) -> String {
    if module.is_empty() {
        return format!("refused: it holds {name}");
    }
    let asked = format!("refused: it asks for {}", clean(module, name));
    let of_torch = module.split('.').next().is_some_and(|root| root == "torch" || root == "torchvision");
    if module == "torch._utils" {
        return format!(
            "{asked}, a kind of tensor (sparse, quantized, on no device …) that is not read here"
        );
    }
    if name.ends_with("Storage") && of_torch {
        return format!("{asked}, a type of elements that is not read here");
    }
    if of_torch || module.starts_with("__main__") {
        return format!(
            "{asked}: it seems to hold a whole Python object, which only its own code can rebuild. Save its \
             tensors in Python, `torch.save(model.state_dict(), PATH)`, and read that"
        );
    }
    format!(
        "{asked}, which no tensor needs; nothing was run. Such a file can run commands when Python loads it: \
         do not open it there unless you trust who made it"
    )
}
