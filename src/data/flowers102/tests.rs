//! The complete download, from local servers that misbehave.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::{TempDir, tempdir};

use super::layout::prepare;
use super::source::{RemoteFile, RemoteSet};
use super::{Flowers102Split, mat};
use crate::download::Checksum;

use crate::server::{Answer, Server};

/// Pictures of a small set of the same form: three of each of four classes, one for each part.
const COUNT: usize = 12;

fn labels() -> Vec<f64> {
    (0..COUNT).map(|index| (index % 4 + 1) as f64).collect()
}

fn labels_file() -> Vec<u8> {
    mat::tests::write(&[("labels", &labels(), 2)], true)
}

fn split_file() -> Vec<u8> {
    let part =
        |part: usize| (1..=COUNT).filter(move |index| (index - 1) / 4 == part).map(|index| index as f64);
    let parts: Vec<Vec<f64>> = (0..3).map(|number| part(number).collect()).collect();
    mat::tests::write(&[("trnid", &parts[0], 4), ("valid", &parts[1], 4), ("tstid", &parts[2], 9)], true)
}

fn content(number: usize) -> Vec<u8> {
    // Random, so that the archive is large enough to be interrupted.
    let mut rng = fastrand::Rng::with_seed(number as u64);
    (0..3000).map(|_| rng.u8(..)).collect()
}

