//! A network layer by layer: sizes, parameters, operations and memory, as
//! [torchinfo](https://github.com/TylerYep/torchinfo) reports them.

mod html;
mod text;
mod watch;

use crate::notebook::numbers::thousands;
use std::fmt;

use tch::{Kind, Tensor};

use super::Model;
use super::forward_pass::Mode;
use super::trace::Trace;
use crate::notebook::{MimeBundle, Show};
use crate::{Error, Result};

/// The default depth of a summary.
const DEPTH: usize = 3;

/// Bytes of a float32.
const FLOAT_BYTES: u64 = 4;

/// A table of a network's layers: see [`Model::summary`].
#[derive(Clone, PartialEq)]
pub struct Summary {
    /// The shape of the input, `(N, 3, H, W)`.
    pub input_size: Vec<i64>,
    /// The layers in the order in which they work, the network itself the first. A layer that works
    /// several times is there several times.
    pub layers: Vec<LayerSummary>,
    /// How many single values the network learns.
    pub total_params: usize,
    /// How many of them are not frozen.
    pub trainable_params: usize,
    /// Multiplications with additions for the whole batch, as torchinfo counts them: those of
    /// convolutions at each pixel, of all other layers once for each picture.
    pub total_mult_adds: u64,
    /// Bytes of the input.
    pub input_bytes: u64,
    /// Bytes of the outputs of all layers with parameters, and of their gradients.
    pub output_bytes: u64,
    /// Bytes of the parameters.
    pub param_bytes: u64,
    depth: usize,
}

/// One call of a layer or block.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSummary {
    /// Its path, empty for the network itself.
    pub path: String,
    /// The Python class.
    pub kind: String,
    /// How deep in the tree it is; the network itself is at 0.
    pub depth: usize,
    /// Its number among those of the same depth, from 1.
    pub index: usize,
    /// The shape of what it is given.
    pub input_size: Vec<i64>,
    /// The shape of what it gives.
    pub output_size: Vec<i64>,
    /// How many single values it learns, with all that is inside.
    pub params: usize,
    /// How many of them are not frozen.
    pub trainable_params: usize,
    /// Those that belong to no inner layer that runs in the pass.
    pub own_params: usize,
    /// Multiplications with additions, with all that is inside.
    pub mult_adds: u64,
    /// Whether it holds no other layers.
    pub is_leaf: bool,
    /// Whether it has already run in the same pass.
    pub recursive: bool,
}

impl Model {
    /// A pass over pictures of this shape, `[N, 3, H, W]`, in eval mode, layer by layer: the output's
    /// shape, parameters, multiplications with additions, what is trainable, and memory.
    ///
    /// ```
    /// use herbarium::prelude::*;
    ///
    /// let model = initialize_model("squeezenet1_1", 102, Pretrained::No, tch::Device::Cpu)?;
    /// let summary = model.summary([1, 3, 64, 64])?;
    /// assert_eq!(summary.total_params, 774_822);
    /// # Ok::<(), herbarium::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] when the shape is empty or not four numbers; as [`forward`](Model::forward).
    pub fn summary(&self, input_size: [i64; 4]) -> Result<Summary> {
        if input_size.iter().any(|&side| side < 1) {
            return Err(Error::Argument(format!(
                "summary({input_size:?}): the shape is [N, 3, H, W], each at least 1"
            )));
        }
        let _guard = tch::no_grad_guard();
        let images = Tensor::f_zeros(input_size, (Kind::Float, self.device))?;
        let collect = watch::Collect::new();
        let logits = self.forward_watched(&images, Mode::Eval, &Trace::new(&collect))?;
        let layers = collect.finish(self.module(), &input_size, &logits.size());
        let count = self.parameter_count();
        let leaves = || layers.iter().filter(|layer| layer.is_leaf);
        let with_params = leaves().filter(|layer| layer.params > 0);
        Ok(Summary {
            input_size: input_size.to_vec(),
            total_params: count.total,
            trainable_params: count.trainable,
            total_mult_adds: leaves().map(|layer| layer.mult_adds).sum(),
            input_bytes: numel(&input_size) * FLOAT_BYTES,
            output_bytes: with_params.map(|layer| 2 * FLOAT_BYTES * numel(&layer.output_size)).sum(),
            param_bytes: FLOAT_BYTES * count.total as u64,
            layers,
            depth: DEPTH,
        })
    }
}

