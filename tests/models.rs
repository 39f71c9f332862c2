//! What one does with a model: freezing, modes, predictions, and what it says to bad input.

mod networks;

use std::path::{Path, PathBuf};

use herbarium::models::layers::{Dropout, Identity, Linear, Sequential};
use herbarium::models::{
    BatchNormMode, Mode, Model, Outputs, Pretrained, StateDict, get_model, initialize_model, known_models,
    resnet18,
};
use herbarium::prelude::{
    CategoryNames, Checkpoint, Classifier, Compose, CrossEntropyLoss, ImageFolder, LoaderOptions, Sgd,
    Splits, StepLr, TrainOptions, train_model,
};
use herbarium::transforms::{IMAGENET_MEAN, IMAGENET_STD, normalize, resize, to_tensor};
use networks::ONE_OF_EACH;
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const CPU: Device = Device::Cpu;

fn pictures(size: &[i64]) -> Tensor {
    Tensor::rand(size, (Kind::Float, CPU))
}

fn told<T>(result: Result<T, herbarium::Error>) -> String {
    result.err().expect("this must be refused").to_string()
}

fn value(model: &Model, name: &str) -> f64 {
    model
        .state_dict()
        .get(name)
        .map_or(f64::NAN, |tensor| f64::try_from(tensor.to_kind(Kind::Double).mean(None)).unwrap())
}

fn same(left: &StateDict, right: &StateDict) -> bool {
    left.keys() == right.keys() && left.iter().zip(right).all(|((_, left), (_, right))| left.equal(right))
}

#[test]
fn the_tutorials_list_of_what_is_learned() -> Outcome {
    let mut model = resnet18(102, CPU)?;
    assert_eq!(model.parameter_count().to_string(), "11,228,838 parameters, 11,228,838 trainable");
    model.freeze_all_but_head();
    assert_eq!(format!("{:?}", model.params_to_learn()), "Params to learn:\n\t fc.weight\n\t fc.bias");
    // 512 × 102 weights and 102 biases.
    assert_eq!(model.parameter_count().to_string(), "11,228,838 parameters, 52,326 trainable");
    assert_eq!(model.trainable_parameters().names(), ["fc.weight", "fc.bias"]);
    model.unfreeze_all();
    assert_eq!(model.trainable_parameters().len(), model.named_parameters().len());
    Ok(())
}

#[test]
fn layers_are_frozen_by_their_path() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    model.freeze_all_but_head();
    model.unfreeze("layer4.1")?;
    model.unfreeze("bn1.weight")?;
    model.freeze("fc.bias")?;
    let learned = [
        "bn1.weight",
        "layer4.1.conv1.weight",
        "layer4.1.bn1.weight",
        "layer4.1.bn1.bias",
        "layer4.1.conv2.weight",
        "layer4.1.bn2.weight",
        "layer4.1.bn2.bias",
        "fc.weight",
    ];
    assert_eq!(model.params_to_learn().names, learned);

    let unknown = told(model.freeze("layer5"));
    assert!(
        unknown.contains("no layer \"layer5\"; resnet18 has: conv1, bn1, relu, maxpool, layer1"),
        "{unknown}"
    );
    let unknown = told(model.unfreeze("layer1.0.conv3"));
    assert!(unknown.contains("layer1.0 has: conv1, bn1, relu, conv2, bn2"), "{unknown}");
    assert!(told(model.freeze("fc.weights")).contains("fc has: weight, bias"));
    assert!(told(model.freeze("layer")).contains("no layer \"layer\""));
    assert!(told(model.freeze("")).contains("no layer"));
    assert!(told(model.freeze("relu")).contains("learns nothing"));
    assert_eq!(model.params_to_learn().names, learned);
    let near = told(model.freeze("layr4.1.bn2"));
    assert!(near.ends_with("Did you mean layer4.1.bn2, layer1.1.bn2, layer2.1.bn2?"), "{near}");
    let near = told(model.freeze("layers1*"));
    assert!(near.contains("Did you mean layer1"), "{near}");
    Ok(())
}

