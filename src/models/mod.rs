//! The networks: torchvision's classifiers as trees of named modules, and the operations on them.
//!
//! [`initialize_model`] is the tutorial's function of that name: a [`Model`] with a new head for
//! your classes, on pretrained weights if there are any. A family of networks is one file
//! ([`resnet`](mod@resnet)), written with the layers of [`layers`].
//!
//! | family | networks | head | made for |
//! |---|---|---|---|
//! | AlexNet | `alexnet` | `classifier.6` | 224 px |
//! | ConvNeXt | `convnext_tiny` | `classifier.2` | 224 px |
//! | DenseNet | `densenet121`, `densenet161`, `densenet169`, `densenet201` | `classifier` | 224 px |
//! | EfficientNet | `efficientnet_b0` | `classifier.1` | 224 px |
//! | Inception | `inception_v3` | `AuxLogits.fc`, `fc` | 299 px |
//! | MobileNet | `mobilenet_v2`; `mobilenet_v3_large`, `mobilenet_v3_small` | `classifier.1`; `classifier.3` | 224 px |
//! | ResNet | `resnet18`, `resnet34`, `resnet50`, `resnet101`, `resnet152`, `resnext50_32x4d`, `wide_resnet50_2` | `fc` | 224 px |
//! | SqueezeNet | `squeezenet1_0`, `squeezenet1_1` | `classifier.1` | 224 px |
//! | VGG | `vgg11`, `vgg13`, `vgg16`, `vgg19`, each also with `_bn` | `classifier.6` | 224 px |
//!
//! Parts have torchvision's names. A path (`layer1`, `features.3.squeeze`) or a pattern (`features.*`,
//! `layer[34]`, `*.bn?`) says which to [`freeze`](Model::freeze), which parameters go into a group of an
//! optimizer ([`parameters_of`](Model::parameters_of)), which batch norms stand still
//! ([`set_batch_norm_of`](Model::set_batch_norm_of)); a path which part to
//! [`replace`](Model::replace) and which output to read ([`activation`](Model::activation),
//! [`forward_with`](Model::forward_with)). [`summary`](Model::summary) is the table of all of them.
//!
//! ```
//! use herbarium::prelude::*;
//!
//! let mut model_ft = initialize_model("resnet18", 102, Pretrained::No, tch::Device::Cpu)?;
//! model_ft.freeze_all_but_head();
//! assert_eq!(model_ft.params_to_learn().to_string(), "Params to learn:\n\t fc.weight\n\t fc.bias");
//! # Ok::<(), herbarium::Error>(())
//! ```

mod activations;
mod alexnet;
mod convnext;
mod densenet;
mod efficientnet;
pub(crate) mod fast_path;
mod features;
mod forward_pass;
mod freezing;
mod inception;
mod init;
mod initialize;
pub mod layers;
mod loading;
mod mobilenetv2;
mod mobilenetv3;
mod model;
mod module;
mod parameters;
mod parts;
mod patterns;
mod predictions;
mod predictions_table;
mod pretrained;
mod registry;
mod replace;
pub mod resnet;
mod show;
mod squeezenet;
mod summary;
mod trace;
mod tree_html;
mod vgg;

pub use activations::Activations;
pub use alexnet::alexnet;
pub use convnext::convnext_tiny;
pub use densenet::{densenet121, densenet161, densenet169, densenet201};
pub use efficientnet::efficientnet_b0;
pub use forward_pass::{BatchNormMode, Mode, Pass};
pub use inception::inception_v3;
pub use initialize::initialize_model;
pub use mobilenetv2::mobilenet_v2;
pub use mobilenetv3::{mobilenet_v3_large, mobilenet_v3_small};
pub use model::Model;
pub use module::{Module, NamedTensor, Outputs, Role};
pub(crate) use module::{is_under, walk};
pub use parameters::{Parameter, ParameterCount, Parameters, ParamsToLearn};
pub use parts::Parts;
pub use predictions::{Guess, Predictions};
pub use pretrained::Pretrained;
pub use registry::{get_model, known_models};
pub use resnet::{resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, wide_resnet50_2};
pub use squeezenet::{squeezenet1_0, squeezenet1_1};
pub use summary::{LayerSummary, Summary};
pub use vgg::{vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn};

pub use crate::weights::{StateDict, Strictness};
