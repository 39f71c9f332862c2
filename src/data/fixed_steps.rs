//! The part of a pipeline that gives the same result in every epoch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::{DecodeOptions, Decoded, Decoder};

use super::Decoding;
use super::picture_warning::warn;
use super::read_image::unreadable;
use crate::transforms::{Compose, Sample, Transform};
use crate::{Error, Result};

/// Reading a picture and the deterministic transforms at the start of a pipeline, as long as they give pictures:
/// the result is what a loader caches. Cloning is cheap.
#[derive(Clone)]
pub struct FixedSteps {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    transforms: Compose,
    /// All of them but the first.
    later: Compose,
    /// The transforms' exact description, one a line.
    description: String,
}

/// One sample of a data set of pictures, in the two steps in which it is read.
#[derive(Debug, Clone, Copy)]
pub struct TwoSteps<'a> {
    /// The picture's file.
    pub path: &'a Path,
    /// Its class.
    pub label: i64,
    /// What is done to it in every epoch alike.
    pub fixed: &'a FixedSteps,
    /// What is done to it then, up to the tensor.
    pub varying: &'a Compose,
}

impl FixedSteps {
    /// The fixed steps of `pipeline` and what remains of it, for pictures below `root`.
    ///
    /// They end before the first step that is random, makes a tensor, or is not the crate's own: a
    /// custom step may behave differently tomorrow.
    pub fn split(root: impl Into<PathBuf>, pipeline: &Compose) -> (FixedSteps, Compose) {
        let transforms = pipeline.transforms();
        let descriptions: Vec<String> = transforms.iter().map_while(exact_description).collect();
        let (fixed, varying) = transforms.split_at(descriptions.len());
        let shared = Shared {
            root: root.into(),
            transforms: Compose::new(fixed.to_vec()),
            later: Compose::new(fixed.iter().skip(1).cloned().collect()),
            description: descriptions.join("\n"),
        };
        (FixedSteps { shared: Arc::new(shared) }, Compose::new(varying.to_vec()))
    }

    /// The folder that the pictures belong to.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The fixed transforms.
    pub fn transforms(&self) -> &[Transform] {
        self.shared.transforms.transforms()
    }

    /// What is done to a picture, exactly: equal where the result is equal.
    pub(super) fn description(&self) -> &str {
        &self.shared.description
    }

    /// Whether the two are the same object.
    pub(super) fn is(&self, other: &FixedSteps) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Reads the picture at `path` and applies the transforms.
    ///
    /// # Errors
    /// When it cannot be read or transformed; the error names the file.
    pub fn read(&self, path: &Path, decoding: Decoding) -> Result<RgbImage> {
        let (Decoded { picture, warning }, first_is_done) =
            self.decode(path, decoding).map_err(|error| unreadable(path, error))?;
        warn(warning, Some(self.root()), path);
        let rest = if first_is_done { &self.shared.later } else { &self.shared.transforms };
        apply(rest, picture).map_err(|error| Error::Sample { path: path.into(), source: Box::new(error) })
    }

    /// The picture at `path`, and whether the first transform has been applied to it on the way: a resize takes a
    /// JPEG's rows as they are decoded, and with [`Decoding::Reduced`] no more is decoded than it needs.
    fn decode(&self, path: &Path, decoding: Decoding) -> pillow_pixels::Result<(Decoded, bool)> {
        let decoder = Decoder::open(path)?;
        let first = self.transforms().first();
        let Some((size, resampling)) = first.and_then(|first| first.as_resize(decoder.dimensions())) else {
            return Ok((decoder.decode(DecodeOptions::default())?, false));
        };
        let at_least = (decoding == Decoding::Reduced).then_some(size);
        let options = DecodeOptions { at_least, ..Default::default() };
        Ok((decoder.decode_resized(size, resampling, options)?, true))
    }

    /// Applies the transforms.
    pub(super) fn apply(&self, picture: RgbImage) -> Result<RgbImage> {
        apply(&self.shared.transforms, picture)
    }
}

fn apply(transforms: &Compose, picture: RgbImage) -> Result<RgbImage> {
    if transforms.transforms().is_empty() {
        return Ok(picture);
    }
    // These steps never use it.
    let mut rng = Rng::with_seed(0);
    Transform::picture(transforms.apply(Sample::Picture(picture), &mut rng)?, "Compose")
}

impl std::fmt::Display for FixedSteps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("decode")?;
        self.transforms().iter().try_for_each(|transform| write!(f, ", {transform}"))
    }
}

impl std::fmt::Debug for FixedSteps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The deterministic steps from picture to picture.
const PICTURE_STEPS: [&str; 4] = ["Resize", "CenterCrop", "Pad", "Grayscale"];

/// Everything that the result of a fixed step depends on. Only the crate's own steps can be written
/// as JSON, with all their arguments.
fn exact_description(transform: &Transform) -> Option<String> {
    let keeps = transform.is_deterministic() && PICTURE_STEPS.contains(&transform.name().as_str());
    keeps.then(|| transform.to_json().ok()).flatten().map(|json| json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ReadOptions;
    use crate::transforms::*;

    #[test]
    fn the_fixed_steps_end_at_randomness_and_at_the_tensor() {
        let split = |transforms| {
            let (fixed, varying) = FixedSteps::split("/pictures", &Compose::new(transforms));
            (fixed.transforms().len(), varying.transforms().len())
        };
        assert_eq!(
            split(vec![resize([96, 96]), random_rotation(45.0), center_crop(64), to_tensor()]),
            (1, 3)
        );
        assert_eq!(
            split(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
            (1, 2)
        );
        assert_eq!(split(vec![random_resized_crop(64), to_tensor()]), (0, 2));
        assert_eq!(split(vec![resize(80), center_crop(64), to_tensor()]), (2, 1));
    }

    /// Rows that go through a resize as they are decoded give the pixels of the whole picture's resize.
    #[test]
    fn through_a_resize() {
        let first_steps = [
            resize([24, 24]),
            resize([130, 40]).interpolation(Interpolation::Bicubic),
            resize([24, 24]).interpolation(Interpolation::Nearest),
            resize([61, 97]),
            resize(20).max_size(30),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole.jpg");
        for (width, height) in [(97, 61), (16, 8), (200, 131), (5, 3)] {
            let whole =
                RgbImage::from_fn(width, height, |x, y| image::Rgb([x * y, x + y, x * 3].map(|v| v as u8)));
            whole.save(&path).unwrap();
            for (first, decoding) in
                first_steps.iter().flat_map(|first| [(first, Decoding::Exact), (first, Decoding::Reduced)])
            {
                let size = first.resized_size((width, height)).filter(|_| decoding == Decoding::Reduced);
                let at_least = size.map(|(width, height)| [height, width]);
                let picture = ReadOptions { at_least, ..Default::default() }.read(&path).unwrap();
                let (fixed, _) = FixedSteps::split("", &Compose::new(vec![first.clone()]));
                let expected = fixed.apply(picture).unwrap();
                assert!(
                    fixed.read(&path, decoding).unwrap() == expected,
                    "{width}x{height}, {first}, {decoding:?}"
                );
            }
        }
    }
}
