//! What the crate's own values say to the kernel as the last expression of a cell, seen from outside.
//! The contract itself is tested in crates/herbarium-notebook.

#[path = "../crates/herbarium-notebook/tests/scenes/mod.rs"]
mod scenes;

use herbarium::models::{Parameters, Predictions, StateDict};
use herbarium::notebook;
use herbarium::prelude::*;
use herbarium::train::Evaluation;
use herbarium::transforms::{Sample, Transform};
use scenes::{messages, shown_texts};
use serde_json::json;

#[test]
fn scenes() {
    scenes::play(|scene| match scene {
        "last values" => last_values(),
        "figures" => figures(),
        "panics" => panics(),
        other => panic!("no scene {other}"),
    });
}

/// As evcxr writes a cell's last expression.
#[allow(clippy::unit_arg, clippy::needless_borrow, clippy::double_parens)]
fn last_values() {
    let tensor = tch::Tensor::from_slice(&[1.0f32, -2.0, 0.5]);
    let names: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    (tensor).evcxr_display();
    (&tensor).evcxr_display();
    (tensor.size()).evcxr_display();
    (names[0..2]).evcxr_display();
    (()).evcxr_display();
    (vec![tensor.shallow_clone()]).evcxr_display();
    (Some(tensor.shallow_clone())).evcxr_display();
    (tensor.f_reshape([3])).evcxr_display();
    (tch::Tensor::zeros([2, 0], tch::kind::INT64_CPU)).evcxr_display();
    (tch::Tensor::from(7i64)).evcxr_display();
    (tch::Tensor::new()).evcxr_display();
}

/// Never run: that it compiles is what counts, because evcxr builds a cell twice if it does not.
#[allow(dead_code, clippy::too_many_arguments)]
fn every_type_of_the_crate_can_stand_last(
    trained: (&Model, &Parameters, &StateDict, &Predictions, &Checkpoint, &History, &Evaluation),
    optimizers: (&Adam, &AdamW, &Sgd, &StepLr, &ReduceLrOnPlateau, &CosineAnnealingLr, &CrossEntropyLoss),
    loaded: (&Batch, &DataLoader, &Splits<DataLoader>, &Splits<ImageFolder>, &ImageFolder, &AnnotationFile),
    prepared: (&CategoryNames, &Compose, &Transform, &Sample, &Splits<usize>, &TrainOptions, &LoaderOptions),
    results: (
        &herbarium::Result<Batch>,
        &herbarium::Result<Figure>,
        &herbarium::Result<Model>,
        &herbarium::Error,
    ),
) {
    (*trained.0).evcxr_display();
    (*trained.1).evcxr_display();
    (*trained.2).evcxr_display();
    (*trained.3).evcxr_display();
    (*trained.4).evcxr_display();
    (*trained.5).evcxr_display();
    (*trained.6).evcxr_display();
    (*optimizers.0).evcxr_display();
    (*optimizers.1).evcxr_display();
    (*optimizers.2).evcxr_display();
    (*optimizers.3).evcxr_display();
    (*optimizers.4).evcxr_display();
    (*optimizers.5).evcxr_display();
    (*optimizers.6).evcxr_display();
    (*loaded.0).evcxr_display();
    (*loaded.1).evcxr_display();
    (*loaded.2).evcxr_display();
    (*loaded.3).evcxr_display();
    (*loaded.4).evcxr_display();
    (*loaded.5).evcxr_display();
    (*prepared.0).evcxr_display();
    (*prepared.1).evcxr_display();
    (*prepared.2).evcxr_display();
    (*prepared.3).evcxr_display();
    (*prepared.4).evcxr_display();
    (*prepared.5).evcxr_display();
    (*prepared.6).evcxr_display();
    (*results.0).evcxr_display();
    (*results.1).evcxr_display();
    (*results.2).evcxr_display();
    (*results.3).evcxr_display();
}

#[test]
fn every_value_shows_itself_as_the_last_expression() {
    let shown = shown_texts("last values");
    let tensor = "torch.Size([3]) Float Cpu, min -2.0000, max 1.0000, mean -0.1667, \
                  first [1.0000, -2.0000, 0.5000]";
    let expected = [
        tensor,
        tensor,
        "[3]",
        "[\"1\", \"2\"]",
        &format!("[{tensor}]"),
        &format!("Some({tensor})"),
        tensor,
        "torch.Size([2, 0]) Int64 Cpu, empty",
        "torch.Size([]) Int64 Cpu, value 7",
        "Tensor (undefined)",
    ];
    assert_eq!(shown, expected);
}

fn figures() {
    let grey = || im_convert(&tch::Tensor::zeros([3, 8, 8], tch::kind::FLOAT_CPU));
    (grey().unwrap()).evcxr_display();
    (grey()).evcxr_display();
    (im_convert(&tch::Tensor::zeros([8], tch::kind::FLOAT_CPU))).evcxr_display();
    (display(&grey().unwrap())).evcxr_display();
    (tch::Tensor::from_slice(&[1, 2, 3]).f_reshape([7])).evcxr_display();
}

#[test]
fn a_figure_shows_itself_with_and_without_a_question_mark() {
    let told = messages("figures");
    let kinds: Vec<&str> = told.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["result", "result", "error", "display", "error"]);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0]["data"]["text/plain"], "a picture of 8 x 8 pixels");
    // The PNG signature in base64.
    assert!(told[0]["data"]["image/png"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let alt = "a picture of 8 x 8 pixels";
    assert_eq!(told[0]["metadata"]["image/png"], json!({ "width": 320, "height": 320, "alt": alt }));
    assert_eq!(told[2]["ename"], "Error");
    assert!(told[2]["evalue"].as_str().unwrap().contains("(3, H, W)"));
    assert_eq!(told[4]["evalue"], "libtorch: shape '[7]' is invalid for input of size 3");
}

fn panics() {
    notebook::init().unwrap();
    let _ = std::panic::catch_unwind(|| tch::Tensor::from_slice(&[1, 2, 3]).reshape([7]));
}

#[test]
fn a_panic_inside_tch_is_an_error_message_without_machinery() {
    let told = messages("panics");
    let torch = "libtorch: shape '[7]' is invalid for input of size 3";
    assert_eq!(told[0]["evalue"], torch);
    let traceback: Vec<&str> =
        told[0]["traceback"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(traceback, [format!("Panic: {torch}").as_str(), "  raised inside tch-0.26.0"]);
    assert_eq!(told.len(), 1);
}
