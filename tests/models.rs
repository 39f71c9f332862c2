//! What one does with a model: freezing, modes, predictions, and what it says to bad input.

use herbarium::models::layers::{Linear, Sequential};
use herbarium::models::{BatchNormMode, Mode, Model, Pretrained, StateDict, initialize_model, resnet18};
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
    assert!(told(model.predict(&pictures(&[7]))).contains("got (7,), a tensor that is no batch"));
    let bytes = Tensor::zeros([2, 3, 64, 64], (Kind::Uint8, CPU));
    assert!(told(model.forward(&bytes)).contains("of uint8: `to_kind(Kind::Float)`"));
    Ok(())
}

#[test]
fn names_and_class_counts_are_checked() {
    let of = |name, classes| told(initialize_model(name, classes, Pretrained::No, CPU));
    assert!(of("resnet81", 3).contains("did you mean \"resnet18\"?"));
    assert!(of("resnet18", 0).contains("cannot tell 0 classes apart"));
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
