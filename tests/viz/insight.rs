//! Looking into a network: Grad-CAM against PyTorch, filters, activations, maps of features.

use std::fs;
use std::path::{Path, PathBuf};

use herbarium::data::ImageFolder;
use herbarium::models::Strictness;
use herbarium::prelude::*;
use herbarium::viz::{
    FeatureMapOptions, GradCamOptions, GradCamPlot, HeatScale, Projection, grad_cam, plot_points,
};
use herbarium::weights::load_safetensors;
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::formula::{formula_weights, noise};
use crate::support::*;

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

/// The committed maps of `tests/parity/make_grad_cam.py`.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/grad_cam")
}

#[test]
fn grad_cam_agrees_with_pytorch() -> Outcome {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(fixtures().join("manifest.json"))?)?;
    let (maps, _) = load_safetensors(fixtures().join("maps.safetensors"))?;
    let cases = manifest["cases"].as_array().ok_or("no cases")?;
    let number = |case: &Value, name: &str| case[name].as_u64().ok_or(format!("no {name}"));
    for case in cases {
        let name = case["model"].as_str().ok_or("no model")?;
        let classes = number(case, "num_classes")? as usize;
        let mut model = initialize_model(name, classes, Pretrained::No, Device::Cpu)?;
        let weights = formula_weights(&model.state_dict(), case["gain"].as_f64().ok_or("no gain")?);
        model.load_state_dict(&weights, Strictness::Strict)?;
        model.freeze_all_but_head();
        let size: Vec<i64> = serde_json::from_value(case["input"].clone())?;
        let images = noise(size.iter().product(), 1000).reshape(&size).to_kind(Kind::Float);
        let layer = case["layer"].as_str().ok_or("no layer")?.to_string();
        let class = Some(number(case, "class")? as usize);
        let cam = grad_cam(&model, &images, GradCamOptions { layer, class })?;
        let expected = maps.get(case["key"].as_str().ok_or("no key")?).ok_or("no map")?;
        let off = f64::try_from((&cam.heat - expected).abs().max())?;
        println!("{}: off by {off:.1e}", case["key"]);
        assert_eq!(cam.heat.size(), expected.size());
        assert!(off < 1e-3, "{}: off by {off}", case["key"]);
        assert!(
            model.state_dict().iter().all(|(_, tensor)| !tensor.grad().defined()),
            "no gradients are left"
        );
    }
    assert!(cases.len() >= 3);
    Ok(())
}

/// Its weights come from no generator: that is the process's, and other tests draw from it too.
fn small_network() -> Model {
    let mut model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu).unwrap();
    let weights = formula_weights(&model.state_dict(), 3.0);
    model.load_state_dict(&weights, Strictness::Strict).unwrap();
    model
}

/// A bright disc at the right below on a green ground, normalised.
fn disc(side: i64) -> Tensor {
    let at = |channel: usize, x: i64, y: i64| -> f32 {
        let (dx, dy) = (x as f64 / side as f64 - 0.7, y as f64 / side as f64 - 0.65);
        let inside = dx.hypot(dy) < 0.22;
        let value = if inside { [0.95, 0.75, 0.2][channel] } else { [0.2, 0.5, 0.25][channel] };
        ((value - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel]) as f32
    };
    let values: Vec<f32> =
        (0..3 * side * side).map(|i| at((i / side / side) as usize, i % side, i / side % side)).collect();
    Tensor::from_slice(&values).view([3, side, side])
}

#[test]
fn grad_cam_is_drawn_over_the_picture() {
    let (class_names, cat_to_name) = twelve();
    let model = small_network();
    let figure =
        plot_grad_cam(&model, &disc(96), &class_names, &cat_to_name, GradCamPlot::default()).unwrap();
    look(&figure, "grad_cam.png");
    let lines: Vec<&str> = figure.alt().lines().collect();
    let head = "Grad-CAM of layer4 of resnet18 (3 x 3 places, one scale, to ";
    assert!(lines[0].starts_with(head) && lines[0].ends_with("), where the picture speaks for:"), "{figure}");
    assert!(figure.svg().contains("one scale for all"), "a colour bar");
    assert_eq!(lines.len(), 4, "three classes");
    let classes = vec![2, 4];
    let options = GradCamPlot { layer: "layer2".into(), classes, ..Default::default() };
    let figure = plot_grad_cam(&model, &disc(96), &class_names, &cat_to_name, options).unwrap();
    look(&figure, "grad_cam2.png");
    assert!(figure.alt().contains("\nmoth orchid, ") && figure.alt().contains("12 x 12"), "{figure}");
    // On one scale the class with the greatest peak is as on its own, and the other is colder.
    let peak = |class| {
        let options = GradCamOptions { class: Some(class), ..Default::default() };
        grad_cam(&model, &disc(96), options).unwrap().peak
    };
    let drawn = |scale| {
        let options = GradCamPlot { classes: vec![4, 10], scale, ..Default::default() };
        plot_grad_cam(&model, &disc(96), &class_names, &cat_to_name, options).unwrap()
    };
    let (common, each) = (pixels(&drawn(HeatScale::Common)), pixels(&drawn(HeatScale::Each)));
    look(&drawn(HeatScale::Common), "grad_cam-common.png");
    let third = common.width() / 3;
    let changed = |column: u32| {
        let places = (60..third - 60).flat_map(|x| (120..300).map(move |y| (third * column + x, y)));
        places.filter(|(x, y)| common.get_pixel(*x, *y) != each.get_pixel(*x, *y)).count()
    };
    let colder = if peak(4) < peak(10) { (changed(1), changed(2)) } else { (changed(2), changed(1)) };
    assert!(colder.0 > 1000 && colder.1 == 0, "{colder:?} of {} and {}", peak(4), peak(10));
    let large =
        plot_grad_cam(&model, &disc(224), &class_names, &cat_to_name, GradCamPlot::default()).unwrap();
    look(&large, "grad_cam-224.png");
    assert!(large.alt().contains("(7 x 7 places"), "{large}");
    // The picture itself is in colour, its ground (0.2, 0.5, 0.25); over it all is grey or warm.
    let sheet = pixels(&figure);
    let third = sheet.width() / 3;
    let green = |from: u32| {
        let [r, g, b] =
            [0, 1, 2].map(|c| i32::from(sheet.get_pixel(from + third / 3, sheet.height() - 60 - 88).0[c]));
        g > r + 50 && g > b + 50
    };
    assert!(green(0) && !green(third) && !green(2 * third));
}

