//! The set on disk: either complete or absent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;

use super::mat;
use super::source::{RemoteFile, RemoteSet};
use super::split::{Flowers102Split, Official, PARTS};
use crate::download::{DownloadOptions, download};
use crate::files::write_atomically;
use crate::notebook::numbers::thousands;
use crate::notebook::{Progress, interrupted};
use crate::{Error, Result};

/// Names and sizes of the set's pictures and its split; written last, so that it says that the set is whole.
const MANIFEST: &str = ".flowers102";
const VERSION: &str = "Oxford 102 flowers, laid out by herbarium 1";
/// The most bytes that a picture may have; the set's largest is far smaller.
const LARGEST_PICTURE: u64 = 16 << 20;
const LARGEST_MAT: u64 = 16 << 20;
const NAMES_FILE: &str = "cat_to_name.json";
/// In the name of the folder beside the set's that the archive is unpacked into.
const UNPACKING: &str = "unpacking-";
/// Age after which such a folder must be from a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);
const NAMES: &str = include_str!("cat_to_name.json");

/// The set in the folder `dir`, fetched if it is not there.
pub(super) fn prepare(dir: &Path, source: &RemoteSet, split: Flowers102Split) -> Result<PathBuf> {
    // A link's target may be on another disk than the link, and a folder cannot be moved there.
    let real = dir.canonicalize().unwrap_or_else(|_| dir.into());
    if is_whole(&real, split) {
        add_names(&real)?;
        return Ok(dir.to_path_buf());
    }
    refuse_other_contents(&real)?;
    let downloads = beside(&real, "download");
    let fetch = |remote: &RemoteFile| -> Result<PathBuf> {
        let path = downloads.join(remote.name);
        let options = DownloadOptions { checksum: Some(remote.checksum.clone()), ..Default::default() };
        download(&remote.url, &path, &options)?;
        Ok(path)
    };
    // The small files first: a wrong address fails at once.
    let (labels, parts) = (fetch(&source.labels)?, fetch(&source.split)?);
    let (labels, parts) = places(source, &labels, &parts, split)?;
    let pictures = fetch(&source.pictures)?;
    clear_abandoned(&real);
    let scratch = beside(&real, &format!("{UNPACKING}{}-{:08x}", std::process::id(), fastrand::u32(..)));
    let done = unpack(&pictures, &scratch, &labels, &parts)
        .and_then(|()| finish(&scratch, split))
        .and_then(|()| put_in_place(&scratch, &real, split));
    // Remove partial work; a failure to remove it is not the error to report.
    let _ = std::fs::remove_dir_all(&scratch);
    if done.is_err() && !is_whole(&real, split) {
        done?;
    }
    let _ = std::fs::remove_dir_all(&downloads);
    say(dir, split, &parts);
    Ok(dir.to_path_buf())
}

/// # Errors
/// [`Error::DataFolder`] when `dir` holds files and no set of ours, whole or not.
fn refuse_other_contents(dir: &Path) -> Result<()> {
    let ours = dir.join(MANIFEST).exists();
    let occupied = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if !(occupied && !ours || dir.is_file()) {
        return Ok(());
    }
    Err(Error::DataFolder {
        path: dir.to_path_buf(),
        problem:
            "contains something other than the Oxford 102 flowers: choose a folder that is empty or does not \
            exist"
                .into(),
        layout: format!("  {}/{{train,valid,test}}/<label>/image_00001.jpg", dir.display()),
    })
}

/// What was laid out, in words.
fn say(dir: &Path, split: Flowers102Split, parts: &[usize]) {
    let count = |part| thousands(parts.iter().filter(|&&own| own == part).count());
    let what = match split {
        Flowers102Split::Official => {
            "the official split; see data::Flowers102Split for 6,552, 818 and 819 pictures, as in the \
            tutorial's copy"
        }
        Flowers102Split::TutorialSizes => {
            "as many as in the tutorial's copy, but split at random: not the same pictures"
        }
    };
    println!(
        "Oxford 102 flowers in {}: {} to train on, {} to validate on, {} to test ({what})",
        dir.display(),
        count(0),
        count(1),
        count(2)
    );
}