fn numel(size: &[i64]) -> u64 {
    size.iter().product::<i64>() as u64
}

impl Summary {
    /// The same table, shown down to another depth of the tree: 1 is the network's own parts.
    pub fn depth(self, depth: usize) -> Summary {
        Summary { depth, ..self }
    }

    /// Bytes of input, outputs and parameters.
    pub fn total_bytes(&self) -> u64 {
        self.input_bytes + self.output_bytes + self.param_bytes
    }

    /// The first call of the layer at that path.
    pub fn layer(&self, path: &str) -> Option<&LayerSummary> {
        self.layers.iter().find(|layer| layer.path == path)
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        crate::notebook::result(self);
    }

    /// The layers that are shown, each with whether those inside it are not.
    fn shown(&self) -> impl Iterator<Item = (&LayerSummary, bool)> {
        let shown = self.layers.iter().filter(|layer| layer.depth <= self.depth);
        shown.map(|layer| (layer, layer.depth == self.depth))
    }
}

impl LayerSummary {
    /// Its name in the part that holds it; of the network itself the class.
    pub fn name(&self) -> &str {
        if self.path.is_empty() { &self.kind } else { self.path.rsplit('.').next().unwrap_or(&self.path) }
    }

    /// torchinfo's word for its trainability.
    fn trainable(&self) -> &'static str {
        match (self.params, self.trainable_params) {
            (0, _) => "--",
            (_, 0) => "False",
            (all, some) if all == some => "True",
            _ => "Partial",
        }
    }

    /// The cell of its parameters: those that no other row counts.
    fn params_text(&self, closed: bool) -> String {
        match self {
            LayerSummary { params: 0, .. } => "--".into(),
            LayerSummary { recursive: true, .. } => "(recursive)".into(),
            _ if closed || self.is_leaf => {
                let count = thousands(self.params);
                if self.trainable_params > 0 { count } else { format!("({count})") }
            }
            LayerSummary { own_params: 0, .. } => "--".into(),
            _ => thousands(self.own_params),
        }
    }

    /// The cell of its work.
    fn mult_adds_text(&self, closed: bool) -> String {
        match self {
            LayerSummary { mult_adds: 0, .. } => "--".into(),
            _ if closed || self.is_leaf => thousands(self.mult_adds as usize),
            _ => "--".into(),
        }
    }
}

impl Show for Summary {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(html::table(self))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::models::get_model;

    #[test]
    fn a_shape_that_is_none_is_refused() -> Result<()> {
        let model = get_model("squeezenet1_1", 2, Device::Cpu)?;
        assert!(model.summary([0, 3, 64, 64]).unwrap_err().to_string().contains("[N, 3, H, W]"));
        assert!(model.summary([1, 1, 64, 64]).unwrap_err().to_string().contains("grey pictures"));
        let small = model.summary([1, 3, 16, 16]).unwrap_err().to_string();
        assert!(small.contains("takes 17 × 17 and larger"), "{small}");
        Ok(())
    }

    #[test]
    fn what_is_frozen_is_told_part_by_part() -> Result<()> {
        let mut model = get_model("squeezenet1_1", 2, Device::Cpu)?;
        model.freeze_all_but_head();
        let summary = model.summary([1, 3, 32, 32])?.depth(1);
        let text = summary.to_string();
        // 512 × 2 weights and 2 biases.
        assert!(text.contains("Trainable params: 1,026\nNon-trainable params: 722,496"), "{text}");
        assert!(text.contains("├─Sequential (features): 1-1"), "{text}");
        assert!(text.contains("(722,496)") && text.contains("Partial") && !text.contains("Fire"), "{text}");
        let html = summary.bundle().get("text/html").unwrap_or_default();
        assert!(html.contains("<table") && html.contains("classifier") && !html.contains("Fire"), "{html}");
        assert_eq!(
            summary.layer("features.3").map(|layer| layer.output_size.clone()),
            Some(vec![1, 128, 7, 7])
        );
        Ok(())
    }
}
