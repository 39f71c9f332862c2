//! Malicious PyTorch files, made by hand: each is refused, naming what it asks for, without taking
//! time or memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use torch_file::{Tensor, Value};

use super::Outcome;
use super::fuzz::torch::archive;

/// A file with this pickle, and four bytes as its only storage.
fn file(pickle: &[u8]) -> Vec<u8> {
    archive(&vec![("a/data.pkl".into(), pickle.to_vec()), ("a/data/0".into(), 1.5f32.to_le_bytes().to_vec())])
}

fn refusal(file: &[u8]) -> String {
    torch_file::from_bytes(file).expect_err("this file must be refused").to_string()
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn number(number: i64) -> Vec<u8> {
    [&b"\x8a\x08"[..], &number.to_le_bytes()].concat()
}

fn tuple(numbers: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().flat_map(|&value| number(value)).collect(), b"t".to_vec()].concat()
}

/// A float32 tensor on storage `0`, said to have `numel` elements.
fn tensor(numel: i64, offset: i64, size: &[i64], stride: &[i64]) -> Vec<u8> {
    [
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        number(numel),
        b"tQ".to_vec(),
        number(offset),
        tuple(size),
        tuple(stride),
        b"\x89ccollections\nOrderedDict\n)RtR.".to_vec(),
    ]
    .concat()
}

