//! Finds the training and validation folders of a data set, or says what to do if they are missing.

use std::path::{Path, PathBuf};

use super::Splits;
use super::walk::subfolders;
use crate::{Error, Result};

/// Names of the folder of validation pictures, in the order in which they are looked for.
const VALID: [&str; 2] = ["valid", "val"];

/// How many folders a message names.
const NAMED: usize = 8;

/// `data_dir/train`, and `data_dir/valid` or `data_dir/val`.
///
/// # Errors
/// [`Error::DataFolder`] that says which is missing, what is there instead, and what to do.
pub(super) fn split_folders(data_dir: &Path) -> Result<Splits<PathBuf>> {
    check_folder(data_dir, data_dir, two_sets)?;
    let train = data_dir.join("train");
    let valid = VALID.map(|name| data_dir.join(name));
    let missing = match (train.is_dir(), valid.iter().find(|folder| folder.is_dir())) {
        (true, Some(valid)) => return Ok(Splits { train, valid: valid.clone() }),
        (true, None) => valid[0].clone(),
        (false, _) => train,
    };
    if missing.exists() {
        check_folder(&missing, data_dir, two_sets)?;
    }
    let problem = format!("does not exist{}", instead(data_dir, missing.ends_with("train"))?);
    Err(Error::DataFolder { path: missing, problem, layout: two_sets(data_dir) })
}

/// What exists instead of a missing folder, and what to do, as the rest of a sentence.
fn instead(data_dir: &Path, no_train: bool) -> Result<String> {
    let names: Vec<String> =
        subfolders(data_dir)?.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let shown = data_dir.display();
    if no_train && let Some(deeper) = names.iter().find(|name| data_dir.join(name).join("train").is_dir()) {
        return Ok(format!(", but {shown}/{deeper}/train does: use the folder {shown}/{deeper}"));
    }
    if names.is_empty() {
        return Ok(format!(", and {shown} has no folders"));
    }
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    let there = format!("; {shown} has {}{more}", names[..names.len().min(NAMED)].join(", "));
    let alike =
        |wanted: &[&str]| names.iter().find(|name| wanted.contains(&name.to_lowercase().as_str())).cloned();
    let (wanted, cure) = match no_train {
        true => ("train", alike(&["train", "training", "trn"])),
        false => ("valid", alike(&["valid", "val", "validation", "test", "testing", "dev", "eval"])),
    };
    Ok(match cure {
        Some(name) if name == "test" => format!(
            "{there}: rename {shown}/test to {shown}/valid to validate on its pictures, or split the others with \
             `ImageFolder::train_valid_split(\"{shown}/train\", SplitOptions::default(), &data_transforms)?`"
        ),
        Some(name) => format!("{there}: rename {name} to {wanted}"),
        None if no_train => format!(
            "{there}: if these are the classes, `ImageFolder::train_valid_split(\"{shown}\", \
             SplitOptions::default(), &data_transforms)?` splits their pictures"
        ),
        None => format!(
            "{there}: `ImageFolder::train_valid_split(\"{shown}/train\", SplitOptions::default(), \
             &data_transforms)?` splits the pictures of train"
        ),
    })
}

/// # Errors
/// When `folder` is missing or no folder; the message shows the layout of `root`.
pub(super) fn check_folder(folder: &Path, root: &Path, layout: fn(&Path) -> String) -> Result<()> {
    let problem = match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "is a file, not a folder",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist",
        Err(error) => return Err(Error::io("reading", folder)(error)),
    };
    Err(Error::DataFolder { path: folder.to_path_buf(), problem: problem.into(), layout: layout(root) })
}

fn two_sets(root: &Path) -> String {
    let root = root.display();
    format!(
        "  {root}/train/<class>/*.jpg   one folder for each class\n  \
           {root}/valid/<class>/*.jpg   the same classes, other pictures (or {root}/val)"
    )
}
