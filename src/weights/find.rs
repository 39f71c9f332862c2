//! Where pretrained weights are looked for.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalog;
use crate::files::{user_cache, variable};

/// The folder that weights are fetched to: `herbarium/weights` in the user's cache folder
/// (`$XDG_CACHE_HOME`, else `~/.cache`).
pub(super) fn cache_folder() -> Option<PathBuf> {
    Some(user_cache().ok()?.join("herbarium").join("weights"))
}

/// The folders searched for weights, in order: `HERBARIUM_WEIGHTS` if it is set, then
/// `herbarium/weights` in the user's cache folder (`$XDG_CACHE_HOME`, else `~/.cache`), where
/// [`download`](super::download) puts them.
pub fn search_folders() -> Vec<PathBuf> {
    variable("HERBARIUM_WEIGHTS").map(PathBuf::from).into_iter().chain(cache_folder()).collect()
}

/// The weights file for a model (`resnet18`) in the [`search_folders`].
///
/// In each folder `resnet18.safetensors` comes first, then `resnet18-*` (as torchvision names its files,
/// and of several versions the one that it takes by default), then `resnet18_*`; of two that are else
/// alike a `.safetensors` file before a `.pth` before a `.pt`, and then the first by name.
pub fn find(model: &str) -> Option<PathBuf> {
    find_in(model, &search_folders())
}

/// [`find`] in other folders. One that does not exist holds nothing.
pub fn find_in(model: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().find_map(|folder| best_in(folder, model))
}

fn best_in(folder: &Path, model: &str) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.filter_map(|path| Some((rank(&path, model)?, path))).min().map(|(_, path)| path)
}

/// How well a file's name fits a model, the least the best: its stem, whether torchvision would take
/// another version, its ending.
fn rank(path: &Path, model: &str) -> Option<(u8, bool, u8)> {
    let ending = match path.extension()?.to_str()? {
        "safetensors" => 0,
        "pth" => 1,
        "pt" => 2,
        _ => return None,
    };
    let stem = path.file_stem()?.to_str()?;
    // `vgg16_bn.safetensors` is no vgg16: a longer known name has the better claim.
    let claimed = catalog::models()
        .any(|other| other.len() > model.len() && other.starts_with(model) && fit(stem, other).is_some());
    let fit = fit(stem, model).filter(|_| !claimed && path.is_file())?;
    let default =
        catalog::named(model).is_ok_and(|weights| Path::new(weights.file()).file_stem() == path.file_stem());
    Some((fit, !default, ending))
}

fn fit(stem: &str, model: &str) -> Option<u8> {
    match stem.strip_prefix(model)?.chars().next() {
        None => Some(0),
        Some('-') => Some(1),
        Some('_') => Some(2),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_fits_its_model_alone() {
        assert_eq!(fit("resnet18", "resnet18"), Some(0));
        assert_eq!(fit("resnet18-f37072fd", "resnet18"), Some(1));
        assert_eq!(fit("resnet18_partial", "resnet18"), Some(2));
        // As docs/pretraining.md advises where the crate comes without this file.
        assert_eq!(fit("resnet18-painted", "resnet18"), Some(1));
        assert_eq!(fit("resnet180", "resnet18"), None);
        assert_eq!(fit("resnet18", "resnet"), None);
    }
}