/// A hidden folder beside `dir`.
fn beside(dir: &Path, what: &str) -> PathBuf {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let name = dir.file_name().unwrap_or("flowers102".as_ref()).to_string_lossy().into_owned();
    dir.with_file_name(format!(".{name}.{what}"))
}

/// Removes what processes that died have unpacked. A folder that cannot be read or removed does no harm.
fn clear_abandoned(dir: &Path) {
    let ours = beside(dir, UNPACKING);
    let (Some(parent), Some(start)) = (ours.parent(), ours.file_name()) else { return };
    let start = start.to_string_lossy();
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let written = entry.metadata().and_then(|data| data.modified()).ok();
        let old = written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > ABANDONED);
        if old && entry.file_name().to_string_lossy().starts_with(&*start) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn broken(path: &Path) -> impl Fn(String) -> Error {
    move |problem| Error::Archive { path: path.to_path_buf(), problem }
}

/// The label (from 1) and the part of every picture.
fn places(
    source: &RemoteSet,
    labels: &Path,
    parts: &Path,
    split: Flowers102Split,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let read = |path: &Path| -> Result<BTreeMap<String, Vec<f64>>> {
        let size = std::fs::metadata(path).map_err(Error::io("reading", path))?.len();
        if size > LARGEST_MAT {
            return Err(broken(path)(format!(
                "it has {size} bytes, which is too many for what it should be"
            )));
        }
        mat::read(&std::fs::read(path).map_err(Error::io("reading", path))?).map_err(broken(path))
    };
    let official = Official::of(&read(labels)?, &read(parts)?, source.count, source.classes)
        .map_err(|(file, problem)| broken(if file == "labels" { labels } else { parts })(problem))?;
    Ok(official.parts(split, source.classes))
}

/// Writes the archive's pictures to their places below `scratch`. Everything else in the archive is
/// ignored: no name in it becomes a path.
fn unpack(archive: &Path, scratch: &Path, labels: &[usize], parts: &[usize]) -> Result<()> {
    let file = File::open(archive).map_err(Error::io("reading", archive))?;
    let damaged = |error: io::Error| broken(archive)(format!("it is damaged ({error})"));
    let mut files = tar::Archive::new(GzDecoder::new(BufReader::with_capacity(1 << 18, file)));
    let mut written = vec![false; labels.len()];
    let mut bar = Progress::new("Unpacking", labels.len() as u64).unit("picture");
    for entry in files.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if interrupted() {
            return Err(Error::Interrupted);
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(number) = picture_number(&name).filter(|&number| number <= labels.len()) else {
            continue;
        };
        let is_file = entry.header().entry_type().is_file();
        if !is_file || entry.size() == 0 || entry.size() > LARGEST_PICTURE {
            return Err(broken(archive)(format!("{name} in it is not a picture")));
        }
        if std::mem::replace(&mut written[number - 1], true) {
            return Err(broken(archive)(format!("{name} is in it twice")));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(damaged)?;
        if (bytes.len() as u64) < entry.size() {
            return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        let folder = scratch.join(PARTS[parts[number - 1]]).join(labels[number - 1].to_string());
        std::fs::create_dir_all(&folder).map_err(Error::io("creating", &folder))?;
        let path = folder.join(format!("image_{number:05}.jpg"));
        std::fs::write(&path, bytes).map_err(Error::io("writing", &path))?;
        bar.update(1);
    }
    bar.close();
    match written.iter().position(|written| !written) {
        Some(missing) => Err(broken(archive)(format!("image_{:05}.jpg is not in it", missing + 1))),
        None => Ok(()),
    }
}

/// The number of a picture by its name in the archive, `jpg/image_00001.jpg`.
fn picture_number(name: &str) -> Option<usize> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let digits = name.strip_prefix("jpg/image_")?.strip_suffix(".jpg")?;
    let number = (digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)?;
    number.parse().ok().filter(|&number| number > 0)
}

/// Adds the names of the labels and the manifest.
fn finish(folder: &Path, split: Flowers102Split) -> Result<()> {
    let mut manifest = format!("{VERSION}\n{split:?}\n");
    for (path, size) in files(folder)? {
        manifest += &format!("{size} {path}\n");
    }
    add_names(folder)?;
    write_text(&folder.join(MANIFEST), &manifest)
}

/// Adds the names of the labels, unless they are there: the user may have translated them.
fn add_names(folder: &Path) -> Result<()> {
    let path = folder.join(NAMES_FILE);
    if path.exists() { Ok(()) } else { write_text(&path, NAMES) }
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(text.as_bytes()).map_err(Error::io("writing", path)))
}