/// The last part that gives maps is found in every family, by its place in the network.
#[test]
fn every_family_has_a_layer_to_look_at() {
    for (name, layer) in
        [("squeezenet1_1", "features"), ("mobilenet_v2", "features"), ("densenet121", "features")]
    {
        let model = initialize_model(name, 5, Pretrained::No, Device::Cpu).unwrap();
        let cam = grad_cam(&model, &disc(96), GradCamOptions::default()).unwrap();
        assert_eq!(cam.layer, layer, "{name}");
        assert!(cam.resolution.0 > 1 && cam.heat.size() == [96, 96], "{name}: {cam}");
    }
}

#[test]
fn what_grad_cam_cannot_do_is_told() {
    let model = small_network();
    let told = |image: &Tensor, layer: &str, class: Option<usize>| {
        grad_cam(&model, image, GradCamOptions { layer: layer.into(), class }).unwrap_err().to_string()
    };
    let image = disc(64);
    assert!(told(&image, "layer9", None).contains("has no layer \"layer9\""));
    assert!(told(&image, "fc", None).contains("gives [1, 12], not maps"));
    assert!(told(&image, "", Some(12)).contains("there is no class 12: resnet18 has 12 classes"));
    assert!(told(&image.repeat([2, 1, 1, 1]), "", None).contains("one picture is needed"));
    let cam = grad_cam(&model, &image, GradCamOptions::default()).unwrap();
    assert!(format!("{cam:?}").starts_with("GradCam(class="), "{cam:?}");
    let _guard = tch::no_grad_guard();
    assert!(grad_cam(&model, &image, GradCamOptions::default()).is_ok(), "also where gradients are off");
}

#[test]
fn filters_and_activations_are_tiles() {
    let model = small_network();
    let figure = plot_filters(&model).unwrap();
    look(&figure, "filters.png");
    assert_eq!(figure.alt(), "first layer's filters: 64 filters of 7 x 7 in conv1 of resnet18");
    let grid = Grid { rows: 2, columns: 8 };
    let figure = plot_activations(&model, &disc(96), "layer1", grid).unwrap();
    look(&figure, "activations.png");
    assert!(
        figure.alt().starts_with("the picture and 15 of 64 maps of 24 x 24 that layer1 of resnet18 makes")
    );
    let told = plot_activations(&model, &disc(96), "fc", grid).unwrap_err().to_string();
    assert!(told.contains("not maps"), "{told}");
}

