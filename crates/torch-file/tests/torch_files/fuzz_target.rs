//! PyTorch files: damaged as a whole, and with a damaged pickle in a whole archive.

use fastrand::Rng;
use torch_file::{Dict, Dtype, Tensor, Value};

use super::mutate::{damage, splice};
use super::run::Target;

pub fn target() -> Target {
    Target { name: "torch", seeds: seeds(), damage: damaged, read }
}

/// Reads a file and uses its tensors as a learner would: prints it, loads it.
fn read(file: &[u8]) -> bool {
    let Ok(value) = torch_file::from_bytes(file) else { return false };
    let shown = value.to_string();
    let objects = value.not_read();
    let whole = |(_, tensor): &(String, Tensor)| {
        tensor.bytes().is_ok_and(|bytes| bytes.len() == tensor.numel() * tensor.dtype().size())
    };
    !shown.is_empty()
        && objects.iter().all(|object| !object.is_empty())
        && value.state_dict().map_or(true, |state| state.iter().all(whole))
}

/// The committed files that must be read, one of TorchScript, and one with all kinds of values.
fn seeds() -> Vec<Vec<u8>> {
    macro_rules! committed {
        ($($name:literal),*) => {
            vec![$(include_bytes!(concat!("../../../../tests/parity/checkpoints/", $name)).to_vec()),*]
        };
    }
    let mut seeds = committed!(
        "state_dict_zip.pth",
        "state_dict_legacy.pth",
        "tutorial_checkpoint.pt",
        "views_and_types.pt",
        "data_parallel_prefix.pth",
        "extras_2.pth",
        "extras_4.pth"
    );
    seeds.push(script());
    seeds.push(whole_model());
    seeds.push(everything());
    seeds
}

/// Four elements.
pub fn weight() -> Tensor {
    let bytes = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor::from_bytes(Dtype::Float32, vec![2, 2], bytes).expect("four elements")
}

fn everything() -> Vec<u8> {
    let weight = weight();
    let turned = Tensor::new(weight.storage().clone(), vec![2, 2], vec![1, 2], 0).expect("a window");
    let mut dict = Dict::new();
    dict.insert(
        "lists",
        Value::List(vec![Value::Tuple(vec![1.into(), 0.5.into()]), Value::None, (-7).into()]),
    );
    dict.insert("bytes", Value::Bytes(vec![0, 200, 255]));
    dict.insert(3, weight.clone());
    dict.insert("state_dict", [("w", weight), ("v", turned)].into_iter().collect::<Dict>());
    let mut file = Vec::new();
    torch_file::write(&mut file, "seed", &Value::Dict(dict)).expect("the file is written");
    file
}

/// Opcodes for a text.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// Opcodes for a tensor that is the whole of storage `0`: that of [`weight`].
pub fn tensor() -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        b"K\x04tQK\0(K\x02K\x02t(K\x02K\x01t\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// A file with this pickle, and [`weight`]'s values as its storage.
pub fn file(pickle: &[u8]) -> Vec<u8> {
    let values = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let pickle = [b"\x80\x02", pickle, b"."].concat();
    archive(&vec![("s/data.pkl".into(), pickle), ("s/data/0".into(), values)])
}

/// A module with two tensors and a module inside, as `torch.jit.save` and tch write them.
pub fn script() -> Vec<u8> {
    let module = |inside: Vec<u8>| [&b"c__torch__\nModule\n)\x81}("[..], &inside, b"ub"].concat();
    let inner = module([text("a|b"), tensor()].concat());
    file(&module([text("c"), tensor(), text("fc"), inner].concat()))
}

/// A model with a parameter, one that is not there, two buffers, of which one is not saved, an activation and a layer,
/// as `torch.save(model)` writes it.
pub fn whole_model() -> Vec<u8> {
    let dict = |entries: &[u8]| [&b"ccollections\nOrderedDict\n)R("[..], entries, b"u"].concat();
    let parameter =
        [b"ctorch._utils\n_rebuild_parameter\n(", &tensor()[..], b"\x88ccollections\nOrderedDict\n)RtR"]
            .concat();
    let module = |class: &str, parameters: &[u8], buffers: &[u8], modules: &[u8]| {
        [
            format!("c{class}\n").into_bytes(),
            b")\x81}(".to_vec(),
            [text("training"), b"\x88".to_vec()].concat(),
            [text("_parameters"), dict(parameters)].concat(),
            [text("_buffers"), dict(buffers)].concat(),
            [
                text("_non_persistent_buffers_set"),
                b"c__builtin__\nset\n](".to_vec(),
                text("cached"),
                b"e\x85R".to_vec(),
            ]
            .concat(),
            [text("_forward_hooks"), dict(b"")].concat(),
            [text("_modules"), dict(modules)].concat(),
            [text("helper"), b"cmine\nHelper\n)R".to_vec()].concat(),
            b"ub".to_vec(),
        ]
        .concat()
    };
    let layer = [text("weight"), parameter.clone(), text("bias"), b"N".to_vec()].concat();
    let buffers = [text("mean"), tensor(), text("cached"), tensor()].concat();
    let relu = module("torch.nn.modules.activation\nReLU", b"", b"", b"");
    let fc = module("torch.nn.modules.linear\nLinear", &layer, b"", b"");
    let modules = [text("relu"), relu, text("fc"), fc].concat();
    file(&module("__main__\nNet", &[text("scale"), parameter].concat(), &buffers, &modules))
}