#[test]
fn parts_are_named_by_patterns() -> Outcome {
    let mut model = get_model("squeezenet1_1", 3, CPU)?;
    model.freeze("features.*")?;
    assert_eq!(model.params_to_learn().names, ["classifier.1.weight", "classifier.1.bias"]);
    model.unfreeze("features.1?.squeeze")?;
    let squeezes = ["features.10", "features.11", "features.12"];
    let names = squeezes.iter().flat_map(|at| [format!("{at}.squeeze.weight"), format!("{at}.squeeze.bias")]);
    let classifier = ["classifier.1.weight", "classifier.1.bias"].map(String::from);
    assert_eq!(model.params_to_learn().names, names.chain(classifier).collect::<Vec<_>>());

    let groups = (model.parameters_of("features.*")?, model.parameters_of("classifier")?);
    assert_eq!(groups.0.len() + groups.1.len(), model.named_parameters().len());
    assert_eq!(groups.1.names(), ["classifier.1.weight", "classifier.1.bias"]);
    assert_eq!(groups.0.trainable().len(), 6);
    assert_eq!(model.named_parameters().except("features").names(), groups.1.names());
    assert!(model.named_parameters().matching("*.bias").names().iter().all(|name| name.ends_with("bias")));
    assert!(told(model.parameters_of("classifier.0")).contains("learns nothing"));
    assert!(told(model.parameters_of("clasifier")).contains("Did you mean classifier"));
    Ok(())
}

#[test]
fn batch_norms_of_some_parts_stand_still() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    let images = pictures(&[2, 3, 32, 32]);
    let moved = |model: &Model, at: &str| value(model, &format!("{at}.num_batches_tracked"));
    model.set_batch_norm_of("layer[12]", BatchNormMode::Still)?;
    let _ = model.forward(&images)?;
    let places = ["bn1", "layer1.0.bn1", "layer2.0.downsample.1", "layer3.0.bn1"];
    assert_eq!(places.map(|at| moved(&model, at)), [1.0, 0.0, 0.0, 1.0]);
    // Those of the whole model stand still whatever the parts say.
    model.set_batch_norm(BatchNormMode::Still);
    model.set_batch_norm_of("layer[12]", BatchNormMode::Moving)?;
    let _ = model.forward(&images)?;
    assert_eq!(places.map(|at| moved(&model, at)), [1.0, 0.0, 0.0, 1.0]);
    model.set_batch_norm(BatchNormMode::StillWhereFrozen);
    model.freeze_all_but_head();
    model.unfreeze("layer3")?;
    let _ = model.forward(&images)?;
    assert_eq!(places.map(|at| moved(&model, at)), [1.0, 0.0, 0.0, 2.0]);
    assert!(told(model.set_batch_norm_of("fc", BatchNormMode::Still)).contains("has no batch norms"));
    assert!(told(model.set_batch_norm_of("layer9", BatchNormMode::Still)).contains("no layer"));
    Ok(())
}

#[test]
fn a_part_is_replaced() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    model.freeze_all_but_head();
    model.replace("fc", Sequential::new().with(Dropout::new(0.3)?).with(Linear::new(512, 7)?))?;
    assert_eq!((model.num_classes(), model.head()), (7, &["fc".to_owned()][..]));
    assert_eq!(model.params_to_learn().names, ["fc.1.weight", "fc.1.bias"]);
    assert_eq!(model.predict(&pictures(&[2, 3, 32, 32]))?.probabilities().size(), [2, 7]);
    model.replace("layer4.1", Identity)?;
    assert!(model.to_string().contains("    (1): Identity()\n"));
    assert_eq!(model.part("layer4.1")?.kind(), "Identity");
    assert!(!model.state_dict().contains("layer4.1.conv1.weight"));
    assert_eq!(model.forward(&pictures(&[2, 3, 32, 32]))?.size(), [2, 7]);
    model
        .replace_head(4)
        .map(|()| panic!("a head that is a block cannot be told from another"))
        .unwrap_or_else(|error| assert!(error.to_string().contains("neither a linear layer"), "{error}"));

    let gone = told(model.replace("layer5", Identity));
    assert!(gone.contains("no layer \"layer5\"") && gone.contains("Did you mean layer1"), "{gone}");
    assert!(told(model.replace("conv1.weight", Identity)).contains("not a single layer or block"));
    let other = told(
        model.replace("layer4", Linear::new(4, 4)?).and_then(|()| model.forward(&pictures(&[2, 3, 32, 32]))),
    );
    assert!(other.starts_with("resnet18: layer4, Linear(in_features=4"), "{other}");
    Ok(())
}

