//! The drawn data set from outside: what is in it, that it is the same every time, that it mends
//! itself, and that it cannot be solved by looking at colours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use herbarium::data::{self, PlantOptions, draw_flowers, draw_plants};

/// Where this test run puts its folders; those of runs that are over go.
fn scratch() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drawn");
        std::fs::create_dir_all(&all).unwrap();
        for entry in std::fs::read_dir(&all).unwrap().flatten() {
            if !Path::new("/proc").join(entry.file_name()).exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        all.join(std::process::id().to_string())
    })
}

/// A folder of this test run that does not exist yet.
fn fresh(name: &str) -> PathBuf {
    scratch().join(name)
}

/// The set, drawn once for all tests that only read it.
fn drawn() -> &'static Path {
    static SET: OnceLock<PathBuf> = OnceLock::new();
    SET.get_or_init(|| {
        let folder = fresh("shared");
        assert!(draw_flowers(&folder).unwrap(), "a new set is drawn");
        folder
    })
}

/// Every file below a folder, by its path inside it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn has_the_tutorials_layout() {
    let files = files(drawn());
    for (part, count) in [("train", 40), ("valid", 10)] {
        for label in 1..=12 {
            let start = format!("{part}/{label}/image_");
            let pictures = files.keys().filter(|path| path.starts_with(&start) && path.ends_with(".jpg"));
            assert_eq!(pictures.count(), count, "{start}");
        }
    }
    assert_eq!(files.len(), 600 + 2, "pictures, cat_to_name.json and the manifest");
    assert!(files.contains_key("train/1/image_00001.jpg"));
    let names: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&files["cat_to_name.json"]).unwrap();
    assert_eq!(names.len(), 12);
    assert!((1..=12).all(|label| names[&label.to_string()].is_string()));
    let picture = image::load_from_memory(&files["valid/12/image_00600.jpg"]).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 256));
}

#[test]
fn is_the_same_every_time() {
    let other = fresh("again");
    draw_flowers(&other).unwrap();
    let (one, two) = (files(drawn()), files(&other));
    assert!(one.keys().eq(two.keys()));
    for (path, bytes) in &one {
        assert!(*bytes == two[path], "{path} differs");
    }
    let pictures: std::collections::BTreeSet<&Vec<u8>> = one.values().collect();
    assert_eq!(pictures.len(), one.len(), "no two pictures are alike");
}

#[test]
fn mends_what_is_missing_or_cut_off() {
    let folder = fresh("damaged");
    draw_flowers(&folder).unwrap();
    let whole = files(&folder);
    assert!(!draw_flowers(&folder).unwrap(), "a whole set is left alone");
    std::fs::remove_file(folder.join("train/3/image_00081.jpg")).unwrap();
    std::fs::write(folder.join("valid/7/image_00541.jpg"), b"cut").unwrap();
    std::fs::remove_dir_all(folder.join("valid/2")).unwrap();
    std::fs::remove_file(folder.join("cat_to_name.json")).unwrap();
    assert!(draw_flowers(&folder).unwrap());
    assert!(files(&folder) == whole);
    std::fs::write(folder.join(".manifest"), b"another version").unwrap();
    std::fs::write(folder.join("train/1/my own.jpg"), b"stays").unwrap();
    assert!(draw_flowers(&folder).unwrap());
    let mut mended = files(&folder);
    assert_eq!(mended.remove("train/1/my own.jpg").as_deref(), Some(&b"stays"[..]));
    assert!(mended == whole);
}

#[test]
fn the_users_own_data_set_is_left_alone() {
    let folder = fresh("flower_data");
    std::fs::create_dir_all(folder.join("train/1")).unwrap();
    std::fs::write(folder.join("train/1/image_00001.jpg"), b"a photograph").unwrap();
    std::fs::write(folder.join("cat_to_name.json"), b"{}").unwrap();
    let before = files(&folder);
    let message = draw_flowers(&folder).unwrap_err().to_string();
    assert!(message.contains("flower_data contains something other"), "{message}");
    assert!(files(&folder) == before);
}

