//! Pictures per second of the loader alone, and what a very large folder takes; one JSON line a measurement.
//!
//! The pictures are those of `HERBARIUM_DATA`, else the painted flowers, copied as JPEGs of 667 by 500 pixels; the
//! transforms are the tutorial's. With `HERBARIUM_PEER_PYTHON` (a Python with torch and torchvision) and
//! `HERBARIUM_PEER_SCRIPT` (`torch_tutorial.py`) PyTorch's loader is measured in the same run, without workers and with two, and every
//! line says how many times faster it is.
//! `HERBARIUM_BENCH_RUNS` repetitions, 5 by default; `HERBARIUM_BENCH_FILES` files in the large folder, 200,000 by
//! default; 0 leaves it out.

mod tutorial;

use std::path::{Path, PathBuf};
use std::time::Instant;

use herbarium::data::{CacheOptions, Decoding};
use herbarium::prelude::*;
use image::codecs::jpeg::JpegEncoder;
use serde_json::{Map, Value, json};
use tutorial::{read, tutorial_transforms};

fn main() -> Result<()> {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (runs, files) = (number("HERBARIUM_BENCH_RUNS", 5), number("HERBARIUM_BENCH_FILES", 200_000));
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("loader");
    if files > 0 {
        // First: the peak of the process's memory must be this one's.
        large_folder(&scratch.join(format!("many-{files}")), files)?;
    }
    let data_dir = copy_large(&data::flowers()?, &scratch.join("photographs"))?;
    let peer = Peer::measure(&data_dir);
    let cache = scratch.join("cache");
    let transforms = tutorial_transforms();
    let sets = ImageFolder::splits(&data_dir, &transforms)?;
    let clear = || data::cache::clear_folder(&cache).map(drop);
    let with = |memory, disk, decoding| LoaderOptions {
        batch_size: 128,
        shuffle: true,
        decoding,
        cache: CacheOptions { memory, disk, folder: Some(cache.clone()) },
        ..Default::default()
    };
    let (memory, disk) = (1 << 30, 8 << 30);
    let mut lines = Vec::new();
    for (part, set) in &sets {
        let first = |options: LoaderOptions| {
            let set = set.clone();
            move || {
                clear()?;
                read(&DataLoader::new(set.clone(), options.clone()))
            }
        };
        let what = |name: &str| format!("loader {part}, {name}");
        lines.push((part, what("nothing kept"), measure(runs, first(with(0, 0, Decoding::Exact)))?));
        lines.push((
            part,
            what("first epoch, kept in memory and on disk"),
            measure(runs, first(with(memory, disk, Decoding::Exact)))?,
        ));
        lines.push((
            part,
            what("first epoch, reduced decoding"),
            measure(runs, first(with(memory, disk, Decoding::Reduced)))?,
        ));
        clear()?;
        let kept = DataLoader::new(set.clone(), with(memory, disk, Decoding::Exact));
        lines.push((part, what("later epochs, from memory"), measure(runs, || read(&kept))?));
        drop(kept);
        let warm = DataLoader::new(set.clone(), with(0, disk, Decoding::Exact));
        lines.push((part, what("first epoch of the next kernel, from disk"), measure(runs, || read(&warm))?));
    }
    clear()?;
    for (part, what, values) in lines {
        report(&what, part, &values, &peer);
    }
    Ok(())
}

/// One run to warm up, then `runs` measured ones, in order of size.
fn measure(runs: usize, mut once: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    once()?;
    let mut values = (0..runs.max(1)).map(|_| once()).collect::<Result<Vec<f64>>>()?;
    values.sort_by(f64::total_cmp);
    Ok(values)
}

fn report(what: &str, part: &str, values: &[f64], peer: &Peer) {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    let median = values[values.len() / 2];
    let mut line = json!({
        "what": what,
        "unit": "images/s",
        "median": round(median),
        "minimum": round(values[0]),
        "maximum": round(values[values.len() - 1]),
        "runs": values.len(),
    });
    for (workers, speeds) in &peer.speeds {
        if let (Some(peer), Some(line)) = (speeds.get(part).and_then(Value::as_f64), line.as_object_mut()) {
            line.insert(format!("PyTorch, {workers} workers"), peer.into());
            line.insert(format!("times PyTorch, {workers} workers"), round(median / peer).into());
        }
    }
    println!("{line}");
}

