//! Files that PyTorch wrote, and files written here and read again.

use torch_file::{Dict, DictKind, Dtype, Key, Tensor, Value};

use super::Outcome;
use super::fuzz::torch::{script, weight};

macro_rules! committed {
    ($name:literal) => {
        torch_file::from_bytes(include_bytes!(concat!("../../../../tests/parity/checkpoints/", $name)))
    };
}

fn names(value: &Value) -> Result<Vec<String>, torch_file::Error> {
    Ok(value.state_dict()?.into_iter().map(|(name, _)| name).collect())
}

/// Both formats hold the same names, types, shapes and bytes.
#[test]
fn the_old_and_the_new_format_hold_the_same() -> Outcome {
    let (new, old) = (committed!("state_dict_zip.pth")?, committed!("state_dict_legacy.pth")?);
    assert_eq!(new.to_string(), old.to_string());
    for ((name, new), (_, old)) in new.state_dict()?.iter().zip(&old.state_dict()?) {
        assert_eq!((new.dtype(), new.bytes()?), (old.dtype(), old.bytes()?), "{name}");
        // What is read again is the same, and no limit is met.
        assert_eq!(new.bytes()?, old.bytes()?);
    }
    Ok(())
}

#[test]
fn views_share_their_storage_and_are_contiguous_as_bytes() -> Outcome {
    let views = committed!("views_and_types.pt")?;
    let tensor = |name: &str| views.get(name).and_then(Value::as_tensor).expect("a tensor");
    let (whole, turned) = (tensor("whole"), tensor("transposed"));
    assert_eq!(whole.storage(), turned.storage());
    assert!(whole.is_contiguous() && !turned.is_contiguous());
    let (&[rows, columns], size) = (whole.shape(), whole.dtype().size()) else { panic!("{whole}") };
    let (straight, across) = (whole.bytes()?, turned.bytes()?);
    for (row, column) in [(0, 0), (rows - 1, 0), (rows - 1, columns - 1), (0, columns - 1)] {
        let element = |bytes: &[u8], index: usize| bytes[index * size..(index + 1) * size].to_vec();
        assert_eq!(element(&straight, row * columns + column), element(&across, column * rows + row));
    }
    Ok(())
}

/// An optimizer's entries are found by number and come in order.
#[test]
fn keys_stay_numbers_and_in_order() -> Outcome {
    let checkpoint = committed!("tutorial_checkpoint.pt")?;
    let state = checkpoint.get("optimizer").and_then(|optimizer| optimizer.get("state")).ok_or("no state")?;
    let keys: Vec<Option<i64>> =
        state.as_dict().ok_or("no dict")?.iter().map(|(key, _)| key.as_int()).collect();
    assert_eq!(keys, (0..keys.len() as i64).map(Some).collect::<Vec<_>>());
    assert!(state.get(0).and_then(|of_one| of_one.get("step")).and_then(Value::as_float).is_some());
    assert!(state.get("0").is_none());
    Ok(())
}

#[test]
fn torch_scripts_modules_give_their_tensors() -> Outcome {
    let value = torch_file::from_bytes(&script())?;
    assert_eq!(names(&value)?, ["c", "fc.a.b"]);
    assert_eq!(value.state_dict()?[1].1.bytes()?, weight().bytes()?);
    Ok(())
}

#[test]
fn what_is_written_is_read() -> Outcome {
    let weight = weight();
    let turned = Tensor::new(weight.storage().clone(), vec![2, 2], vec![1, 2], 0)?;
    let lazy = torch_file::Storage::lazy(Dtype::Int16, 3, || Ok(vec![1, 0, 2, 0, 3, 0]));
    let mut tensors = Dict::of_kind(DictKind::OrderedDict);
    tensors.insert("weight", weight.clone());
    tensors.insert("turned", turned);
    tensors.insert("scalar", Tensor::from_bytes(Dtype::BFloat16, vec![], vec![0x80, 0x3F])?);
    tensors.insert("empty", Tensor::from_bytes(Dtype::Bool, vec![0, 3], vec![])?);
    tensors.insert("lazy", Tensor::of_storage(lazy, vec![3])?);
    let mut all = Dict::new();
    all.insert("state_dict", tensors);
    all.insert("numbers", vec![0.into(), 255.into(), 256.into(), (-1).into(), i64::MIN.into(), 0.1.into()]);
    all.insert("text", "k\u{e4}se \"10\"\n\u{2740}");
    all.insert("bytes", Value::Bytes((0..=255).collect()));
    all.insert("tuple", Value::Tuple(vec![true.into(), Value::None, Value::Tuple(vec![]), Value::dict()]));
    all.insert(Key::Int(7), "a number as key");
    let value = Value::Dict(all);
    let mut file = Vec::new();
    torch_file::write(&mut file, "all", &value)?;
    let read = torch_file::from_bytes(&file)?;
    assert_eq!(read.to_string(), value.to_string());
    for ((name, read), (_, written)) in read.state_dict()?.iter().zip(&value.state_dict()?) {
        assert_eq!(read.bytes()?, written.bytes()?, "{name}");
    }
    let shared = read.state_dict()?;
    assert_eq!(shared[0].1.storage(), shared[1].1.storage());
    assert_eq!(read.get("bytes").map(Value::to_string).as_deref(), Some("256 bytes"));
    // What was read can be written as it is.
    let mut again = Vec::new();
    torch_file::write(&mut again, "all", &read)?;
    assert_eq!(again, file);
    Ok(())
}

#[test]
fn damage_behind_the_pickle_is_found_when_it_is_read() -> Outcome {
    let mut file = Vec::new();
    torch_file::write(&mut file, "a", &Value::Dict([("w", weight())].into_iter().collect()))?;
    let four = 4f32.to_le_bytes();
    let place = file.windows(4).position(|bytes| bytes == four).ok_or("no 4.0")?;
    file[place + 2] ^= 1;
    let value = torch_file::from_bytes(&file)?;
    let told = value.state_dict()?[0].1.bytes().expect_err("damaged").to_string();
    assert!(told.starts_with("damaged: a/data/0 in the zip archive has another checksum"), "{told}");
    let told = torch_file::from_bytes(&file[..file.len() - 30]).expect_err("truncated").to_string();
    assert!(told.starts_with("truncated: "), "{told}");
    Ok(())
}