#[test]
fn two_at_once_make_one_set() {
    let folder = fresh("together/set");
    std::thread::scope(|scope| {
        let draw = || draw_flowers(&folder).unwrap();
        let (one, two) = (scope.spawn(draw), scope.spawn(draw));
        assert!(one.join().unwrap() && two.join().unwrap());
    });
    assert!(files(&folder) == files(drawn()));
    let beside = std::fs::read_dir(folder.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "no unfinished folder is left");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = fresh("file");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, b"a file where a folder should be").unwrap();
    let told = draw_flowers(file.join("set")).unwrap_err().to_string();
    assert!(told.contains("creating") && told.contains(file.to_str().unwrap()), "{told}");
}

/// Mean of the pixels in each of 4 x 4 x 4 cubes of colour.
fn histogram(jpeg: &[u8]) -> [f64; 64] {
    let picture = image::load_from_memory(jpeg).unwrap().to_rgb8();
    let mut counts = [0.0; 64];
    for pixel in picture.pixels() {
        let [r, g, b] = pixel.0.map(|channel| usize::from(channel / 64));
        counts[16 * r + 4 * g + b] += 1.0;
    }
    let all = f64::from(picture.width() * picture.height());
    counts.map(|count: f64| (count / all).sqrt())
}

/// Species and histograms of one part of the set.
fn histograms(part: &str) -> Vec<(usize, [f64; 64])> {
    let label = |path: &str| path.split('/').nth(1).and_then(|label| label.parse::<usize>().ok());
    files(drawn())
        .iter()
        .filter(|(path, _)| path.starts_with(part))
        .map(|(path, bytes)| (label(path).unwrap() - 1, histogram(bytes)))
        .collect()
}

