//! The networks that are a stack of features, a pooling and a classifier.

use tch::Tensor;

use super::{Module, Parts, Pass};
use crate::Result;

/// `features`, `avgpool`, flattened, `classifier`: AlexNet, VGG, MobileNetV3, EfficientNet.
pub(super) struct FeatureNet {
    /// The Python class.
    pub(super) kind: &'static str,
    pub(super) parts: Parts,
}

impl Module for FeatureNet {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let features = self.parts.chain(&["features", "avgpool"], input, pass)?;
        self.parts.call("classifier", &features.f_flatten(1, -1)?, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}