#[test]
fn the_frame_of_these_tests_is_right() -> Outcome {
    let value = torch_file::from_bytes(&file(&tensor(1, 0, &[], &[])))?;
    assert_eq!(value.as_float(), Some(1.5));
    let expanded = torch_file::from_bytes(&file(&tensor(1, 0, &[3, 4], &[0, 0])))?;
    assert_eq!(expanded.as_tensor().map(Tensor::shape), Some(&[3, 4][..]));
    Ok(())
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let cases = [
        (tensor(1 << 60, 0, &[1 << 60], &[1]), "has 4 bytes, its tensors need 4611686018427387904"),
        (tensor(i64::MAX, 0, &[1], &[1]), "larger than memory can be"),
        (tensor(-1, 0, &[1], &[1]), "damaged"),
        (tensor(2, 0, &[2], &[1]), "has 4 bytes, its tensors need 8"),
        (tensor(1, 1, &[1], &[1]), "extends beyond its storage of 1 elements"),
        (tensor(1, 0, &[2], &[1]), "extends beyond"),
        (tensor(1, -1, &[1], &[1]), "do not match"),
        (tensor(1, 0, &[1, 1], &[1]), "do not match"),
        (tensor(1, 0, &[-1], &[1]), "not a whole number of 0 or more"),
        (tensor(1, 0, &[1], &[i64::MIN]), "not a whole number of 0 or more"),
        (tensor(1, 0, &[1 << 40, 1 << 40], &[0, 0]), "larger than memory can be"),
        (tensor(1, 0, &[0, 1 << 40, 1 << 40], &[0, 0, 0]), "larger than memory can be"),
        (tensor(1, 0, &[1 << 40], &[0]), "repeats a storage of 1 elements"),
        (tensor(1, 0, &[2, 2], &[i64::MAX, i64::MAX]), "extends beyond"),
        (tensor(1, 0, &[1; 65], &[1; 65]), "65 dimensions"),
    ];
    for (pickle, expected) in cases {
        let told = refusal(&file(&pickle));
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn lists_of_lists_do_not_unfold_without_bound() {
    // Forty lists in a tuple, each with the one before it twice: a million million in all.
    let lists: Vec<u8> = (0..40u8).flat_map(|n| [b']', 0x94, b'(', b'h', n, b'h', n, b'e']).collect();
    let laughs = [&b"\x80\x02(]\x94"[..], &lists, b"t."].concat();
    assert!(
        refusal(&file(&laughs)).contains("expands to far more than its own size"),
        "{}",
        refusal(&file(&laughs))
    );
    assert!(refusal(&file(b"\x80\x02]q\x00h\x00a.")).contains("more than 100 deep"));
    let deep = [&b"\x80\x02"[..], &[b']'; 5000], &[b'a'; 4999], b"."].concat();
    assert!(refusal(&file(&deep)).contains("more than 100 deep"));
}

#[test]
fn archives_do_not_expand_without_bound() -> Outcome {
    // Ten megabytes of zeros in ten kilobytes.
    let zeros = vec![0; 10_000_000];
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&zeros)?;
    let packed = encoder.finish()?;
    assert!(packed.len() < 20_000);
    let numel = (zeros.len() / 4) as i64;
    let entries = vec![("a/data.pkl".into(), tensor(numel, 0, &[numel], &[1])), ("a/data/0".into(), packed)];
    let mut bomb = archive(&entries);
    // Say in the directory that the second entry is compressed, and how long it is.
    let second = bomb.windows(4).rposition(|four| four == b"PK\x01\x02").ok_or("no directory")?;
    bomb[second + 10] = 8;
    bomb[second + 24..second + 28].copy_from_slice(&(zeros.len() as u32).to_le_bytes());
    let told = refusal(&bomb);
    assert!(told.contains("expands to more than 32 times the file"), "{told}");

    let twice = vec![("a/data.pkl".into(), b"N.".to_vec()), ("a/data.pkl".into(), b"N.".to_vec())];
    assert!(refusal(&archive(&twice)).contains("two entries a/data.pkl"));
    assert!(refusal(&archive(&vec![("a/b".into(), vec![])])).contains("no data.pkl"));
    Ok(())
}

/// The most memory that this process has taken so far, in bytes; none where the system does not say.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[test]
fn texts_and_names_are_not_copied_without_bound() -> Outcome {
    // A text of 100 kB, made bytes 100,000 times: 10 GB, if each were a copy.
    let once = b"h\0h\x01h\x02\x86R0";
    let encoded = [
        b"\x80\x02c_codecs\nencode\nq\0".to_vec(),
        text(&"a".repeat(100_000)),
        b"q\x01".to_vec(),
        text("latin1"),
        b"q\x02".to_vec(),
        once.repeat(100_000),
        b"000N.".to_vec(),
    ]
    .concat();
    assert!(matches!(torch_file::from_bytes(&file(&encoded))?, Value::None));
    assert!(most_memory().is_none_or(|bytes| bytes < 2 << 30), "{:?} bytes", most_memory());

    let tensor = tensor(1, 0, &[], &[]);
    let place = tensor.windows(6).position(|six| six == b"X\x01\0\0\x000").ok_or("no key")?;
    let named = [&tensor[..place], &text(&"0".repeat(257)), &tensor[place + 6..]].concat();
    assert!(refusal(&file(&named)).contains("names a storage in a way that PyTorch does not"));
    Ok(())
}

#[test]
fn every_other_name_and_opcode_is_refused() {
    let names = [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("collections", "defaultdict"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("torch", "load"),
        ("torch", "FloatStorage.__init__"),
        ("torch._utils", "_rebuild_device_tensor_from_numpy"),
        ("torch.serialization", "load"),
        ("__main__", "Net"),
    ];
    for (module, name) in names {
        for call in [&b")R."[..], b")\x81.", b"."] {
            let pickle = [&b"\x80\x02"[..], format!("c{module}\n{name}\n").as_bytes(), call].concat();
            let told = refusal(&file(&pickle));
            assert!(told.contains(&format!("refused: it asks for {module}.{name}")), "{told}");
        }
    }
    // Protocol 4's way of naming.
    let stacked = [b"\x80\x04".to_vec(), text("os"), text("system"), b"\x93.".to_vec()].concat();
    assert!(refusal(&file(&stacked)).contains("refused: it asks for os.system"));
    // Classes by number, instances of old classes, objects of other files, out-of-band buffers.
    for opcode in
        [b"\x82\x01".as_slice(), b"\x84\x01\0\0\0", b"(os\nsystem\n", b"i", b"o", b"P0\n", b"\x97", b"I1\n"]
    {
        let told = refusal(&file(&[b"\x80\x02", opcode, b"."].concat()));
        assert!(told.contains("refused: opcode") || told.contains("damaged"), "{told}");
    }
    for (pickle, expected) in [
        (&b"\x80\x02ccollections\nOrderedDict\n."[..], "a class or a function as a value"),
        (b"\x80\x02K\x01)R.", "calls something other than a function"),
        (b"\x80\x02}s.", "takes a value that is not there"),
        (b"\x80\x02}(K\x03s.", "takes a value that is not there"),
        (b"\x80\x02}K\x01K\x02\x86K\x03s.", "a key that is a tuple"),
        (b"\x80\x02]K\x01K\x02s.", "something other than a dictionary"),
        (b"\x80\x02R.", "takes a value that is not there"),
        (b"\x80\x02h\x07.", "recalls a value that it never stored"),
        (b"\x80\x02(((", "ends inside its pickle"),
        (b"\x80\x02K\x01K\x02.", "in the middle of something"),
        (b"\x80\x63N.", "protocol 99"),
    ] {
        let told = refusal(&file(pickle));
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

/// A dictionary of a tensor `w` and what `rest` makes under `x`.
fn beside(rest: &[u8]) -> Vec<u8> {
    let tensor = tensor(1, 0, &[], &[]);
    let tensor = &tensor[2..tensor.len() - 1];
    file(
        &[b"\x80\x02}(".to_vec(), text("w"), tensor.to_vec(), text("x"), rest.to_vec(), b"u.".to_vec()]
            .concat(),
    )
}

#[test]
fn harm_is_refused_beside_weights_and_the_rest_passed_over() -> Outcome {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("shutil", "rmtree"),
        ("pickle", "loads"),
        ("types", "CodeType"),
        ("os.path", "join"),
    ] {
        let pickle = [format!("c{module}\n{name}\n").as_bytes(), b")R"].concat();
        let told = refusal(&beside(&pickle));
        assert!(told.contains(&format!("refused: it asks for {module}.{name}")), "{told}");
    }
    // Called, named, given attributes, items and entries, called again: under any name, none of it is run.
    for rest in [
        &b"cmine\nNet\n)R"[..],
        b"cmine\nNet\n",
        b"cmine\nNet\n)\x81}b",
        b"cmine\nNet\n)R)R",
        b"cmine\nNet\nq\0h\0\x85R",
        b"cbuiltins\ngetattr\ncmine\nNet\nX\x01\0\0\0a\x86R",
        b"cnumpy._core.multiarray\n_reconstruct\n)R(K\x01K\x02tb",
        b"cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0f8\x85RC\x01a\x86R",
        b"cdatetime\ndatetime\nC\x01a\x85R",
        b"ctorch._utils\n_rebuild_sparse_tensor\n)R",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\ncmine\nSub\n)NtR",
        b"\x8a\x09abcdefghi",
        b"\x8b\x09\0\0\0abcdefghi",
    ] {
        let value = torch_file::from_bytes(&beside(rest))?;
        assert_eq!(value.get("w").and_then(Value::as_float), Some(1.5));
        assert!(matches!(value.get("x"), Some(Value::Object(_))), "{value}");
        let state = value.state_dict()?;
        assert_eq!(state.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["w"]);
    }
    let value = torch_file::from_bytes(&beside(b"cmine\nBag\n)R(X\x01\0\0\0aK\x07u"))?;
    assert_eq!(value.get("x").and_then(|bag| bag.get("a")).and_then(Value::as_int), Some(7));
    Ok(())
}

#[test]
fn values_are_found_by_name_and_number() -> Outcome {
    // {'lr': 0.5, 0: {'step': 3}, 'step': <tensor>}, with a key that comes twice: the last counts.
    let inner = [b"}".to_vec(), text("step"), number(3), b"s".to_vec()].concat();
    let pickle = [
        b"\x80\x02}(".to_vec(),
        text("lr"),
        number(9),
        b"K\0".to_vec(),
        inner,
        text("lr"),
        b"G".to_vec(),
        0.5f64.to_be_bytes().to_vec(),
        b"u.".to_vec(),
    ]
    .concat();
    let value = torch_file::from_bytes(&file(&pickle))?;
    assert_eq!(value.get("lr").and_then(Value::as_float), Some(0.5));
    assert_eq!(value.get(0).and_then(|inner| inner.get("step")).and_then(Value::as_int), Some(3));
    assert!(value.get("momentum").is_none() && value.get(1).is_none());
    assert_eq!(value.to_string(), "{\n    'lr': 0.5,\n    0: {\n        'step': 3\n    }\n}");
    let told = value.state_dict().expect_err("no tensors").to_string();
    assert!(told.contains("its keys are lr, 0"), "{told}");
    Ok(())
}