fn distance(a: &[f64; 64], b: &[f64; 64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[test]
fn colours_alone_do_not_tell_the_species() {
    let (train, valid) = (histograms("train"), histograms("valid"));
    let mut centroids = [[0.0; 64]; 12];
    for (species, histogram) in &train {
        for (sum, value) in centroids[*species].iter_mut().zip(histogram) {
            *sum += value / 40.0;
        }
    }
    let accuracy = |guess: &dyn Fn(&[f64; 64]) -> usize| {
        let right = valid.iter().filter(|(species, histogram)| guess(histogram) == *species).count();
        right as f64 / valid.len() as f64
    };
    let nearest_centroid = accuracy(&|histogram| {
        (0..12)
            .min_by(|a, b| {
                distance(histogram, &centroids[*a]).total_cmp(&distance(histogram, &centroids[*b]))
            })
            .unwrap()
    });
    let nearest_neighbour = accuracy(&|histogram| {
        let near =
            train.iter().min_by(|a, b| distance(histogram, &a.1).total_cmp(&distance(histogram, &b.1)));
        near.unwrap().0
    });
    println!("colour histograms: nearest centroid {nearest_centroid:.3}, neighbour {nearest_neighbour:.3}");
    assert!(nearest_centroid < 0.5 && nearest_neighbour < 0.5);
}

/// Prints what `flowers()` says; run in a child process by the tests below.
#[test]
fn scene() {
    if std::env::var_os("SCENE").is_some() {
        match data::flowers() {
            Ok(folder) => println!("OK {}", folder.display()),
            Err(error) => println!("ERR {error}"),
        }
    }
}

fn flowers_with(environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "scene", "--nocapture"]).env("SCENE", "1");
    for name in ["HERBARIUM_DATA", "XDG_CACHE_HOME", "HOME"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    let Output { stdout, .. } = command.output().unwrap();
    String::from_utf8(stdout).unwrap()
}

#[test]
fn flowers_come_from_the_named_folder_or_are_drawn_once() {
    let named = drawn().to_str().unwrap();
    assert!(flowers_with(&[("HERBARIUM_DATA", named)]).contains(&format!("OK {named}\n")));
    let cache = fresh("cache");
    let environment = [("XDG_CACHE_HOME", cache.to_str().unwrap()), ("HERBARIUM_DATA", "")];
    let first = flowers_with(&environment);
    let expected = cache.join("herbarium/drawn-flowers-v1");
    assert!(first.contains("Drawing 600 flowers into"), "{first}");
    assert!(first.contains(&format!("OK {}\n", expected.display())), "{first}");
    let second = flowers_with(&environment);
    assert!(!second.contains("Drawing") && second.contains("OK "), "{second}");
}

#[test]
fn flowers_say_what_is_wrong_with_a_folder() {
    let told = flowers_with(&[("HERBARIUM_DATA", "/no/such/folder")]);
    assert!(
        told.contains("ERR the data folder /no/such/folder does not exist (HERBARIUM_DATA points to it)"),
        "{told}"
    );
    assert!(told.contains("/no/such/folder/train/<class>/*.jpg"), "{told}");
    let folder = fresh("no-valid");
    std::fs::create_dir_all(folder.join("train")).unwrap();
    let told = flowers_with(&[("HERBARIUM_DATA", folder.to_str().unwrap())]);
    assert!(told.contains("has no folder valid (HERBARIUM_DATA points to it)"), "{told}");
    let told = flowers_with(&[]);
    assert!(told.contains("ERR there is no cache folder") && told.contains("or HERBARIUM_DATA to"), "{told}");
}

fn few() -> PlantOptions {
    PlantOptions { species: 3, train: 2, valid: 1, side: 48, ..Default::default() }
}

#[test]
fn plants_are_the_same_every_time_and_others_with_another_seed() {
    let (one, two, other) = (fresh("plants"), fresh("plants again"), fresh("other plants"));
    assert!(draw_plants(&one, few()).unwrap() && draw_plants(&two, few()).unwrap());
    assert!(!draw_plants(&one, few()).unwrap(), "a whole set is left alone");
    assert!(files(&one) == files(&two));
    draw_plants(&other, PlantOptions { seed: 1, ..few() }).unwrap();
    let (one, other) = (files(&one), files(&other));
    assert!(one.keys().eq(other.keys()));
    let pictures: std::collections::BTreeSet<&Vec<u8>> =
        one.iter().chain(&other).filter(|(path, _)| path.ends_with(".jpg")).map(|(_, bytes)| bytes).collect();
    assert_eq!(pictures.len(), 18, "no two pictures are alike");
    assert_eq!(one["cat_to_name.json"], other["cat_to_name.json"], "the species are the same");
    let picture = image::load_from_memory(&one["train/3/image_00005.jpg"]).unwrap();
    assert_eq!((picture.width(), picture.height()), (48, 48));
}

#[test]
fn painting_plants_is_continued_where_it_was_interrupted() {
    let folder = fresh("interrupted plants");
    draw_plants(&folder, few()).unwrap();
    let whole = files(&folder);
    // As a process leaves it that was killed: one picture whole, one cut off by a power cut, the others missing.
    let manifest = String::from_utf8(whole[".manifest"].clone()).unwrap();
    std::fs::remove_file(folder.join(".manifest")).unwrap();
    std::fs::write(folder.join(".unfinished"), manifest.lines().next().unwrap()).unwrap();
    std::fs::remove_dir_all(folder.join("train/2")).unwrap();
    std::fs::write(folder.join("valid/1/image_00007.jpg"), b"cut").unwrap();
    let kept = folder.join("train/1/image_00001.jpg");
    let painted = std::fs::metadata(&kept).unwrap().modified().unwrap();
    assert!(draw_plants(&folder, few()).unwrap());
    assert!(files(&folder) == whole);
    assert_eq!(std::fs::metadata(&kept).unwrap().modified().unwrap(), painted, "it was painted again");
}

#[test]
fn plants_are_not_painted_among_other_files_or_with_senseless_options() {
    let folder = fresh("occupied");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("notes.txt"), b"mine").unwrap();
    let message = draw_plants(&folder, few()).unwrap_err().to_string();
    assert!(
        message.contains("occupied contains something other") && message.contains("another folder"),
        "{message}"
    );
    assert_eq!(files(&folder).len(), 1);
    let plants = fresh("three species");
    draw_plants(&plants, few()).unwrap();
    let message = draw_plants(&plants, PlantOptions { species: 4, ..few() }).unwrap_err().to_string();
    assert!(message.contains("4 species, 2 + 1 pictures, 48 pixels"), "{message}");
    for (options, expected) in [
        (PlantOptions { species: 0, ..few() }, "species is 0"),
        (PlantOptions { species: 501, ..few() }, "species is 501"),
        (PlantOptions { valid: 0, ..few() }, "at least 1"),
        (PlantOptions { side: 1000, ..few() }, "side is 1000"),
    ] {
        let message = draw_plants(fresh("never"), options).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert!(!fresh("never").exists());
}
