//! The forms that values have on a page: small, without scripts, readable on light and dark pages.

use herbarium::models::Predictions;
use herbarium::prelude::*;
use herbarium::viz::{TsneOptions, tsne};
use tch::Tensor;

/// The HTML of a value, kept with `HERBARIUM_LOOK` on a page of JupyterLab's two themes.
fn page<By>(value: &impl Show<By>, name: &str) -> String {
    let html = value.bundle().get("text/html").unwrap();
    if let Some(folder) = std::env::var_os("HERBARIUM_LOOK") {
        let half = |ground: &str, ink: &str, pale: &str, layout: &str| {
            format!(
                "<div style=\"background:{ground};color:{ink};padding:16px;--jp-content-font-color2:{pale};\
                 --jp-layout-color3:{layout}\">{html}</div>"
            )
        };
        let both = half("#fff", "#222", "#555", "#ddd") + &half("#111", "#eee", "#bbb", "#444");
        let style = "<style>body{margin:0;font:14px sans-serif} table{border-collapse:collapse;font-size:13px} \
                     td,th{padding:4px 8px;text-align:right}</style>";
        let path = std::path::Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(path, format!("<!doctype html><meta charset=\"utf-8\">{style}{both}")).unwrap();
    }
    assert!(!html.contains("<script") && html.len() < 60_000, "{name}: {} bytes", html.len());
    assert!(html.matches("<img").count() == html.matches("alt=").count(), "{name}: pictures have words");
    assert!(!value.bundle().get("text/plain").unwrap().is_empty());
    html
}

#[test]
fn tensors_show_what_they_hold() {
    let picture = Tensor::rand([3, 64, 64], tch::kind::FLOAT_CPU);
    assert!(page(&picture, "tensor-picture").contains("64 x 64 pixels, as values of 0 to 1"));
    let weights = Tensor::randn([24, 40], tch::kind::FLOAT_CPU);
    let _ = weights.get(3).get(5).fill_(f64::NAN);
    let html = page(&weights, "tensor-weights");
    assert!(
        html.contains("<b>NaN</b>") && html.contains(">1 of 960</td>") && html.contains("24 x 40, blue -"),
        "{html}"
    );
    assert!(!page(&Tensor::from_slice(&[1i64, 2, 3]), "tensor-labels").contains("<img"));
}

#[test]
fn pipelines_predictions_trainings_and_checkpoints() {
    let pipeline = Compose::new(vec![
        resize([96, 96]),
        random_rotation(45.0),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]);
    assert!(page(&pipeline, "compose").contains("<b>RandomRotation</b>"));
    tch::manual_seed(2);
    let preds = Predictions::from_logits(&(Tensor::randn([20, 12], tch::kind::FLOAT_CPU) * 2.0)).unwrap();
    assert!(page(&preds, "predictions").contains("and 8 more"));
    let trained = crate::plots::history(20);
    assert!(page(&trained, "history").contains("18 ★"));
    let model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu).unwrap();
    let optimizer = Adam::new(model.trainable_parameters(), 1e-2);
    let mut checkpoint = Checkpoint::of(&model, &optimizer, 0.62, 7).unwrap();
    checkpoint.class_names = vec!["<1>".into(), "99".into()];
    let html = page(&checkpoint, "checkpoint");
    assert!(html.contains("resnet18 for 12 classes") && html.contains("&lt;1&gt; … 99"), "{html}");
}

/// Points as t-SNE gets them from a network, in the number that a map has by default.
#[test]
fn a_thousand_points_take_seconds() {
    tch::manual_seed(3);
    let features = Tensor::randn([1000, 512], tch::kind::FLOAT_CPU);
    let start = std::time::Instant::now();
    let map = tsne(&features, TsneOptions::default()).unwrap();
    println!("t-SNE of 1000 points: {:?}", start.elapsed());
    assert_eq!(map.size(), [1000, 2]);
}