/// PyTorch's loader on the same pictures.
struct Peer {
    /// For each number of workers the images per second of `train` and `valid`.
    speeds: Vec<(usize, Map<String, Value>)>,
}

impl Peer {
    fn measure(data_dir: &Path) -> Peer {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let script = set("HERBARIUM_PEER_SCRIPT").map(PathBuf::from).unwrap_or_else(|| {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/torch_tutorial.py")
        });
        let Some(python) = set("HERBARIUM_PEER_PYTHON").filter(|_| script.exists()) else {
            eprintln!("PyTorch is not measured: set HERBARIUM_PEER_PYTHON (and HERBARIUM_PEER_SCRIPT)");
            return Peer { speeds: Vec::new() };
        };
        let run = |workers: usize| {
            let output = std::process::Command::new(&python)
                .arg(&script)
                .args([data_dir.as_os_str(), "0".as_ref(), "0".as_ref()])
                .env("WORKERS", workers.to_string())
                .output();
            let text =
                output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            // Lines like "loader train: 332 img/s".
            let speed = |line: &str| {
                let (part, speed) = line.strip_prefix("loader ")?.split_once(": ")?;
                let speed: f64 = speed.strip_suffix(" img/s")?.parse().ok()?;
                Some((part.to_string(), Value::from(speed)))
            };
            (workers, text.lines().filter_map(speed).collect())
        };
        Peer { speeds: vec![run(0), run(2)] }
    }
}

/// The pictures of `from` as JPEGs of 667 by 500 pixels in `to`, once.
fn copy_large(from: &Path, to: &Path) -> Result<PathBuf> {
    let same = Splits { train: Compose::new(vec![]), valid: Compose::new(vec![]) };
    for (part, set) in &ImageFolder::splits(from, &same)? {
        for (index, (path, label)) in set.samples().iter().enumerate() {
            let folder = to.join(part).join(&set.classes()[*label as usize]);
            let target = folder.join(path.file_stem().unwrap_or_default()).with_extension("jpg");
            if target.exists() {
                continue;
            }
            let picture = image::imageops::resize(
                &set.picture(index)?,
                667,
                500,
                image::imageops::FilterType::CatmullRom,
            );
            let mut bytes = Vec::new();
            let encoded = JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture);
            encoded.map_err(|error| Error::Argument(error.to_string()))?;
            write(&folder, &target, &bytes)?;
        }
    }
    Ok(to.to_path_buf())
}

fn write(folder: &Path, file: &Path, bytes: &[u8]) -> Result<()> {
    let wrong = |source| Error::Io { action: "writing", path: file.to_path_buf(), source };
    std::fs::create_dir_all(folder).map_err(wrong)?;
    std::fs::write(file, bytes).map_err(wrong)
}

/// How long a folder of `count` small pictures takes to open, warm, and what an epoch over it takes without a cache.
fn large_folder(folder: &Path, count: usize) -> Result<()> {
    let mut png = std::io::Cursor::new(Vec::new());
    let encoded = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8, y as u8, 9]))
        .write_to(&mut png, image::ImageFormat::Png);
    encoded.map_err(|error| Error::Argument(error.to_string()))?;
    let png = png.into_inner();
    for i in 0..count {
        let class = folder.join(format!("class {:03}", i % 100));
        let file = class.join(format!("image_{i:06}.png"));
        if !file.exists() {
            write(&class, &file, &png)?;
        }
    }
    let pipeline = || Compose::new(vec![resize([8, 8]), random_horizontal_flip(0.5), to_tensor()]);
    drop(ImageFolder::new(folder, pipeline())?);
    let start = Instant::now();
    let set = ImageFolder::new(folder, pipeline())?;
    let opening = start.elapsed().as_secs_f64();
    let options =
        LoaderOptions { batch_size: 128, shuffle: true, cache: CacheOptions::off(), ..Default::default() };
    let speed = read(&DataLoader::new(set, options))?;
    println!(
        "{}",
        json!({
            "what": format!("a folder of {count} files"),
            "opening, warm (s)": (opening * 1000.0).round() / 1000.0,
            "peak memory after an epoch (MB)": peak_memory(),
            "images/s": speed.round(),
        })
    );
    Ok(())
}

/// The most memory that the process had resident, in MB; nothing where it is unknown.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kilobytes / 1e3).round())
}
