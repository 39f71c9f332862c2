//! The names that a file may ask for, and the refusal of all others.

use crate::dtype::Dtype;
use crate::error::{Error, refused};
use crate::node::Global;

/// The object of that name, or why it is refused.
pub(crate) fn find(module: &str, name: &str) -> Result<Global, Error> {
    let found = match (module, name) {
        ("collections", "OrderedDict") => Some(Global::OrderedDict),
        ("torch", "Size") => Some(Global::Size),
        ("torch", "device") => Some(Global::Device),
        ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Some(Global::TensorClass),
        ("torch.storage", "UntypedStorage") | ("torch", "UntypedStorage") => Some(Global::Storage(None)),
        ("torch" | "torch.cuda", _) if name.ends_with("Storage") => {
            Dtype::of_storage_class(name).map(|dtype| Global::Storage(Some(dtype)))
        }
        ("torch", _) => Dtype::of_name(name).map(Global::Dtype),
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

/// The name for messages: it comes from the file, so it is shortened and sanitised.
pub(crate) fn clean(module: &str, name: &str) -> String {
    let clean = |text: &str| text.chars().take(80).flat_map(char::escape_default).collect::<String>();
    if module.is_empty() { clean(name) } else { format!("{}.{}", clean(module), clean(name)) }
}

/// Names what was refused, and what to do.
pub(crate) fn refusal(module: &str, name: &str) -> Error {
    if module.is_empty() {
        return refused(format!("it holds {name}"));
    }
    let asked = format!("it asks for {}", clean(module, name));
    let of_torch = module.split('.').next().is_some_and(|root| root == "torch" || root == "torchvision");
    if module == "torch._utils" {
        return refused(format!(
            "{asked}, a kind of tensor (sparse, quantized, on no device …) that is not read here"
        ));
    }
    if name.ends_with("Storage") && of_torch {
        return refused(format!("{asked}, a type of elements that is not read here"));
    }
    if of_torch || module.starts_with("__main__") {
        return refused(format!(
            "{asked}: it seems to hold a whole Python object, which only its own code can rebuild. Save its \
             tensors in Python, `torch.save(model.state_dict(), PATH)`, and read that"
        ));
    }
    refused(format!(
        "{asked}, which no tensor needs; nothing was run. Such a file can run commands when Python loads it: \
         do not open it there unless you trust who made it"
    ))
}
