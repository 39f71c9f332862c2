//! `torch.save(model)`: the model's tensors are read, and nothing of its code is run.

use torch_file::Value;

use super::Outcome;
use super::fuzz::torch::{file, tensor, text, weight, whole_model};

#[test]
fn a_whole_model_gives_what_its_state_dict_has() -> Outcome {
    let value = torch_file::from_bytes(&whole_model())?;
    let state = value.state_dict()?;
    let names: Vec<&str> = state.iter().map(|(name, _)| name.as_str()).collect();
    // As `Net().state_dict()`: parameters, buffers that are saved, modules; no bias, nothing of the activation.
    assert_eq!(names, ["scale", "mean", "fc.weight"]);
    assert_eq!(state[2].1.bytes()?, weight().bytes()?);
    assert!(value.to_string().starts_with("Module({\n    'scale': tensor (2, 2) float32"), "{value}");
    Ok(())
}

#[test]
fn a_checkpoint_may_hold_a_model_instead_of_its_state_dict() -> Outcome {
    let pickle = whole_model();
    let start = pickle.windows(4).position(|four| four == b"\x80\x02c_").ok_or("no pickle")? + 2;
    let end = pickle.windows(5).position(|five| five == b"ub.PK").ok_or("no end")? + 2;
    let model = &pickle[start..end];
    let checkpoint = [b"}(", &text("epoch")[..], b"K\x03", &text("model"), model, b"u"].concat();
    let value = torch_file::from_bytes(&file(&checkpoint))?;
    assert_eq!(value.get("epoch").and_then(Value::as_int), Some(3));
    assert_eq!(value.state_dict()?.len(), 3);
    Ok(())
}

/// The old format stores a class together with its source.
#[test]
fn code_that_stands_beside_a_model_is_not_read() -> Outcome {
    let class =
        [b"(", &text("module")[..], b"cmine\nNet\n", &text("net.py"), &text("import os"), b"tQ"].concat();
    let value = torch_file::from_bytes(&file(
        &[b"}(", &text("w")[..], &tensor(), &text("c"), &class, b"u"].concat(),
    ))?;
    assert_eq!(value.not_read(), ["c (mine.Net)"]);
    Ok(())
}
