//! PyTorch files: damaged as a whole, and with a damaged pickle in a whole archive.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use herbarium::weights::torch_file::{self, Dict, Value};
use tch::Tensor;

use super::mutate::{damage, splice};
use super::run::Target;

pub fn target() -> Target {
    Target { name: "torch", seeds: seeds(), damage: damaged, read }
}

/// Reads a file, and does with its tensors what a learner may do first: look at it, load it.
fn read(file: &[u8]) -> bool {
    let Ok(value) = torch_file::from_bytes(file) else { return false };
    let shown = value.to_string();
    let state = value.state_dict();
    let objects = value.not_read();
    !shown.is_empty()
        && objects.iter().all(|object| !object.is_empty())
        && state.map_or(true, |state| state.to_string().starts_with("StateDict"))
}

/// The committed files that must be read, one of tch's, and one with all kinds of values.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/checkpoints");
    let mut seeds: Vec<Vec<u8>> = [
        "state_dict_zip.pth",
        "state_dict_legacy.pth",
        "tutorial_checkpoint.pt",
        "views_and_types.pt",
        "data_parallel_prefix.pth",
        "extras_2.pth",
        "extras_4.pth",
    ]
    .iter()
    .map(|name| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
    .collect();
    let weight = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0]).reshape([2, 2]);
    let scratch = std::env::temp_dir().join(format!("herbarium-fuzz-{}", std::process::id()));
    Tensor::save_multi(&[("a|b", &weight), ("c", &weight)], &scratch).expect("tch writes");
    seeds.push(fs::read(&scratch).expect("it is there"));
    let mut dict = Dict::new();
    dict.insert(
        "lists",
        Value::List(vec![Value::Tuple(vec![1.into(), 0.5.into()]), Value::None, (-7).into()]),
    );
    dict.insert("bytes", Value::Bytes(vec![0, 200, 255]));
    dict.insert(3, &weight);
    dict.insert("state_dict", [("w", &weight), ("v", &weight.transpose(0, 1))].into_iter().collect::<Dict>());
    torch_file::write(&scratch, &Value::Dict(dict)).expect("the file is written");
    seeds.push(fs::read(&scratch).expect("it is there"));
    fs::remove_file(&scratch).ok();
    seeds
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

/// Puts single opcodes, and short runs that mean something, into a pickle.
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
