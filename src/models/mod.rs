//! The networks: torchvision's classifiers as trees of named modules, and what one does with them.
//!
//! [`initialize_model`] is the tutorial's function of that name: a [`Model`] with a new head for
//! one's own classes, on pretrained weights where there are any. A family of networks is one file
//! ([`resnet`](mod@resnet)), written with the layers of [`layers`].
//!
//! ```
//! use herbarium::prelude::*;
//!
//! let mut model_ft = initialize_model("resnet18", 102, Pretrained::No, tch::Device::Cpu)?;
//! model_ft.freeze_all_but_head();
//! assert_eq!(model_ft.params_to_learn().to_string(), "Params to learn:\n\t fc.weight\n\t fc.bias");
//! # Ok::<(), herbarium::Error>(())
//! ```

mod freezing;
mod init;
mod initialize;
pub mod layers;
mod loading;
mod model;
mod module;
mod parameters;
mod predictions;
mod registry;
pub mod resnet;
mod show;
mod state_dict;

pub use initialize::{Pretrained, initialize_model};
pub use model::Model;
pub use module::{BatchNormMode, Mode, Module, Pass, Role, Slot};
pub use parameters::{Parameter, ParameterCount, Parameters, ParamsToLearn};
pub use predictions::{Guess, Predictions};
pub use registry::known_models;
pub use resnet::{resnet18, resnet34, resnet50, resnet101, resnet152};
pub use state_dict::{StateDict, Strictness};