/// The files of the set in `folder` with their sizes, by their paths in it.
fn files(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let list = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder).map_err(Error::io("reading", folder))?;
        entries.map(|entry| Ok(entry.map_err(Error::io("reading", folder))?.path())).collect()
    };
    let mut waiting = list(folder)?;
    while let Some(path) = waiting.pop() {
        let data = std::fs::metadata(&path).map_err(Error::io("reading", &path))?;
        if data.is_dir() {
            waiting.extend(list(&path)?);
        } else if let Ok(name) = path.strip_prefix(folder) {
            found.insert(name.to_string_lossy().into_owned(), data.len());
        }
    }
    Ok(found)
}

/// Whether the set is in `dir` under this split, with all its pictures.
fn is_whole(dir: &Path, split: Flowers102Split) -> bool {
    let manifest = std::fs::read_to_string(dir.join(MANIFEST)).unwrap_or_default();
    let mut lines = manifest.lines();
    let head = (lines.next(), lines.next());
    head == (Some(VERSION), Some(format!("{split:?}").as_str()))
        && lines.all(|line| {
            line.split_once(' ').is_some_and(|(size, path)| {
                // Earlier versions list it, too; it is the user's to change.
                path == NAMES_FILE
                    || std::fs::metadata(dir.join(path)).is_ok_and(|data| data.len().to_string() == size)
            })
        })
}

/// The pictures that a manifest lists, by their paths below the set's folder. Other paths are ignored: what
/// stands in a manifest is not to lead out of the folder.
fn listed(manifest: &str) -> impl Iterator<Item = &Path> {
    let paths =
        manifest.lines().skip(2).filter_map(|line| line.split_once(' ')).map(|(_, path)| Path::new(path));
    paths.filter(|path| {
        path.as_os_str() != NAMES_FILE && path.components().all(|part| matches!(part, Component::Normal(_)))
    })
}

/// The new set becomes `dir`. Where a damaged set is, or one with another split, the pictures that its manifest lists
/// are replaced; the user's own files stay.
fn put_in_place(scratch: &Path, dir: &Path, split: Flowers102Split) -> Result<()> {
    if !dir.exists() {
        return std::fs::rename(scratch, dir).map_err(Error::io("writing", dir));
    }
    // Another process may have finished first: its set is as good as this one.
    if is_whole(dir, split) {
        return Ok(());
    }
    refuse_other_contents(dir)?;
    let manifest = dir.join(MANIFEST);
    let old = std::fs::read_to_string(&manifest).unwrap_or_default();
    let new = scratch.join(MANIFEST);
    let new = std::fs::read_to_string(&new).map_err(Error::io("reading", new))?;
    // Says what there may be of both sets, in case that this process dies: the next one then continues.
    let lines = |manifest: &str| manifest.lines().skip(2).map(|line| format!("{line}\n")).collect::<String>();
    write_text(&manifest, &format!("{VERSION}\nunfinished\n{}{}", lines(&old), lines(&new)))?;
    for path in listed(&old) {
        remove_picture(&dir.join(path))?;
    }
    for path in listed(&new) {
        move_file(&scratch.join(path), &dir.join(path))?;
    }
    add_names(dir)?;
    write_text(&manifest, &new)
}

/// Removes a picture that may be gone, and its folder if that is empty then: a class without pictures is an error to
/// who reads the set.
fn remove_picture(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("replacing", path)(error));
        }
        _ => {}
    }
    if let Some(folder) = path.parent() {
        let _ = std::fs::remove_dir(folder);
    }
    Ok(())
}

/// Moves a file, or copies it where `to` is on another disk: a mounted folder's neighbours are.
fn move_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("creating", folder))?;
    }
    std::fs::rename(from, to).or_else(|_| std::fs::copy(from, to).map(drop)).map_err(Error::io("writing", to))
}
