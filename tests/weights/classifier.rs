//! Classifiers out of a file: they say what the model said that went in.

use std::fs;

use herbarium::Error;
use herbarium::classifier::Classifier;
use herbarium::data::CategoryNames;
use herbarium::models::{Model, Pretrained, initialize_model};
use herbarium::notebook::Show;
use herbarium::transforms::{
    Compose, IMAGENET_MEAN, IMAGENET_STD, center_crop, normalize, random_horizontal_flip, resize, to_tensor,
};
use herbarium::weights::{Metadata, load_safetensors, save_safetensors};
use image::{Rgb, RgbImage};
use tch::{Device, Tensor};

use super::{Folder, Outcome};

fn valid() -> Compose {
    Compose::new(vec![resize(40), center_crop(32), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)])
}

fn parts() -> Result<(Model, Vec<String>, CategoryNames), Error> {
    let model = initialize_model("resnet18", 3, Pretrained::No, Device::Cpu)?;
    let classes = ["1", "10", "2"].map(String::from).to_vec();
    let names = CategoryNames::from_classes(&classes);
    Ok((model, classes, names))
}

fn photograph(folder: &Folder) -> Result<std::path::PathBuf, image::ImageError> {
    let path = folder.file("photo.png");
    RgbImage::from_fn(90, 60, |x, y| Rgb([(2 * x) as u8, (3 * y) as u8, 90])).save(&path)?;
    Ok(path)
}

#[test]
fn it_comes_back_ready_to_predict() -> Outcome {
    let folder = Folder::new("classifier")?;
    let (mut model, classes, names) = parts()?;
    // As after a training: in train mode, and later changed again.
    model.train();
    let classifier = Classifier::new(&model, &classes, &names, &valid())?;
    let photo = photograph(&folder)?;
    let said = classifier.predict(&photo)?;
    let file = folder.file("out/flowers.safetensors");
    classifier.save(&file)?;
    let mut bias = model.state_dict().remove("fc.bias").ok_or("no bias")?;
    let _ = tch::no_grad(|| bias.f_fill_(9.0))?;

    let back = Classifier::load(&file)?;
    assert_eq!((back.class_names(), back.category_names()), (classes.as_slice(), classes.as_slice()));
    assert_eq!(back.transforms().to_string(), valid().to_string());
    assert_eq!(back.model().to_string(), model.to_string());
    let again = back.predict(&photo)?;
    assert_eq!(again.answers, said.answers);
    assert_eq!(again.answers.len(), 3);
    assert!((again.answers.iter().map(|answer| answer.probability).sum::<f64>() - 1.0).abs() < 1e-5);
    assert_eq!(again.label(), classes[again.answers[0].class]);

    // What the model says by hand is the same.
    let mut values = Vec::new();
    let picture = herbarium::data::read_image(&photo)?;
    let shape = valid().apply_into(picture, &mut fastrand::Rng::new(), &mut values)?;
    let by_hand = back.model().predict(&Tensor::from_slice(&values).reshape(shape).unsqueeze(0))?;
    assert_eq!(by_hand.class(0)?, again.answers[0].class);
    assert!((by_hand.confidence(0)? - again.confidence()).abs() < 1e-6);

    // It shows a picture, and says the same in words.
    let bundle = again.bundle();
    assert_eq!(bundle.mime_types(), ["text/plain", "image/png"]);
    assert!(again.to_string().contains("photo.png: ") && again.to_string().lines().count() == 4, "{again}");
    assert!(again.figure()?.alt().contains(&format!("{}, ", again.name())));
    // Any reader of safetensors finds plain weights in it.
    assert_eq!(Tensor::read_safetensors(&file)?.len(), model.state_dict().len());
    Ok(())
}

#[test]
fn what_would_not_work_is_refused_at_once() -> Outcome {
    let (model, classes, names) = parts()?;
    let told = |outcome: Result<Classifier, Error>| outcome.expect_err("must be refused").to_string();
    let message = told(Classifier::new(&model, &classes[..2], &names, &valid()));
    assert!(message.contains("has 3 classes, class_names has 2"), "{message}");
    let other = CategoryNames::from_classes(&classes[..2]);
    assert!(told(Classifier::new(&model, &classes, &other, &valid())).contains("'2'"));
    let training = Compose::new(vec![random_horizontal_flip(0.5), to_tensor()]);
    assert!(told(Classifier::new(&model, &classes, &names, &training)).contains("are random"));
    let unfinished = Compose::new(vec![center_crop(32)]);
    assert!(told(Classifier::new(&model, &classes, &names, &unfinished)).contains("to_tensor()"));
    Ok(())
}