#[test]
fn inner_activations_are_read_by_name() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    let images = pictures(&[2, 3, 64, 64]);
    let found = model.activations(&["avgpool", "bn1", "layer4", "layer4.1"], &images)?;
    assert_eq!(found.names(), ["avgpool", "bn1", "layer4", "layer4.1"]);
    assert_eq!(found.get("layer4").map(Tensor::size), Some(vec![2, 512, 2, 2]));
    assert!(found.get("layer4").zip(found.get("layer4.1")).is_some_and(|(stage, block)| stage.equal(block)));
    // What the ReLU after it overwrites is kept as it was.
    assert!(found.get("bn1").is_some_and(|tensor| tensor.min().double_value(&[]) < 0.0));
    assert_eq!((model.mode(), value(&model, "bn1.num_batches_tracked")), (Mode::Train, 0.0));
    assert!(found.to_string().contains("layer4.1  (2, 512, 2, 2) float32"), "{found}");

    model.eval();
    let logits = model.forward(&images)?;
    let state = model.state_dict();
    let (weight, bias) = (state.get("fc.weight").ok_or("no weight")?, state.get("fc.bias").ok_or("no bias")?);
    let pooled = model.activation("avgpool", &images)?.flatten(1, -1);
    assert!(pooled.linear(weight, Some(bias)).allclose(&logits, 1e-5, 1e-6, false));
    assert!(!pooled.requires_grad());

    assert!(told(model.activation("layer9", &images)).contains("no layer"));
    assert!(told(model.activation("conv1.weight", &images)).contains("not a single layer or block"));
    Ok(())
}

#[test]
fn gradients_reach_an_activation_of_a_frozen_trunk() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    model.freeze_all_but_head();
    model.eval();
    let images = pictures(&[1, 3, 64, 64]);
    let (logits, pooled) = model.forward_with(&images, "avgpool")?;
    assert!(logits.allclose(&model.forward(&images)?, 1e-5, 1e-6, false));
    let gradients =
        Tensor::f_run_backward(&[logits.select(1, 2).sum(Kind::Float)], &[&pooled], false, false)?;
    // A logit is a weighted sum of what the pooling gives: its gradient is the weights.
    let weight = model.state_dict().remove("fc.weight").ok_or("no weight")?;
    assert!(gradients[0].flatten(0, -1).allclose(&weight.select(0, 2), 1e-6, 1e-7, false));

    let (logits, found) = model.forward_with_all(&images, &["layer3", "layer4.1"])?;
    let (early, late) = (&found.iter().as_slice()[0].1, &found.iter().as_slice()[1].1);
    let gradients = Tensor::f_run_backward(&[logits.sum(Kind::Float)], &[early, late], false, false)?;
    assert_eq!(gradients.iter().map(Tensor::size).collect::<Vec<_>>(), [early.size(), late.size()]);
    assert!(gradients.iter().all(|gradient| gradient.abs().max().double_value(&[]) > 0.0));
    Ok(())
}