fn damaged(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let seed = &seeds[rng.usize(..seeds.len())];
    let other = &seeds[rng.usize(..seeds.len())];
    // The checksums of an archive would hide what is behind them: mostly, only the pickle is damaged.
    let pickle = pickle_of(seed).filter(|_| rng.u8(..4) > 0);
    match pickle {
        Some((prefix, pickle, rest)) => {
            let mut pickle = match (rng.u8(..8), pickle_of(other)) {
                (0, Some((_, other, _))) => splice(&pickle, &other, rng),
                _ => pickle,
            };
            if rng.bool() {
                damage(&mut pickle, rng)
            } else {
                damage_opcodes(&mut pickle, rng)
            }
            let mut entries = vec![(format!("{prefix}data.pkl"), pickle)];
            for (name, mut content) in rest {
                if rng.u8(..40) == 0 {
                    damage(&mut content, rng);
                }
                if rng.u8(..80) > 0 {
                    entries.push((name, content));
                }
            }
            archive(&entries)
        }
        None => {
            let mut file = if rng.u8(..8) == 0 { splice(seed, other, rng) } else { seed.clone() };
            damage(&mut file, rng);
            file
        }
    }
}

/// Inserts single opcodes, and short meaningful sequences, into a pickle.
fn damage_opcodes(pickle: &mut Vec<u8>, rng: &mut Rng) {
    const PIECES: [&[u8]; 42] = [
        b"(",
        b"0",
        b"1",
        b"N",
        b"\x88",
        b"\x89",
        b")",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"]",
        b"l",
        b"}",
        b"d",
        b"a",
        b"e",
        b"s",
        b"u",
        b"R",
        b"\x81",
        b"b",
        b"Q",
        b".",
        b"h\x00",
        b"q\x00",
        b"\x94",
        b"K\x07",
        b"J\xff\xff\xff\xff",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"ccollections\nOrderedDict\n",
        b"cposix\nsystem\n",
        b"cmine\nNet\n",
        b"cmine\nNet\n)R",
        b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R",
        b"cnumpy._core.multiarray\n_reconstruct\n",
        b"cnumpy._core.multiarray\nscalar\n",
        b"cdatetime\ndatetime\n",
        b"cargparse\nNamespace\n)\x81",
        b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"X\x01\x00\x00\x00a",
        b"]q\x05h\x05h\x05h\x05e",
    ];
    for _ in 0..1 + rng.usize(..6) * usize::from(rng.bool()) {
        let piece = PIECES[rng.usize(..PIECES.len())];
        let at = rng.usize(..=pickle.len());
        let over = if rng.bool() { piece.len().min(pickle.len() - at) } else { 0 };
        let times = if rng.u8(..20) == 0 { rng.usize(..200) } else { 1 };
        pickle.splice(at..at + over, piece.repeat(times));
    }
}

type Entries = Vec<(String, Vec<u8>)>;

/// The folder in an archive of stored entries, its pickle, and its other entries.
fn pickle_of(file: &[u8]) -> Option<(String, Vec<u8>, Entries)> {
    let number = |at: usize, bytes: usize| -> Option<usize> {
        Some(file.get(at..at + bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    };
    let end = file.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let (mut pickle, mut rest) = (None, Entries::new());
    for _ in 0..count {
        let (size, name, extra, comment) =
            (number(at + 24, 4)?, number(at + 28, 2)?, number(at + 30, 2)?, number(at + 32, 2)?);
        let header = number(at + 42, 4)?;
        let start = header + 30 + number(header + 26, 2)? + number(header + 28, 2)?;
        let content = file.get(start..start + size)?.to_vec();
        let text = String::from_utf8(file.get(at + 46..at + 46 + name)?.to_vec()).ok()?;
        match text.strip_suffix("data.pkl") {
            Some(prefix) => pickle = Some((prefix.to_owned(), content)),
            None => rest.push((text, content)),
        }
        at += 46 + name + extra + comment;
    }
    let (prefix, pickle) = pickle?;
    Some((prefix, pickle, rest))
}

/// An archive of stored entries without checksums, as PyTorch can write it.
pub fn archive(entries: &Entries) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let size = (content.len() as u32).to_le_bytes();
        let name_length = (name.len() as u16).to_le_bytes();
        let common =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &size, &name_length, &[0, 0]].concat();
        let start = (file.len() as u32).to_le_bytes();
        directory.extend([&b"PK\x01\x02\x14\0"[..], &common, &[0; 10], &start, name.as_bytes()].concat());
        file.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), content].concat());
    }
    let (start, length) = ((file.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    let count = (entries.len() as u16).to_le_bytes();
    file.extend(directory);
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &length, &start, &[0, 0]].concat());
    file
}
