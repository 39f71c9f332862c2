//! Networks as blocks, and the learning rates of their layers.

use herbarium::prelude::*;

use crate::support::*;

#[test]
fn a_network_is_drawn_as_blocks() {
    let mut model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu).unwrap();
    model.freeze_all_but_head();
    let figure = plot_network(&model, [1, 3, 64, 64]).unwrap();
    look(&figure, "network-frozen.png");
    let lines: Vec<&str> = figure.alt().lines().collect();
    assert_eq!(
        lines,
        [
            "resnet18 for 1 x 3 x 64 x 64: 11,182,668 parameters, 6,156 of them trainable",
            "picture: 3 x 64 x 64, no parameters",
            "conv1 … relu: 64 x 32 x 32, 9,536 parameters, frozen",
            "maxpool: 64 x 16 x 16, no parameters",
            "layer1: 64 x 16 x 16, 147,968 parameters, frozen",
            "layer2: 128 x 8 x 8, 525,568 parameters, frozen",
            "layer3: 256 x 4 x 4, 2,099,712 parameters, frozen",
            "layer4: 512 x 2 x 2, 8,393,728 parameters, frozen",
            "avgpool: 512 x 1 x 1, no parameters",
            "fc: 12, 6,156 parameters, trainable",
        ]
    );
    model.unfreeze_all();
    model.freeze("layer4.0").unwrap();
    let part = plot_network(&model, [1, 3, 224, 224]).unwrap();
    look(&part, "network-part.png");
    assert!(
        part.alt().contains("layer4: 512 x 7 x 7, 8,393,728 parameters, 4,720,640 of them trainable"),
        "{part}"
    );
    let blue = |figure: &Figure| count(figure, [31, 119, 180]);
    assert!(blue(&part) > 5 * blue(&figure), "{} {}", blue(&part), blue(&figure));
    assert!(plot_network(&model, [0, 3, 64, 64]).is_err());
}

/// No family has more blocks than a page can show, and each is named.
#[test]
fn every_family_fits_a_page() {
    for name in ["squeezenet1_1", "mobilenet_v2", "densenet121", "vgg11_bn", "alexnet", "mobilenet_v3_small"]
    {
        let model = initialize_model(name, 5, Pretrained::No, Device::Cpu).unwrap();
        let figure = plot_network(&model, [1, 3, 64, 64]).unwrap();
        look(&figure, &format!("network-{name}.png"));
        let blocks = figure.alt().lines().count() - 1;
        assert!((4..=14).contains(&blocks) && figure.height() < 700, "{name}: {blocks} blocks\n{figure}");
    }
}

/// The peaks are those of the options: the head alone, then a tenth, a mean and the whole of `lr`, geometrically.
#[test]
fn learning_rates_of_fine_tune_are_drawn_by_group() {
    let model = initialize_model("resnet18", 12, Pretrained::No, Device::Cpu).unwrap();
    let options = FineTuneOptions { layer_groups: 2, ..Default::default() };
    let figure = plot_learning_rates(&model, 8, &options).unwrap();
    look(&figure, "learning_rates.png");
    let lines: Vec<&str> = figure.alt().lines().collect();
    assert_eq!(lines[0], "Learning rates of fine_tune for resnet18");
    assert_eq!(lines[1], "only what is new in resnet18 learns, 4 epochs:");
    assert_eq!(lines[2], "  fc: up to 0.005");
    assert_eq!(lines[3], "3 groups of layers, 6 epochs:");
    let peaks: Vec<&str> = lines[4..].iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(peaks, ["8e-5", "2.53e-4", "8e-4"], "{figure}");
    assert!(lines[4].starts_with("  conv1 … ") && lines[6].starts_with("  fc:"), "{figure}");
    assert!(
        model.named_parameters().iter().all(|parameter| parameter.tensor.requires_grad()),
        "nothing is frozen"
    );
    let gradual = FineTuneOptions { gradual: true, frozen_epochs: 0, ..options };
    look(&plot_learning_rates(&model, 8, &gradual).unwrap(), "learning_rates-gradual.png");
    let none = FineTuneOptions { epochs: 0, frozen_epochs: 0, ..Default::default() };
    assert!(plot_learning_rates(&model, 8, &none).unwrap_err().to_string().contains("no learning rates"));
    assert!(plot_learning_rates(&model, 0, &FineTuneOptions::default()).is_err());
}