#[test]
fn inception_has_a_second_head_in_training() -> Outcome {
    let mut model = initialize_model("inception", 5, Pretrained::No, CPU)?;
    assert_eq!(model.head(), ["AuxLogits.fc", "fc"]);
    model.freeze_all_but_head();
    let heads = ["AuxLogits.fc.weight", "AuxLogits.fc.bias", "fc.weight", "fc.bias"];
    assert_eq!(model.params_to_learn().names, heads);
    let images = pictures(&[2, 3, 299, 299]);
    let small = pictures(&[1, 3, 75, 75]);
    let outputs = model.forward_train(&images)?;
    assert_eq!(outputs.aux.as_ref().map(Tensor::size), Some(vec![2, 5]));
    // With the sum as loss of one head: main + 0.4 · auxiliary.
    let sum = |logits: &Tensor| Ok(logits.sum(Kind::Float));
    let expected =
        outputs.logits.sum(Kind::Float) + outputs.aux.as_ref().ok_or("no aux")?.sum(Kind::Float) * 0.4;
    assert!(outputs.loss(sum)?.allclose(&expected, 1e-5, 1e-6, false));
    assert_eq!(Outputs::AUX_WEIGHT, 0.4);
    let refused = told(model.forward_train(&small));
    assert!(refused.contains("inception_v3 in train mode takes 299 × 299 and larger"), "{refused}");

    model.eval();
    assert!(model.forward_train(&small)?.aux.is_none());
    assert!(told(model.activation("AuxLogits", &small)).contains("does not work in Eval mode"));
    assert_eq!(model.transform_input(), Some(false));
    let plain = model.forward(&small)?;
    model.set_transform_input(true)?;
    // From ImageNet's normalisation to 0.5 and 0.5, by hand.
    let (mean, deviation) = (Tensor::from_slice(&IMAGENET_MEAN), Tensor::from_slice(&IMAGENET_STD));
    let shape = [1, 3, 1, 1];
    let back = (&small * 0.5 + 0.5 - mean.reshape(shape)) / deviation.reshape(shape);
    let off = (model.forward(&back.to_kind(Kind::Float))? - &plain).norm() / plain.norm();
    let off = off.double_value(&[]);
    assert!(off < 1e-4, "off by {off} of the norm");
    assert!(told(resnet18(2, CPU)?.set_transform_input(true)).contains("resnet18 has no transform_input"));
    Ok(())
}

#[test]
fn a_classifier_keeps_the_range_of_inceptions_input() -> Outcome {
    let mut model = initialize_model("inception", 2, Pretrained::No, CPU)?;
    model.set_transform_input(true)?;
    let classes = ["daisy", "rose"].map(String::from);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("inception.safetensors");
    let valid = model.transforms()?.valid;
    Classifier::new(&model, &classes, &CategoryNames::from_classes(&classes), &valid)?.save(&path)?;
    let classifier = Classifier::load(&path)?;
    assert_eq!(classifier.model().transform_input(), Some(true));
    Ok(())
}

#[test]
fn a_checkpoint_keeps_the_range_of_inceptions_input() -> Outcome {
    let mut model = initialize_model("inception", 2, Pretrained::No, CPU)?;
    model.set_transform_input(true)?;
    let mut other = initialize_model("inception", 2, Pretrained::No, CPU)?;
    let optimizer = Sgd::new(model.trainable_parameters(), 0.1);
    let folder = tempfile::tempdir()?;
    for name in ["inception.safetensors", "inception.pth"] {
        let path = folder.path().join(name);
        Checkpoint::of(&model, &optimizer, 0.5, 0)?.save(&path)?;
        other.set_transform_input(false)?;
        Checkpoint::load(&path)?.load_into(&mut other)?;
        assert_eq!(other.transform_input(), Some(true), "{name}");
    }
    Ok(())
}