/// Three classes of pictures of one colour each: on the map each class is by itself.
#[test]
fn pictures_that_are_alike_lie_together() {
    let root = scratch("map");
    let colours = [("a", [220, 40, 40]), ("b", [40, 200, 60]), ("c", [40, 60, 220])];
    for (class, colour) in colours {
        std::fs::create_dir_all(root.join(class)).unwrap();
        for index in 0..12u8 {
            let colour = colour.map(|value: u8| value.saturating_add(index));
            let path = root.join(class).join(format!("{index}.png"));
            image::RgbImage::from_pixel(32, 32, image::Rgb(colour)).save(path).unwrap();
        }
    }
    let transform = Compose::new(vec![to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let loader = DataLoader::new(ImageFolder::new(&root, transform).unwrap(), LoaderOptions::default());
    let class_names = ["a", "b", "c"].map(String::from).to_vec();
    let cat_to_name = names("map.json", &[("a", "anemone"), ("b", "begonia"), ("c", "cyclamen")]);
    let model = small_network();
    for (projection, file) in [(Projection::Tsne, "map-tsne.png"), (Projection::Pca, "map-pca.png")] {
        let options = FeatureMapOptions { projection, most: 30, ..Default::default() };
        let figure = plot_feature_map(&model, &loader, &class_names, &cat_to_name, options).unwrap();
        look(&figure, file);
        let alt = figure.alt();
        assert!(alt.contains("30 pictures of 3 classes; 100 % have one of their own class nearest"), "{alt}");
        assert!(alt.contains("anemone") && alt.contains("cyclamen"), "{alt}");
        // A photograph among the points: its own colour is there.
        assert!(pixels(&figure).pixels().any(|pixel| pixel.0[0] > 215 && pixel.0[1] < 60 && pixel.0[2] < 60));
        let again = plot_feature_map(&model, &loader, &class_names, &cat_to_name, options).unwrap();
        assert_eq!(again.png(), figure.png(), "the same seed gives the same map");
    }
    let counts =
        plot_class_counts(&ImageFolder::new(&root, Compose::new(vec![])).unwrap(), &cat_to_name).unwrap();
    look(&counts, "counts.png");
    assert!(
        counts
            .alt()
            .starts_with("pictures per class: 36 pictures in 3 classes, 12 to 12 a class\nanemone: 12")
    );
}

/// The numbers of an SVG element's attribute `x`, `y`, `width` and `height`.
fn boxes(svg: &str, element: &str, with: &str) -> Vec<[f32; 4]> {
    let number = |line: &str, name: &str| -> f32 {
        let from = line.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        line[from..from + line[from..].find('"').unwrap()].parse().unwrap()
    };
    let lines = svg.lines().filter(|line| line.starts_with(&format!("<{element} ")) && line.contains(with));
    lines.map(|line| ["x", "y", "width", "height"].map(|name| number(line, name))).collect()
}

/// Twelve classes whose points mix: all are named, and no name lies on another or on a photograph.
#[test]
fn every_class_of_a_map_is_named_off_the_photographs() {
    let (class_names, cat_to_name) = twelve();
    let mut rng = fastrand::Rng::with_seed(3);
    let labels: Vec<usize> = (0..240).map(|i| i % 12).collect();
    let places: Vec<f32> = labels
        .iter()
        .flat_map(|label| {
            let angle = *label as f32 * 0.52;
            [angle.cos() + 0.9 * rng.f32(), angle.sin() + 0.9 * rng.f32()]
        })
        .collect();
    let points = Tensor::from_slice(&places).view([240, 2]);
    let leaf = photograph("leaf.png", [60, 160, 60]);
    let figure = plot_points(&points, &labels, &vec![leaf; 240], &class_names, &cat_to_name).unwrap();
    look(&figure, "map-twelve.png");
    for label in &class_names {
        assert!(figure.alt().contains(cat_to_name.name(label).unwrap()), "{label}: {figure}");
    }
    let svg = figure.svg();
    let (names, photographs) = (boxes(&svg, "rect", "fill-opacity=\"0.86\""), boxes(&svg, "image", ""));
    assert!(names.len() == 12 && photographs.len() > 20, "{} {}", names.len(), photographs.len());
    let apart = |a: &[f32; 4], b: &[f32; 4]| {
        a[0] >= b[0] + b[2] || b[0] >= a[0] + a[2] || a[1] >= b[1] + b[3] || b[1] >= a[1] + a[3]
    };
    for (index, name) in names.iter().enumerate() {
        assert!(names[..index].iter().chain(&photographs).all(|other| apart(name, other)), "{name:?}");
    }
}

#[test]
fn ten_thousand_points_are_drawn_at_once() {
    let count = 10_000;
    let class_names: Vec<String> = (0..102).map(|class| format!("{class:03}")).collect();
    let named: Vec<(&str, &str)> = class_names.iter().map(|label| (label.as_str(), label.as_str())).collect();
    let cat_to_name = names("points.json", &named);
    let labels: Vec<usize> = (0..count).map(|i| i % 102).collect();
    tch::manual_seed(1);
    let centres = Tensor::randn([102, 2], tch::kind::FLOAT_CPU) * 20.0;
    let own: Vec<i64> = labels.iter().map(|label| *label as i64).collect();
    let points = centres.index_select(0, &Tensor::from_slice(&own))
        + Tensor::randn([count as i64, 2], tch::kind::FLOAT_CPU);
    let start = std::time::Instant::now();
    let figure = plot_points(&points, &labels, &[], &class_names, &cat_to_name).unwrap();
    println!("10,000 points: {:?}", start.elapsed());
    look(&figure, "points.png");
    assert!(figure.alt().starts_with("map of the features (map): 10000 pictures of 102 classes"));
    assert!(class_names.iter().all(|name| figure.alt().contains(name.as_str())), "all classes are named");
    let odd = Tensor::full([4, 2], f64::NAN, tch::kind::FLOAT_CPU);
    assert!(plot_points(&odd, &[0; 4], &[], &class_names, &cat_to_name).is_ok());
    let told = plot_points(&odd, &[0; 3], &[], &class_names, &cat_to_name).unwrap_err().to_string();
    assert!(told.contains("4 points, 3 labels and 0 paths"), "{told}");
    let told = plot_points(&odd, &[0, 1, 2, 102], &[], &class_names, &cat_to_name).unwrap_err().to_string();
    assert!(told.contains("class 102"), "{told}");
}
