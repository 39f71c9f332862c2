//! `AnnotationFile`: the tutorial's second method, a text file of paths and labels.

use std::fmt;
use std::path::{Path, PathBuf};

use super::csv::{self, CsvColumns};
use super::picture_set::{PictureSet, check_same_classes, picture_data_set};
use super::{SplitOptions, Splits};
use crate::transforms::Compose;
use crate::{Error, Result};

/// Pictures listed in a text file, one `path label` a line.
///
/// ```text
/// # train.txt: paths are relative to a root folder given with the file
/// train/1/image_00000.jpg 1
/// my holiday/a rose.jpg   rose
/// ```
///
/// The label is what follows the last white space, so that a path may hold spaces; it may be a number or a
/// word. Empty lines and lines that begin with `#` are skipped. The classes are the labels **sorted as
/// text**, as [`ImageFolder`](super::ImageFolder) sorts its folders, whatever their order in the file.
#[derive(Clone)]
pub struct AnnotationFile {
    file: PathBuf,
    root: PathBuf,
    set: PictureSet,
}

impl AnnotationFile {
    /// The pictures that `file` lists, with paths relative to `root`.
    ///
    /// # Errors
    /// When the file cannot be read or lists nothing; when a line has no label or names a file that does
    /// not exist (with the line's number); when a transform was made with wrong arguments.
    pub fn new(file: impl AsRef<Path>, root: impl AsRef<Path>, transform: Compose) -> Result<Self> {
        fn new(file: &Path, root: &Path, transform: Compose) -> Result<AnnotationFile> {
            let (file, root) = (file.to_path_buf(), root.to_path_buf());
            let text = std::fs::read(&file).map_err(Error::io("reading", &file))?;
            let lines = parse(&file, &root, &text)?;
            AnnotationFile::of(file, root, lines, transform)
        }
        new(file.as_ref(), root.as_ref(), transform)
    }

    /// The pictures that a CSV file with a header lists, with paths relative to `root`.
    ///
    /// ```text
    /// image,species,weight
    /// "my holiday/a rose.jpg",rose,3
    /// ```
    ///
    /// Fields are separated by commas, semicolons or tabs (the header shows which) and may be quoted, as RFC 4180
    /// has it; other columns are ignored. `columns` says which columns are path and label.
    ///
    /// # Errors
    /// When the file cannot be read, lists nothing, or has no such columns; when a record has fewer fields,
    /// an empty label, or names a file that does not exist (with the line's number); when a transform was
    /// made with wrong arguments.
    pub fn csv(
        file: impl AsRef<Path>,
        root: impl AsRef<Path>,
        columns: &CsvColumns,
        transform: Compose,
    ) -> Result<Self> {
        let (file, root) = (file.as_ref().to_path_buf(), root.as_ref().to_path_buf());
        let text = std::fs::read(&file).map_err(Error::io("reading", &file))?;
        let lines = csv::parse(&file, &root, &text, columns)?;
        Self::of(file, root, lines, transform)
    }

    fn of(file: PathBuf, root: PathBuf, lines: Vec<(PathBuf, String)>, transform: Compose) -> Result<Self> {
        Ok(AnnotationFile { set: PictureSet::labelled(&root, lines, transform)?, file, root })
    }

    /// Splits the file into two disjoint parts, each with its own transforms. The same share of every
    /// class goes to validation.
    ///
    /// # Errors
    /// When the share is not between 0 and 1, a class has a single picture, or a transform was made with
    /// wrong arguments.
    pub fn train_valid_split(
        &self,
        options: SplitOptions,
        transforms: &Splits<Compose>,
    ) -> Result<Splits<Self>> {
        let Splits { train, valid } = self.set.split(options, transforms)?;
        let part = |set| AnnotationFile { set, ..self.clone() };
        Ok(Splits { train: part(train), valid: part(valid) })
    }

    /// One file for training and one for validation, with the same root.
    ///
    /// # Errors
    /// As [`AnnotationFile::new`] for each, and when the two do not have the same classes.
    pub fn splits<P: AsRef<Path>>(
        files: &Splits<P>,
        root: impl AsRef<Path>,
        transforms: &Splits<Compose>,
    ) -> Result<Splits<Self>> {
        let train = Self::new(&files.train, &root, transforms.train.clone())?;
        let valid = Self::new(&files.valid, &root, transforms.valid.clone())?;
        check_same_classes(&train.set, &valid.set)?;
        Ok(Splits { train, valid })
    }
}

picture_data_set!(AnnotationFile);

/// The path and the label of every line.
fn parse(file: &Path, root: &Path, text: &[u8]) -> Result<Vec<(PathBuf, String)>> {
    let error = |line: usize, problem: String| Error::Annotation { path: file.to_path_buf(), line, problem };
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut lines = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let number = number + 1;
        let line = std::str::from_utf8(line)
            .map_err(|_| error(number, "the line is not UTF-8 text: save the file as UTF-8".into()))?
            .trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((path, label)) = line.rsplit_once(char::is_whitespace) else {
            return Err(error(
                number,
                format!("'{line}' is not a pair of path and label: write `path label`"),
            ));
        };
        let path = root.join(path.trim_end());
        if !path.is_file() {
            return Err(error(
                number,
                format!("there is no file {}: correct the path or the root", path.display()),
            ));
        }
        lines.push((path, label.to_string()));
    }
    if lines.is_empty() {
        return Err(error(1, "the file lists no picture: write a line `path label` for each".into()));
    }
    Ok(lines)
}

impl fmt::Display for AnnotationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = [format!("Annotation file: {}", self.file.display())];
        self.set.describe(f, "AnnotationFile", &self.root, &extra)
    }
}