#[test]
fn transforms_are_torchvisions_presets() -> Outcome {
    let model = get_model("efficientnet_b0", 3, CPU)?;
    assert_eq!(model.input_size(), Some(224));
    let Splits { train, valid } = model.transforms()?;
    let valid = valid.to_string();
    assert!(valid.contains("Resize(size=256, interpolation=bicubic"), "{valid}");
    assert!(
        valid.contains("CenterCrop(size=(224, 224))") && valid.contains("Normalize(mean=[0.485"),
        "{valid}"
    );
    let train = train.to_string();
    assert!(
        train.contains("RandomResizedCrop(size=(224, 224)") && train.contains("RandomHorizontalFlip"),
        "{train}"
    );
    let mine = Model::from_module("mine", Box::new(Linear::new(4, 2)?), &[], 2, CPU)?;
    assert!(told(mine.transforms()).contains("mine was built by hand"));
    assert_eq!(mine.input_size(), None);
    Ok(())
}

/// The smallest pictures that torchvision's networks take in eval mode; found by trying.
fn smallest(name: &str) -> i64 {
    match name {
        "alexnet" => 63,
        "vgg11" | "vgg11_bn" | "convnext_tiny" => 32,
        "squeezenet1_0" => 21,
        "squeezenet1_1" => 17,
        "densenet121" => 29,
        "inception_v3" => 75,
        _ => 1,
    }
}

fn photographs() -> Result<PathBuf, herbarium::Error> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/flowers12");
    if shared.is_dir() {
        return Ok(shared);
    }
    println!("../shared/data/flowers12 is not there: trained on the painted flowers");
    herbarium::data::flowers()
}

/// Each kind of network, from `initialize_model` through `train_model`, on few and small pictures: the new
/// head, what is frozen, the smallest pictures, an epoch of everything.
#[test]
fn every_family_trains_for_an_epoch() -> Outcome {
    let folder = photographs()?;
    for &name in ONE_OF_EACH {
        let mut model = initialize_model(name, 12, Pretrained::No, CPU)?;
        model.freeze_all_but_head();
        let head = model.params_to_learn().names;
        let heads = model.head().to_vec();
        let learned: Vec<String> =
            heads.iter().flat_map(|path| [format!("{path}.weight"), format!("{path}.bias")]).collect();
        assert_eq!(head, learned, "{name}");
        model.unfreeze_all();
        takes_no_less_than(&model, smallest(name))?;

        let side = if name == "inception_v3" { 299 } else { smallest(name).max(32) };
        let whole = |side| {
            Compose::new(vec![resize([side, side]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)])
        };
        let sets = ImageFolder::splits(&folder, &Splits { train: whole(side), valid: whole(side) })?;
        let every = |set: &ImageFolder, count: usize| {
            let all = herbarium::data::Dataset::len(set);
            set.subset(&(0..count).map(|index| index * all / count).collect::<Vec<_>>())
        };
        let few = Splits { train: every(&sets.train, 4)?, valid: every(&sets.valid, 2)? };
        let loaders = few.loaders(LoaderOptions { batch_size: 4, shuffle: true, ..Default::default() });
        let mut optimizer = Sgd::new(model.trainable_parameters(), 1e-3);
        let mut scheduler = StepLr::new(&optimizer, 1, 0.1);
        let options = TrainOptions { num_epochs: 1, verbose: false, ..Default::default() };
        let start = std::time::Instant::now();
        let history = train_model(
            &mut model,
            &loaders,
            &CrossEntropyLoss::new(),
            &mut optimizer,
            &mut scheduler,
            options,
        )?;
        println!("{name}: loss {:.3} at {side} px in {:.1?}", history.train_losses[0], start.elapsed());
        assert!(history.train_losses[0].is_finite() && history.valid_losses[0].is_finite());
        for parameter in model.named_parameters() {
            assert!(parameter.tensor.grad().defined(), "{name}: nothing reached {}", parameter.name);
        }
        for path in &heads {
            let bias =
                model.named_parameters().get(&format!("{path}.bias")).map(Tensor::grad).ok_or("no bias")?;
            assert!(bias.abs().max().double_value(&[]) > 0.0, "{name}: nothing for {path} to learn");
        }
        let classes = model.predict(&pictures(&[1, 3, side, side]))?.probabilities().size()[1];
        assert_eq!((classes, model.num_classes()), (12, 12));
    }
    Ok(())
}

