//! A network's features of a data set, and their map.

use std::path::PathBuf;

use fastrand::Rng;
use tch::{Device, Kind, Tensor};

use super::scatter::{Points, draw};
use super::{TsneOptions, pca, tsne};
use crate::data::{CategoryNames, DataLoader};
use crate::models::Model;
use crate::viz::Figure;
use crate::viz::insight::last_map;
use crate::viz::labels::Names;
use crate::{Error, Result, notebook};

/// How features are brought into the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// Near neighbours stay near: [`tsne`](super::tsne).
    #[default]
    Tsne,
    /// The two directions in which the features differ most: [`pca`](super::pca).
    Pca,
}

/// How a map of features is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureMapOptions {
    /// t-SNE or principal components.
    pub projection: Projection,
    /// The maximum number of pictures, chosen at random from a larger data set; 3000 at most for
    /// t-SNE.
    pub most: usize,
    /// Seeds the choice, and the data set's random transforms.
    pub seed: u64,
    /// Whether photographs are shown where there is room.
    pub thumbnails: bool,
    /// How many neighbours t-SNE looks at.
    pub perplexity: f64,
}

impl Default for FeatureMapOptions {
    /// t-SNE of a thousand pictures, with photographs.
    fn default() -> Self {
        Self { projection: Projection::Tsne, most: 1000, seed: 0, thumbnails: true, perplexity: 30.0 }
    }
}

/// Pictures that go through the network together.
const BATCH: usize = 64;

/// What a network makes of pictures, before its last layers decide.
pub struct Features {
    /// (N, D), float32 on the CPU: the maps of the last part that gives some, averaged over their
    /// places.
    pub features: Tensor,
    /// The classes, as indices into `class_names`.
    pub labels: Vec<usize>,
    /// The files; empty paths where there are none.
    pub paths: Vec<PathBuf>,
}

impl Features {
    /// Of at most `most` pictures of a loader's data set, chosen at random with `seed`, in eval mode and
    /// without gradients. Files that cannot be read are left out.
    ///
    /// # Errors
    /// Those of the model; of the data set, if no picture of it can be read; [`Error::Interrupted`] when
    /// the learner stopped it.
    pub fn of(model: &Model, loader: &DataLoader, most: usize, seed: u64) -> Result<Features> {
        let dataset = loader.dataset();
        let mut rng = Rng::with_seed(seed);
        let mut chosen: Vec<usize> = (0..dataset.len()).collect();
        rng.shuffle(&mut chosen);
        chosen.truncate(most);
        chosen.sort_unstable();
        let (mut rows, mut labels, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        let (mut layer, mut unread) = (None, None);
        let _guard = tch::no_grad_guard();
        for places in chosen.chunks(BATCH) {
            let mut pictures = Vec::new();
            for &index in places {
                if notebook::interrupted() {
                    notebook::take_interrupt();
                    return Err(Error::Interrupted);
                }
                match dataset.get(index, &mut rng) {
                    Ok((picture, label)) => {
                        pictures.push(picture);
                        labels.push(usize::try_from(label).unwrap_or(usize::MAX));
                        paths.push(dataset.path(index).map(PathBuf::from).unwrap_or_default());
                    }
                    Err(error) => unread = Some(error),
                }
            }
            if pictures.is_empty() {
                continue;
            }
            let images = Tensor::f_stack(&pictures, 0)?.f_to_device(model.device())?;
            let layer = match &layer {
                Some(layer) => layer,
                None => layer.insert(last_map(model, &images.f_narrow(0, 0, 1)?)?),
            };
            let maps = model.activation(layer, &images)?;
            rows.push(maps.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?.f_to_device(Device::Cpu)?);
        }
        match (rows.is_empty(), unread) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(Error::Argument("the data set has no pictures to make a map of".into())),
            _ => Ok(Features { features: Tensor::f_cat(&rows, 0)?, labels, paths }),
        }
    }
}

impl std::fmt::Display for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Features(torch.Size({:?}) of {} pictures)", self.features.size(), self.labels.len())
    }
}

impl std::fmt::Debug for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A map of a data set as the network sees it: pictures it finds alike lie near each other. Coloured by
/// the classes, whose names stand above them, with photographs where there is room.
///
/// Of t-SNE, only who lies near whom means something: neither the distances between groups nor their sizes do, nor the
/// axes, and another seed or perplexity gives another map.
///
/// # Errors
/// As [`Features::of`], [`tsne`](super::tsne) and [`plot_points`](super::plot_points).
pub fn plot_feature_map(
    model: &Model,
    loader: &DataLoader,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    options: FeatureMapOptions,
) -> Result<Figure> {
    let names = Names::of(class_names, cat_to_name)?;
    let Features { features, labels, paths } = Features::of(model, loader, options.most, options.seed)?;
    // t-SNE lowers it for few pictures; the picture says what was taken.
    let most = ((labels.len() as f64 - 1.0) / 3.0).max(1.0);
    let perplexity = if options.perplexity > most { most } else { options.perplexity };
    let (method, places) = match options.projection {
        Projection::Pca => ("two principal components".to_string(), pca(&features, 2)?),
        Projection::Tsne => {
            let places = tsne(&features, TsneOptions { perplexity, ..Default::default() })?;
            (format!("t-SNE, perplexity {perplexity:.0}"), places)
        }
    };
    let paths = if options.thumbnails { &paths[..] } else { &[] };
    draw(&Points { method: &method, places: &places, labels: &labels, paths }, &names)
}

crate::notebook::rich_by_debug!(Features);