fn archive(more: &[(&str, u8, &[u8])], without: Option<usize>) -> Vec<u8> {
    let pictures: Vec<(String, Vec<u8>)> = (1..=COUNT)
        .filter(|&number| Some(number) != without)
        .map(|number| (format!("jpg/image_{number:05}.jpg"), content(number)))
        .collect();
    let mut entries: Vec<(&str, u8, &[u8])> = vec![("jpg/", b'5', b"")];
    entries.extend(pictures.iter().map(|(name, bytes)| (name.as_str(), b'0', bytes.as_slice())));
    entries.extend(more);
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(content.len() as u64);
        // As it is: the builder would refuse some of these names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// The names of all that is in a folder, hidden things too.
fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn md5(bytes: &[u8]) -> Checksum {
    use md5::{Digest, Md5};
    Checksum::Md5(Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A source on three servers; the checksum of the archive is that of `pictures`.
fn source(pictures: Vec<u8>, labels: Vec<u8>, split: Vec<u8>, answers: Vec<Answer>) -> (RemoteSet, Server) {
    let remote = |name: &'static str, body: &[u8], server: &Server| RemoteFile {
        name,
        url: server.url(name),
        checksum: md5(body),
    };
    let (first, second) =
        (Server::new(labels.clone(), None, vec![]), Server::new(split.clone(), None, vec![]));
    let server = Server::new(pictures.clone(), Some("\"1\""), answers);
    let source = RemoteSet {
        pictures: remote("102flowers.tgz", &pictures, &server),
        labels: remote("imagelabels.mat", &labels, &first),
        split: remote("setid.mat", &split, &second),
        count: COUNT,
        classes: 4,
    };
    (source, server)
}

fn usual(answers: Vec<Answer>) -> (RemoteSet, Server) {
    source(archive(&[], None), labels_file(), split_file(), answers)
}

fn assert_laid_out(dir: &Path) {
    for number in 1..=COUNT {
        let part = ["train", "valid", "test"][(number - 1) / 4];
        let path = dir.join(format!("{part}/{}/image_{number:05}.jpg", (number - 1) % 4 + 1));
        assert_eq!(std::fs::read(&path).unwrap(), content(number), "{}", path.display());
    }
    let names = crate::data::CategoryNames::from_json(dir.join("cat_to_name.json")).unwrap();
    assert_eq!((names.len(), names.name("21").unwrap()), (102, "fire lily"));
}

#[test]
fn laid_out_as_the_tutorial_has_it() {
    let home = tempdir().unwrap();
    let dir = home.path().join("deep/flowers");
    // Slow, and broken off twice on the way.
    let (from, server) =
        usual(vec![Answer::BreaksOffAfter(9000), Answer::BreaksOffAfter(9000), Answer::Slowly(5)]);
    assert_eq!(prepare(&dir, &from, Flowers102Split::Official).unwrap(), dir);
    assert_laid_out(&dir);
    let ranges = server.ranges();
    assert_eq!((ranges.len(), ranges[0].as_str(), ranges[1].as_str()), (3, "-", "bytes=9000-"), "{ranges:?}");
    // Neither downloads nor half-done things are left.
    assert_eq!(std::fs::read_dir(home.path().join("deep")).unwrap().count(), 1);

    // Whole: nothing is asked for. Damaged: fetched again, and the user's own file stays.
    std::fs::write(dir.join("notes.txt"), "mine").unwrap();
    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_eq!(server.ranges().len(), 3);
    std::fs::remove_file(dir.join("valid/1/image_00005.jpg")).unwrap();
    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_laid_out(&dir);
    assert_eq!(std::fs::read_to_string(dir.join("notes.txt")).unwrap(), "mine");
    // Another split of the same pictures.
    prepare(&dir, &from, Flowers102Split::TutorialSizes).unwrap();
    let count = |part| super::super::walk::pictures(&dir.join(part)).map_or(0, |pictures| pictures.len());
    assert_eq!([count("train"), count("valid"), count("test")], [9, 1, 2]);
}

/// Through a link, over a set that is damaged, and over one that a killed process has left.
#[cfg(unix)]
#[test]
fn replacing_a_set_keeps_the_users_files() {
    let home = tempdir().unwrap();
    let (target, dir) = (home.path().join("target"), home.path().join("link"));
    std::fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, &dir).unwrap();
    let abandoned = home.path().join(".target.unpacking-1-0");
    std::fs::create_dir(&abandoned).unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    std::fs::File::open(&abandoned).unwrap().set_modified(long_ago).unwrap();
    let (from, server) = usual(vec![]);
    assert_eq!(prepare(&dir, &from, Flowers102Split::Official).unwrap(), dir);
    assert_laid_out(&dir);
    assert_eq!(names(&home), ["link", "target"]);
    assert!(dir.is_symlink());

    let own = [("train/1/mine.jpg", "mine"), ("cat_to_name.json", "{\"1\": \"Rose\"}")];
    for (path, text) in own {
        std::fs::write(dir.join(path), text).unwrap();
    }
    let stay = || own.iter().all(|(path, text)| std::fs::read_to_string(dir.join(path)).unwrap() == *text);
    let fetched = server.ranges().len();
    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_eq!(server.ranges().len(), fetched, "names in translation are no damage");
    std::fs::write(dir.join("valid/1/image_00005.jpg"), "changed").unwrap();
    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_eq!(std::fs::read(dir.join("valid/1/image_00005.jpg")).unwrap(), content(5));
    assert!(stay());

    let manifest = dir.join(".flowers102");
    let unfinished = std::fs::read_to_string(&manifest).unwrap().replacen("Official", "unfinished", 1);
    std::fs::write(&manifest, unfinished + "1 ../outside.txt\n").unwrap();
    std::fs::write(home.path().join("outside.txt"), "x").unwrap();
    prepare(&dir, &from, Flowers102Split::TutorialSizes).unwrap();
    let count = super::super::walk::pictures(&dir).unwrap().len();
    assert!(stay() && count == COUNT + 1 && home.path().join("outside.txt").exists());
    std::fs::remove_file(dir.join("cat_to_name.json")).unwrap();
    std::fs::remove_file(dir.join("train/1/mine.jpg")).unwrap();
    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_laid_out(&dir);
}

/// The stop button in the middle of the archive: an error, no folder, and the next try fetches only the rest.
#[test]
fn a_stopped_download_goes_on_where_it_stopped() {
    const TEST: &str = "data::flowers102::tests::a_stopped_download_goes_on_where_it_stopped";
    const FILES: [&str; 3] = ["102flowers.tgz", "imagelabels.mat", "setid.mat"];
    if let Some(dir) = std::env::var_os("HERBARIUM_TEST_TO") {
        crate::notebook::init().unwrap();
        let (mut from, _unused) = usual(vec![]);
        for (remote, name) in [&mut from.pictures, &mut from.labels, &mut from.split].into_iter().zip(FILES) {
            remote.url = std::env::var(format!("HERBARIUM_TEST_{name}")).unwrap();
        }
        let outcome = prepare(Path::new(&dir), &from, Flowers102Split::Official);
        println!("\nended: {}", outcome.unwrap_err());
        return;
    }
    let home = tempdir().unwrap();
    let dir = home.path().join("flower_data");
    let (from, server) = usual(vec![Answer::Slowly(300), Answer::Well]);
    let urls = [&from.pictures, &from.labels, &from.split].map(|remote| remote.url.clone());
    let child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env("HERBARIUM_KERNEL", "1")
        .env("HERBARIUM_TEST_TO", &dir)
        .envs(FILES.map(|name| format!("HERBARIUM_TEST_{name}")).into_iter().zip(urls))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let part = home.path().join(".flower_data.download/.102flowers.tgz.part");
    while std::fs::metadata(&part).map_or(0, |part| part.len()) == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("ended: interrupted"), "{told}");
    assert!(!dir.exists() && part.exists());

    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_laid_out(&dir);
    let ranges = server.ranges();
    assert!(ranges.len() == 2 && ranges[0] == "-" && ranges[1].starts_with("bytes="), "{ranges:?}");
    assert_eq!(names(&home), ["flower_data"]);
}