/// Pictures of `side` go through, and those of one pixel less are refused with layer and sizes.
fn takes_no_less_than(model: &Model, side: i64) -> Outcome {
    assert_eq!(model.predict(&pictures(&[1, 3, side, side]))?.probabilities().size(), [1, 12]);
    if side > 1 {
        let less = side - 1;
        let refused = told(model.predict(&pictures(&[1, 3, less, less])));
        let name = model.name();
        assert!(refused.starts_with(&format!("{name}: ")), "{refused}");
        let advice =
            format!("pictures of {less} × {less} are too small: {name} takes {side} × {side} and larger");
        assert!(refused.contains(&advice) && refused.contains("cannot take (1, "), "{refused}");
    }
    Ok(())
}

/// Runs one test of this file in a separate process, with a folder of weights.
fn in_child(test: &str, weights: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("HERBARIUM_TEST_ROLE", "child")
        .env("HERBARIUM_WEIGHTS", weights)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn is_child() -> bool {
    std::env::var_os("HERBARIUM_TEST_ROLE").is_some()
}

#[test]
fn a_trunk_without_its_classifier_is_loaded_under_a_new_head() -> Outcome {
    const FILE: &str = "mobilenet_v2_trunk.safetensors";
    if is_child() {
        let model = initialize_model("mobilenet_v2", 12, Pretrained::Required, CPU)?;
        let folder = std::env::var("HERBARIUM_WEIGHTS")?;
        let (trunk, _) = herbarium::weights::load_safetensors(Path::new(&folder).join(FILE))?;
        let own = model.state_dict();
        assert!(trunk.iter().all(|(name, tensor)| own.get(name).is_some_and(|own| own.equal(tensor))));
        return Ok(());
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/weights");
    let temporary = tempfile::tempdir()?;
    let folder = if shared.join(FILE).exists() {
        shared
    } else {
        println!("../shared/weights is not there: a trunk of random weights is loaded");
        let mut trunk = get_model("mobilenet_v2", 2, CPU)?.state_dict();
        trunk.remove("classifier.1.weight");
        trunk.remove("classifier.1.bias");
        herbarium::weights::save_safetensors(temporary.path().join(FILE), &trunk, &Default::default())?;
        temporary.path().to_owned()
    };
    let told = in_child("a_trunk_without_its_classifier_is_loaded_under_a_new_head", &folder)?;
    // 158 floating tensors, of which the two of the classifier are not there.
    assert!(told.contains("mobilenet_v2: loaded 260 of 262 tensors from"), "{told}");
    assert!(told.contains("missing there, so random: classifier.1"), "{told}");
    Ok(())
}

#[test]
fn torchvisions_weights_are_known_by_their_files_name() -> Outcome {
    if is_child() {
        let model = initialize_model("squeezenet1_1", 3, Pretrained::Required, CPU)?;
        let weights = model.pretrained_weights().ok_or("not known")?;
        assert_eq!((weights.model(), weights.version()), ("squeezenet1_1", "IMAGENET1K_V1"));
        assert_eq!(model.transforms()?.valid.to_string(), weights.transforms().to_string());
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let known = herbarium::weights::named("squeezenet1_1")?;
    herbarium::weights::save(
        folder.join(known.file()),
        &get_model("squeezenet1_1", 1000, CPU)?.state_dict(),
    )?;
    let told = in_child("torchvisions_weights_are_known_by_their_files_name", folder)?;
    assert!(told.contains("new head for 3 classes, random: classifier.1"), "{told}");
    Ok(())
}

#[test]
fn a_frozen_trunk_has_no_gradients() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    model.freeze_all_but_head();
    model.forward(&pictures(&[2, 3, 64, 64]))?.square().sum(Kind::Float).backward();
    for parameter in model.named_parameters() {
        assert_eq!(
            parameter.tensor.grad().defined(),
            parameter.name.starts_with("fc."),
            "{}",
            parameter.name
        );
    }
    Ok(())
}

#[test]
fn moving_batch_norms_move_and_still_ones_do_not() -> Outcome {
    let mut model = resnet18(3, CPU)?;
    model.freeze_all_but_head();
    assert_eq!((model.mode(), model.batch_norm()), (Mode::Train, BatchNormMode::Moving));
    let images = pictures(&[4, 3, 64, 64]);
    let before = model.state_dict().deep_copy()?;

    model.set_batch_norm(BatchNormMode::Still);
    let still = model.forward(&images)?;
    assert!(same(&model.state_dict(), &before));
    model.eval();
    assert!(model.forward(&images)?.allclose(&still, 1e-5, 1e-6, false));

    model.train();
    model.set_batch_norm(BatchNormMode::Moving);
    let moving = model.forward(&images)?;
    assert!(!moving.allclose(&still, 1e-3, 1e-3, false));
    assert_eq!(value(&model, "bn1.num_batches_tracked"), 1.0);
    assert_eq!(value(&model, "layer4.1.bn2.num_batches_tracked"), 1.0);
    assert_ne!(value(&model, "bn1.running_mean"), 0.0);
    let _ = model.forward(&images)?;
    assert_eq!(value(&model, "bn1.num_batches_tracked"), 2.0);

    let one = told(model.forward(&pictures(&[1, 3, 16, 16])));
    assert!(one.contains("more than one value per channel"), "{one}");
    Ok(())
}

#[test]
fn predictions_are_those_of_eval_mode_and_change_nothing() -> Outcome {
    let mut model = resnet18(5, CPU)?;
    let images = pictures(&[3, 3, 64, 64]);
    let before = model.state_dict().deep_copy()?;
    let predictions = model.predict(&images)?;
    assert_eq!(model.mode(), Mode::Train);
    assert!(same(&model.state_dict(), &before));
    assert!(!predictions.probabilities().requires_grad());
    assert_eq!(predictions.probabilities().size(), [3, 5]);

    model.eval();
    let logits = model.forward(&images)?;
    assert!(logits.requires_grad());
    assert!(logits.softmax(-1, Kind::Float).allclose(predictions.probabilities(), 1e-5, 1e-6, false));
    let best = Vec::<i64>::try_from(logits.argmax(-1, false))?;
    assert_eq!(predictions.indices(), best.iter().map(|&class| class as usize).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn bad_input_is_told_in_a_sentence() -> Outcome {
    let model = resnet18(3, CPU)?;
    let one = told(model.forward(&pictures(&[3, 64, 64])));
    assert!(one.starts_with("resnet18 expects (N, 3, H, W) float32, got (3, 64, 64), one picture"), "{one}");
    assert!(one.contains("unsqueeze(0)"), "{one}");
    assert!(told(model.predict(&pictures(&[2, 64, 64, 3]))).contains("permute([0, 3, 1, 2])"));
    assert!(told(model.predict(&pictures(&[2, 1, 64, 64]))).contains("grey"));
    assert!(told(model.predict(&pictures(&[2, 3, 0, 64]))).contains("without a single pixel"));
    assert!(told(model.predict(&pictures(&[7]))).contains("got (7,), a tensor that is not a batch"));
    let bytes = Tensor::zeros([2, 3, 64, 64], (Kind::Uint8, CPU));
    assert!(told(model.forward(&bytes)).contains("of uint8: `to_kind(Kind::Float)`"));
    Ok(())
}

#[test]
fn names_and_class_counts_are_checked() {
    let of = |name, classes| told(initialize_model(name, classes, Pretrained::No, CPU));
    assert!(of("resnet81", 3).contains("did you mean \"resnet18\"?"));
    assert_eq!(known_models().len(), 28);
    assert!(of("vgg16bn", 3).contains("did you mean \"vgg16_bn\"?"));
    assert!(of("resnet18", 0).contains("cannot have 0 classes"));
    assert!(told(resnet18(0, CPU)).contains("number of folders"));
    let missing = told(resnet18(3, Device::Cuda(99)));
    assert!(missing.contains("no CUDA device 99"), "{missing}");
    assert!(initialize_model("resnet", 3, Pretrained::No, CPU).is_ok_and(|model| model.name() == "resnet18"));
}

#[test]
fn a_model_moves_between_threads_and_shows_itself_as_python_does() -> Outcome {
    let model = std::thread::spawn(|| resnet18(2, CPU)).join().map_err(|_| "the thread panicked")??;
    let text = format!("{model:?}");
    assert!(text.starts_with(
        "ResNet(\n  (conv1): Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)\n"
    ));
    assert!(text.ends_with("\n  (fc): Linear(in_features=512, out_features=2, bias=True)\n)"));
    Ok(())
}

#[test]
fn a_network_of_ones_own_is_a_model_too() -> Outcome {
    let tree = || -> Result<_, herbarium::Error> {
        Ok(Box::new(Sequential::new().with_named("only", Linear::new(4, 2)?)))
    };
    let mut model = Model::from_module("mine", tree()?, &["only"], 2, CPU)?;
    assert_eq!(
        model.to_string(),
        "Sequential(\n  (only): Linear(in_features=4, out_features=2, bias=True)\n)"
    );
    assert_eq!(model.state_dict().keys(), ["only.weight", "only.bias"]);
    model.freeze("only")?;
    assert_eq!(model.params_to_learn().to_string(), "Params to learn:\n\t none: every layer is frozen");
    assert_eq!(model.forward(&pictures(&[1, 3, 5, 4]))?.size(), [1, 3, 5, 2]);
    assert!(told(Model::from_module("mine", tree()?, &["fc"], 2, CPU)).contains("mine has no layer \"fc\""));
    Ok(())
}

#[test]
fn a_state_dict_is_the_models_own_and_a_deep_copy_is_not() -> Outcome {
    let model = resnet18(2, CPU)?;
    let (own, copy) = (model.state_dict(), model.state_dict().deep_copy()?);
    let bias = model.named_parameters().get("fc.bias").map(Tensor::detach).ok_or("no fc.bias")?;
    let _ = bias.shallow_clone().fill_(7.0);
    assert!(own.get("fc.bias").is_some_and(|shared| shared.equal(&bias)));
    assert!(copy.get("fc.bias").is_some_and(|kept| !kept.equal(&bias)));
    assert!(!own.get("fc.weight").is_none_or(Tensor::requires_grad));
    let text = own.to_string();
    let line = text.lines().nth(1).unwrap_or_default();
    assert!(line.starts_with("  conv1.weight  ") && line.ends_with("  (64, 3, 7, 7) float32"), "{text}");
    Ok(())
}

/// torchvision's `model.aux_logits = False`.
#[test]
fn an_inception_without_its_second_head_trains_on_small_pictures() {
    let mut model = get_model("inception_v3", 3, Device::Cpu).unwrap();
    model.train();
    let images = Tensor::rand([2, 3, 75, 75], (Kind::Float, Device::Cpu));
    let told = model.forward_train(&images).unwrap_err().to_string();
    assert!(told.contains("75 × 75 are too small") && told.contains("set_aux_logits(false)"), "{told}");
    model.set_aux_logits(false).unwrap();
    let outputs = model.forward_train(&images).unwrap();
    assert_eq!((outputs.logits.size(), outputs.aux.is_none()), (vec![2, 3], true));
    let told = resnet18(3, Device::Cpu).unwrap().set_aux_logits(false).unwrap_err().to_string();
    assert!(told.contains("resnet18 has no auxiliary head"), "{told}");
}