#[test]
fn a_file_that_is_no_classifier_says_what_it_is() -> Outcome {
    let folder = Folder::new("classifier-damaged")?;
    let (model, classes, names) = parts()?;
    let classifier = Classifier::new(&model, &classes, &names, &valid())?;
    assert!(classifier.save(folder.file("a.pt")).expect_err("no").to_string().contains("call it"));
    let file = folder.file("a.safetensors");
    classifier.save(&file)?;
    let (tensors, metadata) = load_safetensors(&file)?;
    let changes: [(&str, Option<&str>, &str); 7] = [
        ("herbarium.classifier", None, "is not a classifier"),
        ("herbarium.classifier", Some("2"), "layout 2"),
        ("class_names", Some("[\"1\"]"), "do not fit"),
        ("class_names", Some("{"), "its class_names cannot be read"),
        ("category_names", Some("[]"), "class_names has"),
        ("transforms", Some("{\"transform\": \"Explode\"}"), "Explode"),
        ("model", Some("resnet17"), "resnet18"),
    ];
    for (key, value, expected) in changes {
        let mut changed: Metadata = metadata.clone();
        match value {
            Some(value) => drop(changed.insert(key.into(), value.into())),
            None => drop(changed.remove(key)),
        }
        let path = folder.file("changed.safetensors");
        save_safetensors(&path, &tensors, &changed)?;
        let told = Classifier::load(&path).expect_err("must be refused").to_string();
        assert!(told.contains(expected) && told.contains("changed.safetensors"), "{key}: {told}");
    }
    let photo = folder.file("no-photo.jpg");
    fs::write(&photo, "text")?;
    assert!(classifier.predict(&photo).expect_err("no").to_string().contains("no-photo.jpg"));
    Ok(())
}

#[test]
fn a_whole_network_needs_its_weights() -> Outcome {
    // None of the folders that are searched has convnext's, unless someone put them there.
    if herbarium::weights::find("convnext_tiny").is_none() {
        let told = Classifier::pretrained("convnext_tiny", Device::Cpu).expect_err("no weights").to_string();
        assert!(told.contains("`weights::download(\"convnext_tiny\")?` fetches them (114.4 MB)"), "{told}");
    }
    Ok(())
}

#[test]
fn the_network_goes_into_a_torchscript_file() -> Outcome {
    let folder = Folder::new("torchscript")?;
    let (model, classes, names) = parts()?;
    let classifier = Classifier::new(&model, &classes, &names, &valid())?;
    let file = folder.file("flowers.pt");
    classifier.export_torchscript(&file)?;
    assert_eq!(folder.names()?, ["flowers.pt"]);
    let read = tch::CModule::load(&file)?;
    let pictures = Tensor::randn([5, 3, 32, 32], (tch::Kind::Float, Device::Cpu));
    let expected = classifier.model().forward_in(&pictures, herbarium::models::Mode::Eval)?;
    let found = read.forward_ts(&[&pictures])?;
    assert!((found - expected).abs().max().double_value(&[]) < 1e-4);
    // The classifier's own network learns on as before.
    assert!(!classifier.model().trainable_parameters().is_empty());
    assert!(
        classifier.export_torchscript(folder.file("a.onnx")).expect_err("no").to_string().contains("call it")
    );
    if let Some(python) = std::env::var_os("HERBARIUM_PEER_PYTHON") {
        let script = "import sys, torch; m = torch.jit.load(sys.argv[1]); print(tuple(m(torch.zeros(4, 3, 32, 32)).shape))";
        let output = std::process::Command::new(python).arg("-c").arg(script).arg(&file).output()?;
        assert_eq!(String::from_utf8(output.stdout)?.trim(), "(4, 3)");
    }
    Ok(())
}