#[test]
fn servers_that_lie_leave_nothing_behind() {
    let refuse = |answers: Vec<Answer>, parts: &[&str]| {
        let home = tempdir().unwrap();
        let (from, _server) = usual(answers);
        let error =
            prepare(&home.path().join("flowers"), &from, Flowers102Split::Official).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(!home.path().join("flowers").exists());
        assert_eq!(names(&home), [".flowers.download"]);
    };
    refuse(vec![Answer::Other(b"<html>a notice</html>".to_vec())], &["102flowers.tgz", "MD5"]);
    refuse(vec![Answer::Other(archive(&[("x", b'0', b"y")], None))], &["102flowers.tgz", "MD5"]);
    refuse(vec![Answer::Announces(1000)], &["102flowers.tgz"]);
    refuse(vec![Answer::Status(404, "")], &["102flowers.tgz", "404"]);
}

/// Archives with the right checksum but wrong contents.
#[test]
fn archives_write_nothing_but_pictures() {
    let home = tempdir().unwrap();
    let evil: [(&str, u8, &[u8]); 6] = [
        ("../escaped.jpg", b'0', b"x"),
        ("/tmp/herbarium-escaped.jpg", b'0', b"x"),
        ("jpg/../../escaped.jpg", b'0', b"x"),
        ("jpg/link.jpg", b'2', b""),
        ("jpg/image_99999.jpg", b'0', b"x"),
        ("train/1/more.jpg", b'0', b"x"),
    ];
    let (from, _server) = source(archive(&evil, None), labels_file(), split_file(), vec![]);
    let dir = home.path().join("flowers");
    prepare(&dir, &from, Flowers102Split::Official).unwrap();
    assert_laid_out(&dir);
    assert_eq!(super::super::walk::pictures(&dir).unwrap().len(), COUNT);
    assert_eq!(names(&home), ["flowers"]);

    let refuse = |pictures: Vec<u8>, labels: Vec<u8>, split: Vec<u8>, part: &str| {
        let home = tempdir().unwrap();
        let (from, _server) = source(pictures, labels, split, vec![]);
        let error =
            prepare(&home.path().join("flowers"), &from, Flowers102Split::Official).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!(names(&home), [".flowers.download"]);
    };
    let good = || archive(&[], None);
    let one = "jpg/image_00001.jpg";
    refuse(
        archive(&[(one, b'2', b"")], Some(1)),
        labels_file(),
        split_file(),
        "image_00001.jpg in it is not a picture",
    );
    refuse(
        archive(&[(one, b'0', b"x")], None),
        labels_file(),
        split_file(),
        "image_00001.jpg is in it twice",
    );
    refuse(archive(&[], Some(7)), labels_file(), split_file(), "image_00007.jpg is not in it");
    let cut = good();
    refuse(cut[..cut.len() / 2].to_vec(), labels_file(), split_file(), "102flowers.tgz: it is damaged");
    refuse(good(), b"no matrix".to_vec(), split_file(), "imagelabels.mat: not a MATLAB file");
    let few = mat::tests::write(&[("labels", &[1.0, 2.0], 2)], true);
    refuse(good(), few, split_file(), "it has 2 labels and should have 12");
    let wrong = mat::tests::write(&[("labels", &[9.0; COUNT], 2)], false);
    refuse(good(), wrong, split_file(), "9 is not a label from 1 to 4");
    let twice = mat::tests::write(&[("trnid", &[3.0, 3.0], 4)], true);
    refuse(good(), labels_file(), twice, "setid.mat: picture 3 is in it twice");
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    let home = tempdir().unwrap();
    std::fs::write(home.path().join("mine.txt"), "x").unwrap();
    let (from, server) = usual(vec![]);
    let error = prepare(home.path(), &from, Flowers102Split::Official).unwrap_err().to_string();
    assert!(error.contains("contains something other"), "{error}");
    assert!(server.ranges().is_empty());
}

/// Expected: the addresses and checksums in torchvision's `Flowers102`.
#[test]
fn home_and_mirror() {
    let home = RemoteSet::at(None);
    assert_eq!(home.split.url, "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/setid.mat");
    assert_eq!(home.pictures.checksum, Checksum::Md5("52808999861908f626f3c1f4e79d11fa".into()));
    assert_eq!(RemoteSet::at(Some("http://here/x/")).labels.url, "http://here/x/imagelabels.mat");
    assert_eq!(RemoteSet::at(Some("")).labels.url, home.labels.url);
}
